import {
  type AbortLike,
  type BlockId,
  type CryptoProvider,
  type RandomSource,
  randomBelow,
  UmbelError,
} from "@umbel/core";
import type { BlockCopy, BlockLane, BlockNetwork } from "../block/block-network.ts";
import { GET_TRIES } from "../limits.ts";

/** What the parts of one fetch share. */
export interface FetchContext {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  readonly network: BlockNetwork;
  /** Data blocks asked ahead. */
  readonly ahead: number;
  readonly signal: AbortLike | undefined;
  /** Called for each block that arrived. */
  onBlock(): void;
}

/** An ordinary block, at location 0. `what` names it in the NOT_FOUND error: "block 3 of 17". */
export async function getBlock(
  context: FetchContext,
  id: BlockId,
  lane: BlockLane,
  what: string,
  signal: AbortLike | undefined,
): Promise<Uint8Array> {
  return tryCopies(context, id, lane, [0], what, signal);
}

/** A root, at its three locations in turn, a random one first. */
export async function getRootBlock(
  context: FetchContext,
  id: BlockId,
  signal: AbortLike | undefined,
): Promise<Uint8Array> {
  const start = randomBelow(context.random, 3);
  const copies = [0, 1, 2].map((i) => ((start + i) % 3) as BlockCopy);
  return tryCopies(context, id, "roots", copies, "the root block", signal);
}

async function tryCopies(
  context: FetchContext,
  id: BlockId,
  lane: BlockLane,
  copies: readonly BlockCopy[],
  what: string,
  signal: AbortLike | undefined,
): Promise<Uint8Array> {
  for (let attempt = 0; attempt < GET_TRIES * copies.length; attempt++) {
    if (signal?.aborted) throw new UmbelError("ABORTED", "the fetch was stopped");
    const copy = copies[attempt % copies.length] as BlockCopy;
    const block = await context.network.get({ id, copy, lane }, { signal });
    if (block !== undefined) {
      context.onBlock();
      return block;
    }
  }
  const where = copies.length === 1 ? "" : ` at each of its ${copies.length} locations`;
  throw new UmbelError("NOT_FOUND", `${what} was not found in the network, after ${GET_TRIES} tries${where}`);
}
