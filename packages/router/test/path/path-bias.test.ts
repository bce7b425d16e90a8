import { describe, expect, it } from "vitest";
import { BIAS_MIN_CIRCUITS, BIAS_SCALE_CIRCUITS } from "../../src/limits.ts";
import { addCounts, biasLevel, guardBias } from "../../src/path/path-bias.ts";

describe("path bias", () => {
  it.each([
    ["below the least number of circuits nothing, however bad", BIAS_MIN_CIRCUITS - 1, 0, "none"],
    ["from there on an alarm", BIAS_MIN_CIRCUITS, 0, "extreme"],
    ["nothing at seven of ten", 200, 140, "none"],
    ["a notice below seven of ten", 200, 139, "notice"],
    ["a notice at one of two", 200, 100, "notice"],
    ["a warning below one of two", 200, 99, "warn"],
    ["a warning at three of ten", 200, 60, "warn"],
    ["an alarm below three of ten", 200, 59, "extreme"],
    ["nothing without any circuit", 0, 0, "none"],
  ] as const)("is %s", (_title, attempts, successes, level) => {
    expect(biasLevel({ attempts, successes })).toBe(level);
  });

  it("halves both counts past the cap, so that the share stays and old circuits count less", () => {
    let counts = { attempts: 0, successes: 0 };
    for (let build = 0; build < BIAS_SCALE_CIRCUITS; build++) {
      counts = addCounts(counts, { attempts: 1, successes: build % 2 });
    }
    expect(counts).toEqual({ attempts: 300, successes: 150 });
    expect(addCounts(counts, { attempts: 1, successes: 0 })).toEqual({ attempts: 150, successes: 75 });
  });

  it("stays judged while it is halved: a guard that goes bad is flagged after some hundred circuits", () => {
    let counts = { attempts: 300, successes: 300 };
    let bad = 0;
    while (biasLevel(counts) !== "extreme") {
      counts = addCounts(counts, { attempts: 1, successes: bad++ % 5 === 0 ? 1 : 0 });
      expect(counts.attempts).toBeGreaterThanOrEqual(BIAS_MIN_CIRCUITS);
    }
    expect(bad).toBeLessThan(700);
  });

  it("never counts below nothing nor above all: a collapse may come after the halving", () => {
    expect(addCounts({ attempts: 4, successes: 0 }, { attempts: 0, successes: -1 })).toEqual({
      attempts: 4,
      successes: 0,
    });
    expect(addCounts({ attempts: 4, successes: 4 }, { attempts: 0, successes: 1 })).toEqual({
      attempts: 4,
      successes: 4,
    });
  });

  it("is told by place, without names", () => {
    expect(
      guardBias([
        { attempts: 200, successes: 20 },
        { attempts: 1, successes: 1 },
      ]),
    ).toEqual([
      { place: 1, attempts: 200, successes: 20, level: "extreme" },
      { place: 2, attempts: 1, successes: 1, level: "none" },
    ]);
  });
});
