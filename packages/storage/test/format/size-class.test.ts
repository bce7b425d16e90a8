import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPaddedLeaves, paddedLeaves, SIZE_CLASSES } from "../../src/format/size-class.ts";

describe("a size class", () => {
  it("rounds up as Padmé does, or to powers of two", () => {
    const counts = [0, 1, 2, 3, 8, 9, 16, 17, 100, 129, 1000, 2 ** 38 + 1];
    expect(counts.map((count) => paddedLeaves(count, "exact"))).toEqual(counts);
    expect(counts.map((count) => paddedLeaves(count, "power"))).toEqual([
      0,
      1,
      2,
      4,
      8,
      16,
      16,
      32,
      128,
      256,
      1024,
      2 ** 39,
    ]);
    expect(counts.map((count) => paddedLeaves(count, "padme"))).toEqual([
      0,
      1,
      2,
      3,
      8,
      10,
      16,
      18,
      104,
      144,
      1024,
      2 ** 38 + 2 ** 32,
    ]);
  });

  it("never loses a block, costs no more than it says, and is reached from its own result", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 38 }),
        fc.constantFrom(...SIZE_CLASSES),
        (leaves, sizeClass) => {
          const padded = paddedLeaves(leaves, sizeClass);
          expect(padded).toBeGreaterThanOrEqual(leaves);
          expect(padded).toBeLessThan(leaves * { exact: 1.0001, padme: 1.13, power: 2 }[sizeClass] + 1);
          expect(paddedLeaves(padded, sizeClass)).toBe(padded);
          expect(isPaddedLeaves(padded, leaves)).toBe(true);
        },
      ),
    );
  });

  it("leaves few sizes: Padmé keeps 8 for files of 129 to 256 blocks", () => {
    const sizes = new Set(Array.from({ length: 128 }, (_, i) => paddedLeaves(129 + i, "padme")));
    expect(sizes.size).toBe(8);
  });

  it("is not any number of blocks", () => {
    expect(isPaddedLeaves(101, 100)).toBe(false);
    expect(isPaddedLeaves(99, 100)).toBe(false);
    expect(isPaddedLeaves(0, 0)).toBe(true);
  });
});
