import {
  type AbortLike,
  type BlockId,
  type CryptoProvider,
  formatReference,
  type RandomSource,
  READ_KEY_BYTES,
  UmbelError,
} from "@umbel/core";
import type { BlockNetwork } from "../block/block-network.ts";
import { canonicalPath, nameFault } from "../format/path.ts";
import { PUBLISH_CONCURRENCY } from "../limits.ts";
import { createCancellation } from "../service/cancellation.ts";
import { BlockSender, type SenderCounts } from "./block-sender.ts";
import { type PublishContext, publishContent } from "./publish-file.ts";
import { publishFolder, sortedEntries } from "./publish-folder.ts";
import type { FolderSourceEntry, PublishSource } from "./publish-source.ts";

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
  const readKey = options.random.bytes(READ_KEY_BYTES);
  try {
    return await publishUnder(options, readKey, stop.signal);
  } finally {
    stop.cancel();
    stop.release();
    readKey.fill(0);
  }
}

async function publishUnder(
  options: PublishOptions,
  readKey: Uint8Array,
  signal: AbortLike,
): Promise<PublishResult> {
  const { crypto, random, source } = options;
  const name = canonicalName(source.name);
  const entries = source.kind === "folder" ? await sortedEntries(source) : [];
  const report = new ProgressReport(options.progress, source.kind === "file" ? [source] : entries);
  const sender = new BlockSender({
    ...{ crypto, random, network: options.network, wanted: options.wanted, signal },
    concurrency: options.concurrency ?? PUBLISH_CONCURRENCY,
    onChange: (counts) => report.onCounts(counts),
  });
  const context: PublishContext = {
    ...{ crypto, sender, check: () => throwIfAborted(signal) },
    onRead: (bytes) => report.onRead(bytes),
  };
  throwIfAborted(signal);
  const { root, size } =
    source.kind === "file"
      ? await publishContent(context, readKey, name, source.read())
      : await publishFolder(context, random, readKey, name, entries);
  await sender.drain();
  const rootId = await sender.addRoot(root);
  report.onComplete();
  await sender.drain();
  const files = source.kind === "file" ? 1 : entries.length;
  return resultOf(rootId, readKey, source.kind, size, files, sender.counts);
}

function resultOf(
  rootId: BlockId,
  readKey: Uint8Array,
  kind: "file" | "folder",
  bytes: number,
  files: number,
  counts: SenderCounts,
): PublishResult {
  const { blocks, putsDone, confirmations, leastConfirmed } = counts;
  const reference = formatReference({ kind: "file", rootId, readKey, path: [] });
  return { reference, kind, bytes, files, blocks, puts: putsDone, confirmations, leastConfirmed };
}

class ProgressReport {
  readonly #listener: ((progress: PublishProgress) => void) | undefined;
  #state: PublishProgress;

  constructor(
    listener: ((progress: PublishProgress) => void) | undefined,
    parts: readonly Pick<FolderSourceEntry, "size">[],
  ) {
    this.#listener = listener;
    const bytesTotal = parts.reduce<number | undefined>(
      (sum, { size }) => (sum === undefined || size === undefined ? undefined : sum + size),
      0,
    );
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

function canonicalName(name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const canonical = canonicalPath(name);
  const fault = nameFault(canonical);
  if (fault !== undefined)
    throw new UmbelError("BAD_INPUT", `${JSON.stringify(name)} cannot be published: ${fault}`);
  return canonical;
}

function throwIfAborted(signal: AbortLike): void {
  if (signal.aborted) throw new UmbelError("ABORTED", "the publish was stopped");
}
