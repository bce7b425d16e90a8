import type { AbortLike, BlockId, NodeId } from "@umbel/core";
import type { BlockCopy } from "../block/block-network.ts";

/** One thing at one location: an ordinary block, or a slot with all the editions that are kept. */
export interface RepairItem {
  readonly kind: "block" | "slot";
  readonly id: BlockId;
  readonly copy: BlockCopy;
}

/** What repair does with this node's store and with other holders. */
export interface RepairCalls {
  /** Everything that this node keeps for others, once for each location. */
  items(): AsyncIterable<RepairItem>;
  /** For each item whether `peer` has it, in order; undefined when `peer` did not answer. Throws ABORTED. */
  have(
    peer: NodeId,
    items: readonly RepairItem[],
    signal: AbortLike,
  ): Promise<readonly boolean[] | undefined>;
  /** True when `peer` has it on disk now; false when it refused, did not answer or this node lost it. Throws ABORTED. */
  put(peer: NodeId, item: RepairItem, signal: AbortLike): Promise<boolean>;
  /** This node need not keep the item any longer: it stays until the room is needed. */
  spare(item: RepairItem): Promise<void>;
}
