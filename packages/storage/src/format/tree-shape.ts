import { CHUNK_BYTES } from "../block/block.ts";
import { BLOCK_ID_BYTES } from "../block/location.ts";

/** Bytes before the ids of an index block: version u8 and zeros. */
export const INDEX_HEADER_BYTES = CHUNK_BYTES % BLOCK_ID_BYTES;
/** Ids of one index block. */
export const IDS_PER_INDEX = (CHUNK_BYTES - INDEX_HEADER_BYTES) / BLOCK_ID_BYTES;
/** A root lists at most this many ids of the top level of its content; more need an index level. */
export const ROOT_CONTENT_IDS = 768;
/** The same for a folder's list of children. */
export const ROOT_CHILDREN_IDS = 128;
/** Largest file, in bytes: what a number of JavaScript counts exactly. */
export const MAX_FILE_BYTES = Number.MAX_SAFE_INTEGER;

/** How the blocks of a level are coded against loss (docs/spec/08-files-and-sites.md). */
export interface Coding {
  /** Data blocks of a segment, 1 to 128; the last segment of a level may have fewer. */
  readonly segmentData: number;
  /** Parity blocks of a full segment. */
  readonly segmentParity: number;
  /** Cross-segment blocks of a level. */
  readonly crossParity: number;
}

/** The only coding of this version: no parity; three holders keep each block. */
export const PLAIN_CODING: Coding = { segmentData: 128, segmentParity: 0, crossParity: 0 };

/** Blocks at each level of a tree, level 0 (the leaves) first; the ids of the last level stand in the root. */
export type TreeShape = readonly number[];

/** Leaves of a tree over `bytes` bytes. */
export function leavesOf(bytes: number): number {
  return Math.ceil(bytes / CHUNK_BYTES);
}

/**
 * The shape of a tree: each level's ids, IDS_PER_INDEX to a block, form the level above, until at most `topIds` are left.
 * It follows from the number of leaves alone, so that a root cannot lie about it. No leaves: no level.
 */
export function treeShape(leaves: number, topIds: number): TreeShape {
  if (leaves === 0) return [];
  const shape = [leaves];
  for (let count = leaves; count > topIds; ) {
    count = Math.ceil(count / IDS_PER_INDEX);
    shape.push(count);
  }
  return shape;
}

/** Ids in the index block `index` of `level` (1 and up). */
export function idsOfIndexBlock(shape: TreeShape, level: number, index: number): number {
  const below = shape[level - 1] ?? 0;
  return Math.min(IDS_PER_INDEX, below - index * IDS_PER_INDEX);
}
