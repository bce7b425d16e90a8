import { type AbortLike, type BlockId, type RandomSource, randomBelow } from "@umbel/core";
import type { BlockCopy, BlockLane, BlockNetwork } from "../block/block-network.ts";
import { RECEIPT_CONCURRENCY, RECEIPT_INDEX_BLOCKS } from "../limits.ts";
import { ROOT_COPIES } from "../publish/block-sender.ts";
import type { MadeBlock } from "../publish/put-ledger.ts";

/** A block that a receipt asks for, at one of its locations. */
export interface SampledBlock {
  readonly id: BlockId;
  /** The number of its put. */
  readonly number: number;
  readonly copy: BlockCopy;
  readonly lane: BlockLane;
}

/** Gathers what a receipt asks for while blocks are made. */
export interface ReceiptSample {
  add(block: MadeBlock): void;
  /** The sample, without what the reference names. */
  all(): readonly SampledBlock[];
}

/**
 * All index blocks and roots of files, up to RECEIPT_INDEX_BLOCKS of them, and a uniform sample of `size` of all other blocks.
 * Memory does not grow with their number.
 */
export function createReceiptSample(random: RandomSource, size: number): ReceiptSample {
  const whole = createReservoir(random, RECEIPT_INDEX_BLOCKS);
  const sampled = createReservoir(random, size);
  return {
    add(block) {
      const isWhole = block.purpose === "root" || block.purpose === "index";
      for (const placed of placesOf(block)) (isWhole ? whole : sampled).add(placed);
    },
    all: () => [...whole.kept, ...sampled.kept],
  };
}

/** Where a block was put: a root at three locations, any other at one. */
export function placesOf({ id, purpose, number, lane }: MadeBlock): readonly SampledBlock[] {
  const copies = purpose === "root" ? ROOT_COPIES : ROOT_COPIES.slice(0, 1);
  return copies.map((copy, at) => ({ id, number: number + at, copy, lane }));
}

/** A uniform sample of a stream (Vitter, "Random sampling with a reservoir", 1985, algorithm R). */
function createReservoir(random: RandomSource, size: number) {
  const kept: SampledBlock[] = [];
  let seen = 0;
  return {
    kept,
    add(block: SampledBlock): void {
      seen++;
      const place = kept.length < size ? kept.length : randomBelow(random, seen);
      if (place < size) kept[place] = block;
    },
  };
}

/** What a receipt found. */
export interface Receipt {
  /** Blocks that came back whole. */
  readonly confirmed: number;
  /** Blocks that were asked for. */
  readonly asked: number;
  /** Those that did not come. */
  readonly missing: readonly SampledBlock[];
}

export interface ReceiptOptions {
  readonly random: RandomSource;
  /** Over circuits that no put used, and past caches. */
  readonly network: BlockNetwork;
  readonly sample: readonly SampledBlock[];
  readonly signal?: AbortLike | undefined;
  readonly onProgress?: ((done: number, asked: number) => void) | undefined;
}

/**
 * Fetches every sampled block, in random order, several at once. The network verifies each against its id.
 * Throws ABORTED, NO_PATH, NETWORK_UNREACHABLE.
 */
export async function takeReceipt(options: ReceiptOptions): Promise<Receipt> {
  const { network, random, signal, onProgress } = options;
  const left = [...options.sample];
  const missing: SampledBlock[] = [];
  let done = 0;
  const work = async (): Promise<void> => {
    for (let next = takeRandom(random, left); next !== undefined; next = takeRandom(random, left)) {
      const block = await network.get({ id: next.id, copy: next.copy, lane: next.lane }, { signal });
      if (block === undefined) missing.push(next);
      onProgress?.(++done, options.sample.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(RECEIPT_CONCURRENCY, left.length) }, work));
  missing.sort((a, b) => a.number - b.number);
  return { confirmed: options.sample.length - missing.length, asked: options.sample.length, missing };
}

function takeRandom<Item>(random: RandomSource, items: Item[]): Item | undefined {
  if (items.length === 0) return undefined;
  const index = randomBelow(random, items.length);
  const item = items[index];
  items[index] = items.at(-1) as Item;
  items.pop();
  return item;
}
