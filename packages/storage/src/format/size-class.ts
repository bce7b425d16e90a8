import { leavesOf, MAX_FILE_BYTES } from "./tree-shape.ts";

/**
 * How the number of a tree's blocks is rounded up, to hide a size beyond a block: not at all; by Padmé, which adds at most 12 %
 * ("Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", PoPETs 2019); to the next power of two.
 */
export type SizeClass = "exact" | "padme" | "power";

export const SIZE_CLASSES: readonly SizeClass[] = ["exact", "padme", "power"];

/** Blocks of a tree of a class: those of its bytes, and then blocks of zeros. */
export function paddedLeaves(leaves: number, sizeClass: SizeClass): number {
  if (sizeClass === "exact" || leaves < 2) return leaves;
  const exponent = lastExponent(leaves);
  const step =
    sizeClass === "power" ? 2 ** exponent : 2 ** Math.max(0, exponent - lastExponent(exponent) - 1);
  return Math.ceil(leaves / step) * step;
}

/** True when a tree over `used` blocks may have `leaves`: when some class makes so many of them. */
export function isPaddedLeaves(leaves: number, used: number): boolean {
  return SIZE_CLASSES.some((sizeClass) => paddedLeaves(used, sizeClass) === leaves);
}

/** No tree of bytes has more leaves. */
export const MAX_LEAVES: number = paddedLeaves(leavesOf(MAX_FILE_BYTES), "power");

/** The largest e with 2^e <= value; 0 for 0. */
function lastExponent(value: number): number {
  let exponent = 0;
  for (let power = 2; power <= value; power *= 2) exponent++;
  return exponent;
}
