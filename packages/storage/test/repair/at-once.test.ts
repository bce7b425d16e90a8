import { describe, expect, it } from "vitest";
import { atOnce } from "../../src/repair/at-once.ts";

describe("work at once", () => {
  it("does everything once, no more at a time than the limit", async () => {
    const done: number[] = [];
    let active = 0;
    let most = 0;
    await atOnce([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      most = Math.max(most, ++active);
      await Promise.resolve();
      active--;
      done.push(item);
    });
    expect(done.sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(most).toBe(3);
  });

  it("starts nothing new after an error, and throws it when the rest has ended", async () => {
    const started: number[] = [];
    let ended = 0;
    const work = atOnce([1, 2, 3, 4, 5], 2, async (item) => {
      started.push(item);
      if (item === 1) throw new Error("first");
      await new Promise((resolve) => setImmediate(resolve));
      ended++;
    });
    await expect(work).rejects.toThrow("first");
    expect(started).toEqual([1, 2]);
    expect(ended).toBe(1);
  });
});
