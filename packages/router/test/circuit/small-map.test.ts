import fc from "fast-check";
import { expect, it } from "vitest";
import { SmallMap } from "../../src/circuit/small-map.ts";

const step = fc.record({
  what: fc.constantFrom("get", "set", "delete"),
  key: fc.integer({ min: 0, max: 7 }),
  value: fc.integer(),
});

it("a small map answers as the engine's Map does, in the order of entry", () => {
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const [ours, theirs] = [new SmallMap<number, number>(), new Map<number, number>()];
      for (const { what, key, value } of steps) {
        if (what === "get") expect(ours.get(key)).toBe(theirs.get(key));
        else if (what === "delete") expect(ours.delete(key)).toBe(theirs.delete(key));
        else {
          ours.set(key, value);
          theirs.set(key, value);
        }
        expect(ours.size).toBe(theirs.size);
      }
      expect([...ours.values()]).toEqual([...theirs.values()]);
    }),
  );
});
