import type { AbortLike } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { createVirtualClock } from "../../../../test/support/virtual-clock.ts";
import { createCancellation } from "../../src/service/cancellation.ts";
import { type StaggeredTry, staggered } from "../../src/service/staggered.ts";

/** How one try goes: its result after so many ms, or never. */
interface Course {
  readonly after: number;
  readonly result?: string | undefined;
  readonly error?: Error;
}

function race(courses: readonly Course[], atOnce = courses.length, signal?: AbortLike) {
  const clock = createVirtualClock();
  const starts: number[] = [];
  const overtaken: number[] = [];
  const aborted: number[] = [];
  const outcome = staggered<string>({
    tries: courses.length,
    atOnce,
    delay: 100,
    timers: clock,
    signal,
    attempt: (one: StaggeredTry) =>
      new Promise((resolve, reject) => {
        const { after, result, error } = courses[one.index] as Course;
        starts.push(clock.now());
        one.onOvertaken(() => overtaken.push(one.index));
        one.signal.addEventListener("abort", () => aborted.push(one.index));
        one.begin();
        if (after < Number.POSITIVE_INFINITY) {
          clock.schedule(after, () => (error === undefined ? resolve(result) : reject(error)));
        }
      }),
  });
  return { clock, outcome, starts, overtaken, aborted };
}
const never = Number.POSITIVE_INFINITY;

describe("a staggered race", () => {
  it("makes one try where the first answers in time", async () => {
    const { clock, outcome, starts } = race([
      { after: 99, result: "a" },
      { after: 0, result: "b" },
    ]);
    expect(await clock.complete(outcome, { limit: 1000 })).toBe("a");
    await clock.advance(1000);
    expect(starts).toEqual([0]);
    expect(clock.pending).toBe(0);
  });

  it("starts the next beside a slow one, aborts the loser, and says who was overtaken", async () => {
    const { clock, outcome, starts, overtaken, aborted } = race([
      { after: never },
      { after: 10, result: "b" },
      { after: 0, result: "c" },
    ]);
    expect(await clock.complete(outcome, { limit: 1000 })).toBe("b");
    expect(starts).toEqual([0, 100]);
    expect(overtaken).toEqual([0]);
    expect(aborted).toEqual([0, 1]);
  });

  it("takes the answer of a slow one that comes before the one that overtook it", async () => {
    const { clock, outcome } = race([{ after: 150, result: "a" }, { after: never }]);
    expect(await clock.complete(outcome, { limit: 1000 })).toBe("a");
    expect(clock.now()).toBe(150);
  });

  it("starts the next at once after a failure, and gives it the whole delay", async () => {
    const { clock, outcome, starts } = race([{ after: 90 }, { after: never }, { after: 5, result: "c" }]);
    expect(await clock.complete(outcome, { limit: 1000 })).toBe("c");
    expect(starts).toEqual([0, 90, 190]);
  });

  it("ends without a result when all failed", async () => {
    const { clock, outcome, starts } = race([{ after: 10 }, { after: 10 }]);
    expect(await clock.complete(outcome, { limit: 1000 })).toBeUndefined();
    expect(starts).toEqual([0, 10]);
    expect(await clock.complete(race([]).outcome, { limit: 1 })).toBeUndefined();
  });

  it("has no more than its number of tries at once", async () => {
    const { clock, outcome, starts } = race([{ after: 500 }, { after: 350 }, { after: 5, result: "c" }], 2);
    expect(await clock.complete(outcome, { limit: 1000 })).toBe("c");
    expect(starts).toEqual([0, 100, 450]);
  });

  it("ends with the error that a try throws", async () => {
    const { clock, outcome } = race([
      { after: 5, error: new Error("fatal") },
      { after: 0, result: "b" },
    ]);
    await expect(clock.complete(outcome, { limit: 1000 })).rejects.toThrow("fatal");
  });

  it("ends with ABORTED when its signal fires, also before it began", async () => {
    const cancellation = createCancellation();
    const { clock, outcome } = race([{ after: never }], 1, cancellation.signal);
    clock.schedule(30, cancellation.cancel);
    await expect(clock.complete(outcome, { limit: 1000 })).rejects.toMatchObject({ code: "ABORTED" });
    await expect(race([{ after: 0 }], 1, cancellation.signal).outcome).rejects.toMatchObject({
      code: "ABORTED",
    });
  });
});
