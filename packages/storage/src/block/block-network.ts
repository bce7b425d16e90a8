import type { AbortLike, BlockId } from "@umbel/core";

/** Roots and index blocks travel on circuits that carry no data blocks. */
export type BlockLane = "roots" | "data";

/** Which of a block's three locations is meant. */
export type BlockCopy = 0 | 1 | 2;

export interface BlockGet {
  readonly id: BlockId;
  readonly copy: BlockCopy;
  readonly lane: BlockLane;
}

export interface BlockPut {
  readonly id: BlockId;
  /** Exactly BLOCK_BYTES; not changed by the network. */
  readonly block: Uint8Array;
  readonly copy: BlockCopy;
  readonly lane: BlockLane;
}

/** Which of the blocks kept under a slot is meant: 0 the first in rank, 1 the one that conflicts with it. */
export type SlotRankAsked = 0 | 1;

export interface SlotGet {
  /** The slot's id: its blinded key. */
  readonly id: BlockId;
  readonly copy: BlockCopy;
  /** An edition's number; 0 or absent for whatever outranks all. */
  readonly sequence?: number | undefined;
  /** 0 when absent. */
  readonly rank?: SlotRankAsked | undefined;
}

export interface SlotPut {
  readonly id: BlockId;
  /** Exactly BLOCK_BYTES; not changed by the network. */
  readonly slot: Uint8Array;
  readonly copy: BlockCopy;
}

/** Puts and gets blocks through the overlay; one per operation (one publish, one fetch). */
export interface BlockNetwork {
  /**
   * The block, verified against its id and owned by the caller, or undefined when it was not found at this try of the
   * network (which already tried other circuits). Throws ABORTED, NO_PATH, NETWORK_UNREACHABLE.
   */
  get(
    request: BlockGet,
    options?: { readonly signal?: AbortLike | undefined },
  ): Promise<Uint8Array | undefined>;
  /** How many holders confirmed the block; 0 when none did. Throws ABORTED, NO_PATH, NETWORK_UNREACHABLE. */
  put(request: BlockPut, options?: { readonly signal?: AbortLike | undefined }): Promise<number>;
  /**
   * A block of a slot, with layout and signature verified, owned by the caller, over circuits of lane "roots"; undefined when nobody
   * asked had it. A holder may keep an old one: ask at two locations at least. Throws as `get`.
   */
  getSlot(
    request: SlotGet,
    options?: { readonly signal?: AbortLike | undefined },
  ): Promise<Uint8Array | undefined>;
  /** How many holders keep the slot block; 0 when none does, or all have one that outranks it. Throws as `put`. */
  putSlot(request: SlotPut, options?: { readonly signal?: AbortLike | undefined }): Promise<number>;
  /** Gives up its circuits; operations in flight reject with ABORTED. Closing twice does nothing. */
  close(): void;
}
