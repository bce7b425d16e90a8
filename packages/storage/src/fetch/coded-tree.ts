import type { AbortLike, BlockId } from "@umbel/core";
import type { Coding } from "../format/coding.ts";
import type { Level, Segment } from "../format/segments.ts";

/** Which of a root's trees: each has keys and masks of its own. */
export type TreeName = "content" | "children" | "shared";

/** A tree as the public part of its root describes it: all of it is known to who has the verify key. */
export interface CodedTreeSource {
  readonly tree: TreeName;
  /** 32 bytes. */
  readonly verifyKey: Uint8Array;
  readonly coding: Coding;
  /** Data blocks of level 0. */
  readonly leaves: number;
  /** Ids that the root takes at most of this tree. */
  readonly maxTopIds: number;
  readonly topIds: readonly BlockId[];
}

/** A coded tree read with the verify key alone: ids of every block, and blocks as they are stored. */
export interface CodedTree {
  readonly source: CodedTreeSource;
  /** Level 0 holds the leaves; the ids of the last level stand in the root. Computed, never taken from the network. */
  readonly levels: readonly Level[];
  /**
   * The ids of a segment, data first, then parity. Gets the index blocks above, decoded from parity where they are missing.
   * Throws NOT_FOUND, CRYPTO_FAILED, BAD_ENCODING, ABORTED, NO_PATH, NETWORK_UNREACHABLE, as everything here.
   */
  segmentIds(level: number, segment: Segment): Promise<readonly BlockId[]>;
  /**
   * The data block `index` of a level: from a holder, or decoded from the others of its segment when it is not found, or when
   * that is quicker. `upTo`: the last data block of the level that the caller is going to ask for anyway; `index` when absent.
   */
  dataBlock(level: number, index: number, options?: DataBlockOptions): Promise<Uint8Array>;
  /**
   * All data blocks of a segment of either kind, checked against their ids. `known`: blocks as stored that the caller has
   * already (data first, then parity); they are not asked for. Falls back on the cross segments of the group unless `across`
   * is false. Holds at most two segments in memory.
   */
  recoverSegment(level: number, segment: Segment, options?: RecoverOptions): Promise<readonly Uint8Array[]>;
  /** The parity blocks of a segment, as they are stored, from all its data blocks: what repair puts back. */
  parityBlocks(level: number, segment: Segment, data: readonly Uint8Array[]): readonly Uint8Array[];
}

export interface DataBlockOptions {
  readonly upTo?: number | undefined;
  readonly signal?: AbortLike | undefined;
}

export interface RecoverOptions {
  readonly known?: readonly (Uint8Array | undefined)[] | undefined;
  readonly across?: boolean | undefined;
  readonly signal?: AbortLike | undefined;
}
