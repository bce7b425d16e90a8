import type { CodedFile, PlacedSegment, SegmentGroup } from "./coded-file.ts";

/** True when all of the file but its root can be had from the blocks whose entry in `isThere` is 1. Changes `isThere`: what is decoded is there. */
export function canDecode(file: CodedFile, isThere: Uint8Array): boolean {
  return file.groups.every((group) => canDecodeGroup(group, isThere));
}

/** Rows and columns by turns, until all segments are whole or nothing more comes. */
function canDecodeGroup({ data, cross }: SegmentGroup, isThere: Uint8Array): boolean {
  for (;;) {
    const broken = data.filter((segment) => !decodeRow(segment, isThere));
    if (broken.length === 0) return true;
    for (const segment of cross) decodeRow(segment, isThere);
    if (decodeColumns(broken, cross, isThere) === 0) return false;
  }
}

/** A segment with as many blocks as it has data blocks has them all. */
function decodeRow({ firstBlock, data, parity }: PlacedSegment, isThere: Uint8Array): boolean {
  let there = 0;
  for (let at = firstBlock; at < firstBlock + data + parity; at++) there += isThere[at] as number;
  if (there < data) return false;
  isThere.fill(1, firstBlock, firstBlock + data + parity);
  return true;
}

/** In a column where no more blocks are missing than cross blocks are there, all come back. Returns how many. */
function decodeColumns(
  broken: readonly PlacedSegment[],
  cross: readonly PlacedSegment[],
  isThere: Uint8Array,
): number {
  let decoded = 0;
  for (let column = 0; column < (cross[0]?.data ?? 0); column++) {
    const missing = broken.filter(
      ({ data, firstBlock }) => column < data && isThere[firstBlock + column] === 0,
    );
    const rows = cross.filter(({ firstBlock }) => isThere[firstBlock + column] === 1);
    if (missing.length === 0 || missing.length > rows.length) continue;
    for (const { firstBlock } of missing) isThere[firstBlock + column] = 1;
    decoded += missing.length;
  }
  return decoded;
}

/** Numbers in [0, 1), fast: mulberry32, which is enough for counting. The same for the same seed. */
export function fractionsFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
