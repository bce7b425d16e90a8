import type { BlockId } from "@umbel/core";
import { type AbortLike, type CryptoProvider, type RandomSource, randomBelow, UmbelError } from "@umbel/core";
import type { BlockCopy, BlockLane, BlockNetwork, BlockPut } from "../block/block-network.ts";
import { blockIdOf } from "../block/location.ts";
import { PUBLISH_WINDOW_BLOCKS, PUT_TRIES } from "../limits.ts";

export interface BlockSenderOptions {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  readonly network: BlockNetwork;
  /** Holders that must confirm each put. */
  readonly wanted: number;
  /** Puts in flight. */
  readonly concurrency: number;
  readonly signal?: AbortLike | undefined;
  /** Called after each put that enough holders confirmed, and after each block that is queued. */
  readonly onChange?: ((counts: SenderCounts) => void) | undefined;
}

/** What a sender has done so far. A root is three puts, any other block one. */
export interface SenderCounts {
  /** Different blocks. */
  readonly blocks: number;
  readonly putsQueued: number;
  readonly putsDone: number;
  /** Confirmations of all puts together. */
  readonly confirmations: number;
  /** The fewest confirmations that one put got; 0 before the first. */
  readonly leastConfirmed: number;
}

/** The three locations of a root. */
export const ROOT_COPIES: readonly BlockCopy[] = [0, 1, 2];

/**
 * Puts blocks in random order within a window, several at once. A put that too few holders confirm is tried again;
 * the first that fails for good ends the operation: every later call throws its error.
 */
export class BlockSender {
  readonly #options: BlockSenderOptions;
  readonly #waiting: BlockPut[] = [];
  readonly #wakers = new Set<() => void>();
  #inFlight = 0;
  #draining = false;
  #failure: { readonly error: unknown } | undefined;
  #counts: SenderCounts = { blocks: 0, putsQueued: 0, putsDone: 0, confirmations: 0, leastConfirmed: 0 };

  constructor(options: BlockSenderOptions) {
    this.#options = options;
  }

  get counts(): SenderCounts {
    return this.#counts;
  }

  /** Queues an ordinary block for location 0; waits while the window is full. */
  async add(block: Uint8Array, lane: BlockLane): Promise<BlockId> {
    return this.#queue(block, lane, [0]);
  }

  /** Queues a root for its three locations; waits while the window is full. */
  async addRoot(block: Uint8Array): Promise<BlockId> {
    return this.#queue(block, "roots", ROOT_COPIES);
  }

  /** Waits until every block so far is stored. */
  async drain(): Promise<void> {
    this.#draining = true;
    this.#start();
    while (this.#inFlight > 0 || this.#waiting.length > 0) {
      this.#throwIfFailed();
      await this.#change();
    }
    this.#throwIfFailed();
    this.#draining = false;
  }

  async #queue(block: Uint8Array, lane: BlockLane, copies: readonly BlockCopy[]): Promise<BlockId> {
    this.#throwIfFailed();
    const id = blockIdOf(this.#options.crypto, block);
    for (const copy of copies) this.#waiting.push({ id, block, copy, lane });
    const { blocks, putsQueued } = this.#counts;
    this.#count({ blocks: blocks + 1, putsQueued: putsQueued + copies.length });
    this.#start();
    while (this.#waiting.length >= PUBLISH_WINDOW_BLOCKS) {
      await this.#change();
      this.#throwIfFailed();
    }
    return id;
  }

  /** Fills the free places with random blocks of a full window, or of what is left when draining. */
  #start(): void {
    const least = this.#draining ? 1 : PUBLISH_WINDOW_BLOCKS;
    while (this.#inFlight < this.#options.concurrency && this.#waiting.length >= least) {
      const index = randomBelow(this.#options.random, this.#waiting.length);
      const put = this.#waiting[index] as BlockPut;
      this.#waiting[index] = this.#waiting.at(-1) as BlockPut;
      this.#waiting.pop();
      this.#inFlight++;
      void this.#send(put);
    }
  }

  async #send(put: BlockPut): Promise<void> {
    try {
      const confirmed = await this.#putEnough(put);
      const { putsDone, confirmations, leastConfirmed } = this.#counts;
      this.#count({
        putsDone: putsDone + 1,
        confirmations: confirmations + confirmed,
        leastConfirmed: putsDone === 0 ? confirmed : Math.min(leastConfirmed, confirmed),
      });
    } catch (error) {
      this.#failure ??= { error };
      this.#waiting.length = 0;
    }
    this.#inFlight--;
    this.#start();
    for (const wake of this.#wakers) wake();
    this.#wakers.clear();
  }

  async #putEnough(put: BlockPut): Promise<number> {
    const { network, wanted, signal } = this.#options;
    let most = 0;
    for (let attempt = 0; attempt < PUT_TRIES; attempt++) {
      if (this.#failure !== undefined) throw this.#failure.error;
      if (signal?.aborted) throw new UmbelError("ABORTED", "the publish was stopped");
      most = Math.max(most, await network.put(put, { signal }));
      if (most >= wanted) return most;
    }
    const { putsDone, putsQueued } = this.#counts;
    throw new UmbelError(
      "NOT_STORED",
      `a block was confirmed by ${most} of the ${wanted} nodes wanted, after ${PUT_TRIES} tries; ` +
        `${putsDone} of ${putsQueued} blocks are stored`,
    );
  }

  #count(change: Partial<SenderCounts>): void {
    this.#counts = { ...this.#counts, ...change };
    this.#options.onChange?.(this.#counts);
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wakers.add(resolve));
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#options.signal?.aborted) throw new UmbelError("ABORTED", "the publish was stopped");
  }
}
