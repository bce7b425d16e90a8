import type { BlockId } from "@umbel/core";
import {
  type AbortLike,
  type CryptoProvider,
  type RandomSource,
  randomBelow,
  type Timer,
  UmbelError,
} from "@umbel/core";
import type { BlockCopy, BlockLane, BlockNetwork, BlockPut } from "../block/block-network.ts";
import { blockIdOf } from "../block/location.ts";
import { PUBLISH_WINDOW_BLOCKS, PUT_TRIES } from "../limits.ts";
import type { BlockPurpose, BlockSink } from "./block-sink.ts";
import type { MadeBlock, PutLedger } from "./put-ledger.ts";
import type { PutPace } from "./put-pace.ts";

export interface BlockSenderOptions {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  readonly network: BlockNetwork;
  /** Holders that must confirm each put. */
  readonly wanted: number;
  /** Puts in flight. */
  readonly concurrency: number;
  /** What need not be put again; everything is put when absent. */
  readonly ledger?: PutLedger | undefined;
  /** When puts may start; as fast as they are taken when absent. */
  readonly pace?: PutPace | undefined;
  /** The number of the first put: above 0 when blocks of another sender come before. */
  readonly firstNumber?: number | undefined;
  readonly signal?: AbortLike | undefined;
  /** Called after each put that enough holders confirmed, and after each block that is queued. */
  readonly onChange?: ((counts: SenderCounts) => void) | undefined;
  /** Hears of every block, in order. */
  readonly onBlock?: ((block: MadeBlock) => void) | undefined;
}

/** What a sender has done so far. A root is three puts, any other block one. Puts of an earlier run count as done. */
export interface SenderCounts {
  /** Different blocks. */
  readonly blocks: number;
  readonly putsQueued: number;
  readonly putsDone: number;
  /** Puts that were done before this run. */
  readonly putsBefore: number;
  /** Confirmations of all puts of this run together. */
  readonly confirmations: number;
  /** The fewest confirmations that one put of this run got; 0 before the first. */
  readonly leastConfirmed: number;
}

/** The three locations of a root. */
export const ROOT_COPIES: readonly BlockCopy[] = [0, 1, 2];

interface Waiting extends BlockPut {
  readonly number: number;
}

/**
 * Puts blocks in random order within a window, several at once. A put that too few holders confirm is tried again;
 * the first that fails for good ends the operation: every later call throws its error.
 */
export class BlockSender implements BlockSink {
  readonly #options: BlockSenderOptions;
  readonly #waiting: Waiting[] = [];
  readonly #wakers = new Set<() => void>();
  #inFlight = 0;
  #nextNumber: number;
  #draining = false;
  #gap: Timer | undefined;
  /** True when the gap before the next put is over. */
  #mayStart = false;
  #failure: { readonly error: unknown } | undefined;
  #counts: SenderCounts = NO_COUNTS;

  constructor(options: BlockSenderOptions) {
    this.#options = options;
    this.#nextNumber = options.firstNumber ?? 0;
    options.signal?.addEventListener("abort", () => this.#giveUp());
  }

  get counts(): SenderCounts {
    return this.#counts;
  }

  async add(block: Uint8Array, purpose: Exclude<BlockPurpose, "root">, lane: BlockLane): Promise<BlockId> {
    return this.#queue(block, purpose, lane, ONE_COPY);
  }

  async addRoot(block: Uint8Array): Promise<BlockId> {
    return this.#queue(block, "root", "roots", ROOT_COPIES);
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

  /** Starts no more puts, and waits for the end of those under way. */
  async stop(): Promise<void> {
    this.#giveUp();
    while (this.#inFlight > 0) await this.#change();
  }

  #giveUp(): void {
    this.#failure ??= { error: new UmbelError("ABORTED", "the publish was stopped") };
    this.#waiting.length = 0;
    this.#gap?.cancel();
    this.#wake();
  }

  async #queue(
    block: Uint8Array,
    purpose: BlockPurpose,
    lane: BlockLane,
    copies: readonly BlockCopy[],
  ): Promise<BlockId> {
    this.#throwIfFailed();
    const { crypto, ledger, onBlock } = this.#options;
    const id = blockIdOf(crypto, block);
    const number = this.#nextNumber;
    this.#nextNumber += copies.length;
    onBlock?.({ id, purpose, lane, number });
    let done = 0;
    for (const [at, copy] of copies.entries()) {
      if (ledger?.isConfirmed(number + at, id)) done++;
      else this.#waiting.push({ number: number + at, id, block, copy, lane });
    }
    this.#countQueued(copies.length, done);
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
      if (!this.#isTime()) return;
      const index = randomBelow(this.#options.random, this.#waiting.length);
      const put = this.#waiting[index] as Waiting;
      this.#waiting[index] = this.#waiting.at(-1) as Waiting;
      this.#waiting.pop();
      this.#inFlight++;
      void this.#send(put);
    }
  }

  /** True when the next put may start now; else the pace's timer will start it. */
  #isTime(): boolean {
    const { pace } = this.#options;
    if (pace === undefined) return true;
    if (this.#mayStart) {
      this.#mayStart = false;
      return true;
    }
    this.#gap ??= pace.afterGap(() => {
      this.#gap = undefined;
      this.#mayStart = true;
      this.#start();
    });
    return false;
  }

  async #send(put: Waiting): Promise<void> {
    try {
      const confirmed = await this.#putEnough(put);
      this.#options.ledger?.confirmed(put.number, put.id, confirmed);
      this.#countDone(confirmed);
    } catch (error) {
      this.#failure ??= { error };
      this.#waiting.length = 0;
    }
    this.#inFlight--;
    this.#start();
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#wakers) wake();
    this.#wakers.clear();
  }

  async #putEnough(put: Waiting): Promise<number> {
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

  #countQueued(copies: number, done: number): void {
    const { blocks, putsQueued, putsDone, putsBefore } = this.#counts;
    this.#count({
      blocks: blocks + 1,
      putsQueued: putsQueued + copies,
      putsDone: putsDone + done,
      putsBefore: putsBefore + done,
    });
  }

  #countDone(confirmed: number): void {
    const { putsDone, putsBefore, confirmations, leastConfirmed } = this.#counts;
    this.#count({
      putsDone: putsDone + 1,
      confirmations: confirmations + confirmed,
      leastConfirmed: putsDone === putsBefore ? confirmed : Math.min(leastConfirmed, confirmed),
    });
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

const ONE_COPY: readonly BlockCopy[] = [0];

const NO_COUNTS: SenderCounts = {
  blocks: 0,
  putsQueued: 0,
  putsDone: 0,
  putsBefore: 0,
  confirmations: 0,
  leastConfirmed: 0,
};
