/**
 * True iff both arrays hold the same bytes. The time depends on the lengths, which are public, and not on where the
 * arrays differ.
 */
export function constantTimeEqual(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  let difference = 0;
  for (let at = 0; at < left.length; at++) difference |= left[at]! ^ right[at]!;
  return difference === 0;
}
