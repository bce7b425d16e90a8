import type { BlockId } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import type { BlockLane } from "../../src/block/block-network.ts";
import { blockIdOf } from "../../src/block/location.ts";
import type { BlockPurpose, BlockSink } from "../../src/publish/block-sink.ts";

/** A block as it went into a sink. */
export interface SunkBlock {
  readonly id: BlockId;
  readonly block: Uint8Array;
  readonly purpose: BlockPurpose;
  readonly lane: BlockLane;
}

/** A sink that keeps what it is given, in order. */
export class RecordingSink implements BlockSink {
  readonly blocks: SunkBlock[] = [];

  async add(block: Uint8Array, purpose: Exclude<BlockPurpose, "root">, lane: BlockLane): Promise<BlockId> {
    return this.#keep(block, purpose, lane);
  }

  async addRoot(block: Uint8Array): Promise<BlockId> {
    return this.#keep(block, "root", "roots");
  }

  #keep(block: Uint8Array, purpose: BlockPurpose, lane: BlockLane): BlockId {
    const id = blockIdOf(nodeProvider, block);
    this.blocks.push({ id, block, purpose, lane });
    return id;
  }
}
