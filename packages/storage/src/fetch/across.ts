import { type AbortLike, BLOCK_BYTES, isUmbelError } from "@umbel/core";
import type { ErasureCode } from "../erasure/erasure-code.ts";
import { FETCH_ACROSS_SEGMENTS } from "../limits.ts";
import { inOrder } from "./ordered.ts";

/** The group around a segment that could not be decoded by itself. */
export interface AcrossGroup {
  readonly erasure: ErasureCode;
  /** Segments of the group, and which of them is meant, from 0. */
  readonly segments: number;
  readonly own: number;
  /** Cross segments of the group. */
  readonly rows: number;
  readonly signal: AbortLike | undefined;
  /** Data blocks of the segment `segment` of the group at `columns`, undefined where they cannot be had; null beyond its end. */
  blocksOf(segment: number, columns: readonly number[]): Promise<readonly (Uint8Array | undefined | null)[]>;
  /** The blocks of cross row `row` at `columns`, without their masks, undefined where they cannot be had. */
  crossOf(row: number, columns: readonly number[]): Promise<readonly (Uint8Array | undefined)[]>;
  /** True when `block` is the data block `column` of the segment. */
  isRight(column: number, block: Uint8Array): Promise<boolean>;
}

/**
 * Data blocks of one segment from the others of its group and a cross segment: in each column at most this one block may be
 * missing. Walks the group at most twice for each row, and holds one sum for each column, beside the blocks of
 * FETCH_ACROSS_SEGMENTS segments. Stops when it has `enough`.
 */
export async function blocksAcross(
  group: AcrossGroup,
  missing: readonly number[],
  enough: number,
): Promise<ReadonlyMap<number, Uint8Array>> {
  const found = new Map<number, Uint8Array>();
  for (let row = 0; row < group.rows && found.size < enough; row++) {
    const open = missing.filter((column) => !found.has(column));
    // Those that are needed first, and all others only when some of these cannot be had: two walks over the group at most.
    for (const columns of [open.slice(0, enough), open.slice(enough)]) {
      if (columns.length === 0 || found.size >= enough) break;
      for (const [column, block] of await columnsOf(group, row, columns)) found.set(column, block);
    }
  }
  return found;
}

/** The blocks at `columns`, as far as one row gives them. */
async function columnsOf(
  group: AcrossGroup,
  row: number,
  columns: readonly number[],
): Promise<ReadonlyMap<number, Uint8Array>> {
  const sums = new Map<number, Uint8Array>();
  for (const [i, block] of (await group.crossOf(row, columns)).entries()) {
    if (block !== undefined) sums.set(columns[i] as number, block);
  }
  const others = Array.from({ length: group.segments }, (_, segment) => segment).filter(
    (s) => s !== group.own,
  );
  let next = 0;
  const got = inOrder(
    0,
    others.length - 1,
    FETCH_ACROSS_SEGMENTS,
    (i) => (sums.size === 0 ? Promise.resolve([]) : group.blocksOf(others[i] as number, [...columns])),
    group.signal,
  );
  for await (const blocks of got) {
    const segment = others[next++] as number;
    for (const [i, block] of blocks.entries()) {
      const column = columns[i] as number;
      const sum = sums.get(column);
      if (sum === undefined || block === null) continue;
      if (block === undefined) sums.delete(column);
      else group.erasure.accumulate(sum, row, segment, block);
    }
  }
  return solved(group, row, sums);
}

/** What is left of a sum is the block times its coefficient: decoding a segment of zeros but for it divides. */
async function solved(
  { erasure, segments, own, isRight }: AcrossGroup,
  row: number,
  sums: ReadonlyMap<number, Uint8Array>,
): Promise<ReadonlyMap<number, Uint8Array>> {
  const zeros = new Uint8Array(BLOCK_BYTES);
  const found = new Map<number, Uint8Array>();
  for (const [column, sum] of sums) {
    const blocks: (Uint8Array | undefined)[] = new Array(segments + row + 1).fill(undefined);
    blocks.fill(zeros, 0, segments);
    blocks[own] = undefined;
    blocks[segments + row] = sum;
    const block = erasure.decode(segments, blocks)[own] as Uint8Array;
    if (await isRight(column, block)) found.set(column, block);
  }
  return found;
}

/** What `attempt` gives, or undefined when the network does not have it. */
export async function unlessNotFound<Result>(attempt: Promise<Result>): Promise<Result | undefined> {
  try {
    return await attempt;
  } catch (error) {
    if (isUmbelError(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}
