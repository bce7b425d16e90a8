import { type AbortLike, type BlockId, UmbelError } from "@umbel/core";
import type { BlockCopy, BlockLane, BlockNetwork } from "../block/block-network.ts";
import { PUT_TRIES, REPAIR_CHECK_TRIES } from "../limits.ts";

/** What looking for blocks needs of an operation. */
export interface Looking {
  /** Of this operation alone; for a check past the caches of endpoints, which say nothing about holders. */
  readonly network: BlockNetwork;
  readonly signal: AbortLike | undefined;
}

/** What checking and putting back needs of an operation. */
export interface Placing extends Looking {
  /** Holders that must confirm what is put back. */
  readonly wanted: number;
  /** Only look: nothing is put. */
  readonly checkOnly: boolean;
}

/** Where a block belongs. */
export interface Place {
  readonly id: BlockId;
  readonly copy: BlockCopy;
  readonly lane: BlockLane;
}

/** The block from its holders, or undefined when they do not have it, after REPAIR_CHECK_TRIES tries. */
export async function lookFor({ network, signal }: Looking, place: Place): Promise<Uint8Array | undefined> {
  for (let attempt = 0; attempt < REPAIR_CHECK_TRIES; attempt++) {
    throwIfStopped(signal);
    const block = await network.get(place, { signal });
    if (block !== undefined) return block;
  }
  return undefined;
}

/** True when enough holders confirmed. */
export async function putBack({ wanted, signal }: Placing, put: () => Promise<number>): Promise<boolean> {
  for (let attempt = 0; attempt < PUT_TRIES; attempt++) {
    throwIfStopped(signal);
    if ((await put()) >= wanted) return true;
  }
  return false;
}

/** Throws ABORTED when the operation was stopped. */
export function throwIfStopped(signal: AbortLike | undefined): void {
  if (signal?.aborted) throw new UmbelError("ABORTED", "the repair was stopped");
}
