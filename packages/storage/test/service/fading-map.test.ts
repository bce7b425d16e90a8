import { describe, expect, it } from "vitest";
import { createVirtualClock } from "../../../../test/support/virtual-clock.ts";
import { createFadingMap } from "../../src/service/fading-map.ts";

describe("a fading map", () => {
  it("forgets an entry after its time, counted from when it was last set", async () => {
    const clock = createVirtualClock();
    const map = createFadingMap<string, number>(clock, 100, 10);
    map.set("a", 1);
    await clock.advance(60);
    map.set("a", 2);
    await clock.advance(99);
    expect(map.get("a")).toBe(2);
    await clock.advance(1);
    expect(map.get("a")).toBeUndefined();
    expect(map.size).toBe(0);
  });

  it("holds as many as it may, and forgets the oldest for one more", () => {
    const map = createFadingMap<number, true>(createVirtualClock(), 100, 3);
    for (const key of [1, 2, 3, 1, 4]) map.set(key, true);
    expect([1, 2, 3, 4].map((key) => map.get(key))).toEqual([true, undefined, true, true]);
    expect(map.size).toBe(3);
    map.delete(4);
    expect(map.size).toBe(2);
  });
});
