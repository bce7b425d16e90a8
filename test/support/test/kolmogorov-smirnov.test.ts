import { describe, expect, it } from "vitest";
import { ksBound, ksStatistic, ksTellsApart } from "../kolmogorov-smirnov.ts";
import { createSeededRandom } from "../seeded-random.ts";

describe("the two-sample Kolmogorov-Smirnov test", () => {
  it("has the critical values of the tables: c(alpha) * sqrt((n + m) / (n m))", () => {
    for (const [alpha, c] of [
      [0.1, 1.224],
      [0.05, 1.358],
      [0.01, 1.628],
      [0.001, 1.949],
    ] as const) {
      expect(ksBound(100, 50, alpha)).toBeCloseTo(c * Math.sqrt(150 / 5000), 3);
    }
  });

  it("finds the distances of examples counted by hand", () => {
    expect(ksStatistic([1, 2, 3], [1, 2, 3])).toBe(0);
    expect(ksStatistic([1, 2], [3, 4, 5])).toBe(1);
    expect(ksStatistic([1, 2, 3, 4], [3, 4, 5, 6])).toBe(0.5);
    expect(ksStatistic([5, 5, 5, 9], [5, 9, 9, 9])).toBe(0.5);
    expect(() => ksStatistic([], [1])).toThrow(RangeError);
  });

  it("keeps its rate of false alarms, and sees a shift of half a standard deviation", () => {
    const random = createSeededRandom("kolmogorov-smirnov");
    // Four uniform numbers: a standard deviation of 1 / sqrt(3).
    const bell = () => random.fraction() + random.fraction() + random.fraction() + random.fraction();
    const sample = (shift: number) => Array.from({ length: 150 }, () => bell() + shift / Math.sqrt(3));
    let alarms = 0;
    let seen = 0;
    for (let round = 0; round < 150; round++) {
      if (ksTellsApart(sample(0), sample(0), 0.05)) alarms++;
      if (ksTellsApart(sample(0), sample(0.5), 0.05)) seen++;
    }
    expect(alarms).toBeLessThan(150 * 0.09);
    expect(seen).toBeGreaterThan(150 * 0.9);
  });
});
