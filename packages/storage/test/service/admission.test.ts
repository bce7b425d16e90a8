import { describe, expect, it } from "vitest";
import { createAdmission } from "../../src/service/admission.ts";

describe("admission", () => {
  it("runs tasks up to its cap, lets as many wait as it may, and refuses the next", async () => {
    const admission = createAdmission(2, 2);
    const ends: (() => void)[] = [];
    const started: number[] = [];
    const task = (number: number) => () => {
      started.push(number);
      return new Promise<number>((resolve) => ends.push(() => resolve(number)));
    };
    const runs = [0, 1, 2, 3].map((number) => admission.run(1, task(number)));
    await expect(admission.run(1, task(4))).rejects.toMatchObject({ code: "LIMIT_REACHED" });
    expect(started).toEqual([0, 1]);
    ends[0]?.();
    await runs[0];
    await Promise.resolve();
    expect(started).toEqual([0, 1, 2]);
    const late = admission.run(1, task(5));
    for (let at = 1; at < 5; at++) {
      await Promise.resolve();
      ends[at]?.();
      await new Promise(setImmediate);
    }
    expect(await Promise.all([...runs, late])).toEqual([0, 1, 2, 3, 5]);
  });

  it("makes room again after a task that failed", async () => {
    const admission = createAdmission(1, 0);
    await expect(admission.run(1, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await admission.run(1, async () => 7)).toBe(7);
  });

  it("leaves places free beyond what one party may have at once, and gives it the next as its own end", async () => {
    const admission = createAdmission(4, 10, 2);
    const ends: (() => void)[] = [];
    const hang = () => new Promise<void>((resolve) => ends.push(resolve));
    const greedy = Array.from({ length: 5 }, () => admission.run(1, hang));
    expect(ends.length).toBe(2);
    expect(await admission.run(2, async () => 7)).toBe(7);
    expect(ends.length).toBe(2);
    for (let at = 0; at < 5; at++) {
      expect(ends.length).toBe(Math.min(5, at + 2));
      ends[at]?.();
      await greedy[at];
      await new Promise(setImmediate);
    }
  });

  /** An admission with one place, which a task holds that does not end, and the parties of those that were started. */
  function busy(maxWaiting: number) {
    const admission = createAdmission(1, maxWaiting);
    const started: number[] = [];
    let end = () => {};
    const done = admission.run(0, () => new Promise<void>((resolve) => (end = resolve)));
    const ask = (party: number) =>
      admission.run(party, async () => {
        started.push(party);
      });
    const release = () => {
      end();
      return done;
    };
    return { ask, started, release };
  }

  it("serves parties in turn, each its requests in order", async () => {
    const { ask, started, release } = busy(100);
    const asked = [1, 1, 1, 1, 2, 3, 3].map(ask);
    await release();
    await Promise.all(asked);
    expect(started).toEqual([1, 2, 3, 1, 3, 1, 1]);
  });

  it("takes the newest from whoever has most in line when all places are taken", async () => {
    const { ask, started, release } = busy(4);
    const bulk = [1, 1, 1, 1].map((party) => ask(party).catch((error) => error.code));
    const few = [ask(2), ask(3)];
    await expect(ask(1)).rejects.toMatchObject({ code: "LIMIT_REACHED" });
    await expect(ask(2)).rejects.toMatchObject({ code: "LIMIT_REACHED" });
    await release();
    await Promise.all(few);
    expect(await Promise.all(bulk)).toEqual([undefined, undefined, "LIMIT_REACHED", "LIMIT_REACHED"]);
    expect(started).toEqual([1, 2, 3, 1]);
  });
});
