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
    const runs = [0, 1, 2, 3].map((number) => admission.run(task(number)));
    await expect(admission.run(task(4))).rejects.toMatchObject({ code: "LIMIT_REACHED" });
    expect(started).toEqual([0, 1]);
    ends[0]?.();
    await runs[0];
    await Promise.resolve();
    expect(started).toEqual([0, 1, 2]);
    const late = admission.run(task(5));
    for (let at = 1; at < 5; at++) {
      await Promise.resolve();
      ends[at]?.();
      await new Promise(setImmediate);
    }
    expect(await Promise.all([...runs, late])).toEqual([0, 1, 2, 3, 5]);
  });

  it("makes room again after a task that failed", async () => {
    const admission = createAdmission(1, 0);
    await expect(admission.run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await admission.run(async () => 7)).toBe(7);
  });
});
