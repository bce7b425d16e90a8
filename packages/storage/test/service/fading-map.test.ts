import fc from "fast-check";
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

  it("holds the newest after any sets and deletes, as a slow twin does", () => {
    const operation = fc.record({ key: fc.nat(9), isSet: fc.boolean() });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(operation, { maxLength: 60 }),
        (most, operations) => {
          const map = createFadingMap<number, number>(createVirtualClock(), 100, most);
          let twin: number[] = [];
          for (const { key, isSet } of operations) {
            twin = twin.filter((other) => other !== key);
            if (isSet) twin = [...twin, key].slice(-most);
            if (isSet) map.set(key, key);
            else map.delete(key);
            expect(map.size).toBe(twin.length);
          }
          expect([...Array(10).keys()].filter((key) => map.get(key) !== undefined)).toEqual([...twin].sort());
        },
      ),
    );
  });
});
