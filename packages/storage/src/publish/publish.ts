import type { AbortLike, CryptoProvider, RandomSource } from "@umbel/core";
import type { BlockNetwork } from "../block/block-network.ts";
import type { SizeClass } from "../format/size-class.ts";
import { PUBLISH_CONCURRENCY } from "../limits.ts";
import { createCancellation } from "../service/cancellation.ts";
import { BlockSender, type SenderCounts } from "./block-sender.ts";
import { inputOf, type MadeContent, makeBlocks, referenceTo } from "./make-blocks.ts";
import { keysOfSecret, PUBLISH_SECRET_BYTES, type PublishKeys } from "./publish-keys.ts";
import type { PublishSource } from "./publish-source.ts";
import type { PutLedger } from "./put-ledger.ts";

export interface PublishOptions {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  /** Of this operation alone; the caller closes it. */
  readonly network: BlockNetwork;
  readonly source: PublishSource;
  /** Holders that must confirm each block at each of its locations, at least 1. */
  readonly wanted: number;
  readonly progress?: ((progress: PublishProgress) => void) | undefined;
  readonly signal?: AbortLike | undefined;
  /** Keys of their own for this content; fresh random ones when absent. */
  readonly keys?: PublishKeys | undefined;
  /** How sizes are hidden beyond a block; "exact" when absent. */
  readonly sizeClass?: SizeClass | undefined;
  /** What need not be put again. */
  readonly ledger?: PutLedger | undefined;
  /** Puts in flight; PUBLISH_CONCURRENCY when absent. */
  readonly concurrency?: number | undefined;
}

export interface PublishProgress {
  /** Bytes of the input that were read and sealed. */
  readonly bytesRead: number;
  /** Bytes of the whole input, when the source said so or was read to its end. */
  readonly bytesTotal: number | undefined;
  /** Puts that enough holders confirmed: a root counts three times. */
  readonly blocksDone: number;
  /** Puts that were made so far; all of them once `isComplete`. */
  readonly blocksQueued: number;
  /** True once every block was made. */
  readonly isComplete: boolean;
}

export interface PublishResult {
  /** The text to pass on. It is a secret of whoever may read the content. */
  readonly reference: string;
  readonly kind: "file" | "folder";
  /** Bytes of the file, or of all files. */
  readonly bytes: number;
  readonly files: number;
  /** Different blocks. */
  readonly blocks: number;
  /** Placements of blocks: a root has three, any other block one. */
  readonly puts: number;
  /** Confirmations by holders of all puts together. */
  readonly confirmations: number;
  /** The fewest confirmations that one put got. */
  readonly leastConfirmed: number;
}

/**
 * Publishes a file or a folder under a fresh random key, in constant memory: blocks in random order, the root last.
 * Throws NOT_STORED when too few holders confirm a block, BAD_INPUT for a path or name that cannot be published, what
 * the source throws, ABORTED, NO_PATH and NETWORK_UNREACHABLE.
 */
export async function publish(options: PublishOptions): Promise<PublishResult> {
  const stop = createCancellation(options.signal);
  const secret = options.random.bytes(PUBLISH_SECRET_BYTES);
  try {
    return await publishUnder(options, options.keys ?? keysOfSecret(options.crypto, secret), stop.signal);
  } finally {
    stop.cancel();
    stop.release();
    secret.fill(0);
  }
}

async function publishUnder(
  options: PublishOptions,
  keys: PublishKeys,
  signal: AbortLike,
): Promise<PublishResult> {
  const { crypto, random, network, wanted, ledger } = options;
  const input = await inputOf(options.source);
  const report = new ProgressReport(options.progress, input.bytes);
  const sender = new BlockSender({
    ...{ crypto, random, network, wanted, ledger, signal },
    concurrency: options.concurrency ?? PUBLISH_CONCURRENCY,
    onChange: (counts) => report.onCounts(counts),
  });
  const onRead = (bytes: number) => report.onRead(bytes);
  const made = await makeBlocks({ ...options, input, keys, sink: sender, signal, onRead });
  await sender.drain();
  const rootId = await sender.addRoot(made.root);
  report.onComplete();
  await sender.drain();
  return { reference: referenceTo(keys, rootId), ...summaryOf(made, sender.counts) };
}

function summaryOf(made: MadeContent, counts: SenderCounts): Omit<PublishResult, "reference"> {
  const { kind, bytes, files } = made;
  const { blocks, putsDone, confirmations, leastConfirmed } = counts;
  return { kind, bytes, files, blocks, puts: putsDone, confirmations, leastConfirmed };
}

/** Gathers what a listener of progress is told. */
export class ProgressReport {
  readonly #listener: ((progress: PublishProgress) => void) | undefined;
  #state: PublishProgress;

  constructor(listener: ((progress: PublishProgress) => void) | undefined, bytesTotal: number | undefined) {
    this.#listener = listener;
    this.#state = { bytesRead: 0, bytesTotal, blocksDone: 0, blocksQueued: 0, isComplete: false };
  }

  onRead(bytes: number): void {
    this.#change({ bytesRead: this.#state.bytesRead + bytes });
  }

  onCounts(counts: SenderCounts): void {
    this.#change({ blocksDone: counts.putsDone, blocksQueued: counts.putsQueued });
  }

  onComplete(): void {
    this.#change({ isComplete: true, bytesTotal: this.#state.bytesRead });
  }

  #change(change: Partial<PublishProgress>): void {
    this.#state = { ...this.#state, ...change };
    this.#listener?.(this.#state);
  }
}
