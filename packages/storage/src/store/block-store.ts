import type { BlockId } from "@umbel/core";
import type { BlockCopy } from "../block/block-network.ts";

/**
 * What became of a put: `stored` anew, `known` before (the copy number is remembered all the same), or `full`: nothing
 * was written, since the quota or the disk has no room that this put may take.
 */
export type StoreOutcome = "stored" | "known" | "full";

/** One block, or one slot, that a store holds permanently, without its bytes: what repair walks over. */
export interface StoreEntry {
  readonly id: BlockId;
  /** The copy numbers it was put under, ascending. */
  readonly copies: readonly BlockCopy[];
}

/**
 * What a put says of a block or slot that this node is responsible for: where there is no room, it may take the place of one that this
 * node keeps without being responsible (a near miss). A put without a claim takes nobody's place but the cache's.
 */
export interface StoreClaim {
  /** Changes whenever an answer of `isOurs` may have: the revision of the directory. */
  readonly revision: number;
  /** True when this node is responsible for the block or slot, under one of its copy numbers. */
  readonly isOurs: (entry: StoreEntry) => boolean;
}

/** What was acknowledged to others: it goes only by `remove`, or as a near miss, to make room for a claim. */
export interface PermanentBlocks {
  /** The block, owned by the caller, or undefined. Throws READ_FAILED. */
  get(id: BlockId): Promise<Uint8Array | undefined>;
  /**
   * Resolves only when the block survives a crash of the process. `block` must not change before. Throws BAD_ENCODING
   * unless it is BLOCK_BYTES long, WRITE_FAILED.
   */
  put(id: BlockId, copy: BlockCopy, block: Uint8Array, claim?: StoreClaim): Promise<StoreOutcome>;
  /** True if there was one. Throws WRITE_FAILED. */
  remove(id: BlockId): Promise<boolean>;
  /** Under the copy number, if one is named. */
  has(id: BlockId, copy?: BlockCopy): Promise<boolean>;
  /** Blocks held. */
  count(): number;
  /** Every block held, in no particular order; blocks put or removed meanwhile may be missed or still appear. */
  entries(): AsyncIterable<StoreEntry>;
}

/** Passing copies of popular blocks: any of them may be gone at any time. */
export interface BlockCache {
  /** The block, owned by the caller, or undefined. Throws READ_FAILED. */
  getCached(id: BlockId): Promise<Uint8Array | undefined>;
  /**
   * Keeps a copy in the place of one that was not asked for lately, never of anything permanent; "full" when there is no place at
   * all. `block` must not change before. Throws BAD_ENCODING, WRITE_FAILED.
   */
  cache(id: BlockId, block: Uint8Array): Promise<StoreOutcome>;
  /** True if there was one. Throws WRITE_FAILED. */
  dropCached(id: BlockId): Promise<boolean>;
  /** Blocks cached. */
  cachedCount(): number;
}

/** A slot as a store keeps it: blocks in numbered places, and a head, which says what stands where and is the caller's. */
export interface StoredSlot {
  readonly copies: readonly BlockCopy[];
  readonly head: Uint8Array;
}

/** A change of a slot that happens wholly or not at all. */
export interface SlotChange {
  readonly copy: BlockCopy;
  readonly head: Uint8Array;
  /** Places 0 to 255, and what is to stand there, BLOCK_BYTES each. */
  readonly write: ReadonlyMap<number, Uint8Array>;
  /** Places to be emptied. None of `write`. */
  readonly erase: readonly number[];
}

/** The slots a node keeps, beside the blocks and out of the same quota. */
export interface SlotShelf {
  /** Head and copy numbers, or undefined. Throws READ_FAILED. */
  slot(id: BlockId): Promise<StoredSlot | undefined>;
  /** What stands in a place, owned by the caller. Throws READ_FAILED. */
  slotBlock(id: BlockId, place: number): Promise<Uint8Array | undefined>;
  /**
   * "stored" when the change survives a crash of the process, "full" when there is no room. Two changes of one slot must not overlap.
   * Throws BAD_ENCODING, WRITE_FAILED.
   */
  changeSlot(id: BlockId, change: SlotChange, claim?: StoreClaim): Promise<"stored" | "full">;
  /** True if there was one. Throws WRITE_FAILED. */
  removeSlot(id: BlockId): Promise<boolean>;
  /** Every slot held, as `entries`. */
  slots(): AsyncIterable<StoreEntry>;
}

/**
 * The blocks and slots one node keeps for others (docs/spec/09-storage-network.md). A store does not check ids: the service in
 * front of it does, in either direction. Every implementation passes `test/compliance/block-store.ts`.
 */
export interface BlockStore extends PermanentBlocks, BlockCache, SlotShelf {
  /** Bytes that all of it takes, as the quota counts them. */
  usedBytes(): number;
  /** Ends once all puts are settled. Closing twice does nothing; other calls then reject with INTERNAL. */
  close(): Promise<void>;
}

/** The copy numbers in a byte with bit c set for copy c. */
export function copiesOf(mask: number): readonly BlockCopy[] {
  return ([0, 1, 2] as const).filter((copy) => (mask & (1 << copy)) !== 0);
}
