import type { BlockId } from "@umbel/core";
import type { BlockCopy } from "../block/block-network.ts";

/**
 * What became of a put: `stored` anew, `known` before (the copy number is remembered all the same), or `full`: nothing
 * was written, since the quota or the disk has no room.
 */
export type StoreOutcome = "stored" | "known" | "full";

/** One block that a store holds, without its bytes: what repair walks over. */
export interface StoreEntry {
  readonly id: BlockId;
  /** The copy numbers it was put under, ascending. */
  readonly copies: readonly BlockCopy[];
}

/**
 * The blocks one node keeps for others (docs/spec/09-storage-network.md). A store does not check ids: the service in
 * front of it does, in either direction. Every implementation passes `test/compliance/block-store.ts`.
 */
export interface BlockStore {
  /** The block, owned by the caller, or undefined. Throws READ_FAILED. */
  get(id: BlockId): Promise<Uint8Array | undefined>;
  /**
   * Resolves only when the block survives a crash of the process. `block` must not change before. Throws BAD_ENCODING
   * unless it is BLOCK_BYTES long, WRITE_FAILED.
   */
  put(id: BlockId, copy: BlockCopy, block: Uint8Array): Promise<StoreOutcome>;
  /** True when it was there. Throws WRITE_FAILED. */
  remove(id: BlockId): Promise<boolean>;
  has(id: BlockId): Promise<boolean>;
  /** Blocks held. */
  count(): number;
  /** Every block that was there at the start of the walk, in no order that means anything. */
  entries(): AsyncIterable<StoreEntry>;
  /** Waits for the puts under way. Any other use afterwards throws INTERNAL. Closing twice does nothing. */
  close(): Promise<void>;
}

/** The copy numbers in a bit mask: bit c stands for copy c. */
export function copiesOf(mask: number): readonly BlockCopy[] {
  return ([0, 1, 2] as const).filter((copy) => (mask & (1 << copy)) !== 0);
}
