import type { BlockId } from "@umbel/core";
import type { BlockLane } from "../block/block-network.ts";
import type { BlockPurpose } from "./block-sink.ts";

/** What an earlier run of the same publish got stored, and where this run writes down what it gets stored. */
export interface PutLedger {
  /**
   * True when enough holders confirmed put number `number`, of block `id`, before: it is not made again. Throws BAD_INPUT when
   * another block had this number, for then the input is another.
   */
  isConfirmed(number: number, id: BlockId): boolean;
  /** `holders` confirmed the put just now. */
  confirmed(number: number, id: BlockId, holders: number): void;
}

/** A block that a publish made, in the order in which it made them, whether or not it must be put. */
export interface MadeBlock {
  readonly id: BlockId;
  readonly purpose: BlockPurpose;
  readonly lane: BlockLane;
  /** The number of its first put; a root has this one and the next two. */
  readonly number: number;
}
