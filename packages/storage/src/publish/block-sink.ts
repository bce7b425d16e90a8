import type { BlockId } from "@umbel/core";
import type { BlockLane } from "../block/block-network.ts";

/** What a block is for, as the one who publishes sees it. */
export type BlockPurpose = "data" | "parity" | "index" | "root";

/**
 * Where the writers of formats put their blocks. Calls come one after another in an order that follows from input, keys and
 * coding alone: the number of a block in this order is how a resumed publish knows it again. An array given away must not
 * change afterwards.
 */
export interface BlockSink {
  /**
   * Queues an ordinary block for location 0; resolves with its id once there is room. Parity of data goes over the lane of
   * data, that of index blocks over the lane of roots. Throws what ended the operation.
   */
  add(block: Uint8Array, purpose: Exclude<BlockPurpose, "root">, lane: BlockLane): Promise<BlockId>;
  /** Queues a root for its three locations. Throws what ended the operation. */
  addRoot(block: Uint8Array): Promise<BlockId>;
}
