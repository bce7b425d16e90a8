import { CHUNK_BYTES } from "../block/block.ts";
import { BLOCK_ID_BYTES } from "../block/location.ts";
import { type Coding, MAX_CROSS_SEGMENTS, MAX_SEGMENT_DATA, MAX_SEGMENT_PARITY, parityOf } from "./coding.ts";
import { type Level, levelOf } from "./segments.ts";

/** Bytes before the ids of an index block: version u8 and zeros. */
export const INDEX_HEADER_BYTES = CHUNK_BYTES % BLOCK_ID_BYTES;
/** Ids of one index block. */
export const IDS_PER_INDEX = (CHUNK_BYTES - INDEX_HEADER_BYTES) / BLOCK_ID_BYTES;
/** Largest file, in bytes: what a number of JavaScript counts exactly. */
export const MAX_FILE_BYTES = Number.MAX_SAFE_INTEGER;

/** Leaves of a tree over `bytes` bytes. */
export function leavesOf(bytes: number): number {
  return Math.ceil(bytes / CHUNK_BYTES);
}

/**
 * The levels of a tree, leaves first: each level's ids, IDS_PER_INDEX to a block, are the data blocks of the level above, coded
 * the same way, until a level has at most `topIds` ids. It follows from leaves and coding alone, so that a root cannot lie
 * about it. No leaves: no level. Needs `isCodingFor(topIds, coding)`, else it has no end.
 */
export function treeShape(leaves: number, topIds: number, coding: Coding): readonly Level[] {
  const levels: Level[] = [];
  for (let data = leaves; data > 0; ) {
    const level = levelOf(data, coding);
    levels.push(level);
    data = level.ids > topIds ? Math.ceil(level.ids / IDS_PER_INDEX) : 0;
  }
  return levels;
}

/** Ids in the index block `index` of `level` (1 and up). */
export function idsOfIndexBlock(levels: readonly Level[], level: number, index: number): number {
  const below = levels[level - 1]?.ids ?? 0;
  return Math.min(IDS_PER_INDEX, below - index * IDS_PER_INDEX);
}

/** True for a coding in range, of which a single block and its parity fit among `topIds`: else a tree would never end. */
export function isCodingFor(topIds: number, coding: Coding): boolean {
  const { segmentData, segmentParity, crossSegments } = coding;
  return (
    isWithin(segmentData, 1, MAX_SEGMENT_DATA) &&
    isWithin(segmentParity, 0, MAX_SEGMENT_PARITY) &&
    isWithin(crossSegments, 0, MAX_CROSS_SEGMENTS) &&
    1 + parityOf(coding, 1) <= topIds
  );
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}
