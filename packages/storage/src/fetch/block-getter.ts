import {
  type AbortLike,
  type BlockId,
  type Clock,
  type CryptoProvider,
  type RandomSource,
  randomBelow,
  type Timers,
  UmbelError,
} from "@umbel/core";
import type { BlockCopy, BlockLane, BlockNetwork } from "../block/block-network.ts";
import type { Pace } from "../client/pace.ts";
import type { ErasureCode } from "../erasure/erasure-code.ts";
import { GET_TRIES } from "../limits.ts";

/** Where a fetch reads time. */
export interface FetchTiming {
  readonly clock: Clock;
  readonly timers: Timers;
}

/** What the parts of one fetch share. */
export interface FetchContext {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  readonly network: BlockNetwork;
  /** Data blocks asked ahead. */
  readonly ahead: number;
  readonly signal: AbortLike | undefined;
  /** Made when the first block is missing. */
  erasure(): ErasureCode;
  /** Tells when waiting takes too long, so that parity is asked for; without it, parity stands in for lost blocks alone. */
  readonly timing: FetchTiming | undefined;
  /** How long blocks take lately. */
  readonly pace: Pace;
  /** Called for each block that arrived. */
  onBlock(): void;
}

/** A root, at its three locations in turn, a random one first. */
export async function getRootBlock(context: FetchContext, id: BlockId): Promise<Uint8Array> {
  const start = randomBelow(context.random, 3);
  const copies = [0, 1, 2].map((i) => ((start + i) % 3) as BlockCopy);
  return tryCopies(context, id, "roots", copies, "the root block");
}

/** A block that small files share, by its id alone: the parity of its folder is not known here. */
export async function getSharedBlock(context: FetchContext, id: BlockId): Promise<Uint8Array> {
  return tryCopies(context, id, "data", [0], "the block of the file");
}

async function tryCopies(
  context: FetchContext,
  id: BlockId,
  lane: BlockLane,
  copies: readonly BlockCopy[],
  what: string,
): Promise<Uint8Array> {
  const { signal } = context;
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
  throw new UmbelError(
    "NOT_FOUND",
    `${what} was not found in the network, after ${GET_TRIES} tries${where}; try again later`,
  );
}
