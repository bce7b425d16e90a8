import { type AbortLike, BLOCK_BYTES, type CryptoProvider, isUmbelError, UmbelError } from "@umbel/core";
import type { BlockCopy, BlockNetwork } from "../block/block-network.ts";
import { BUNDLE_RECORD_PUTS, PUBLISH_CONCURRENCY, PUT_TRIES } from "../limits.ts";
import { atOnce } from "../repair/at-once.ts";
import { withOwnSignal } from "../service/cancellation.ts";
import { isBlockOf } from "../service/verified.ts";
import { decodeSlot } from "../slot/slot.ts";
import {
  BUNDLE_HEADER_BYTES,
  BUNDLE_KINDS,
  type BundleTable,
  bundleTableBytes,
  decodeBundleHeader,
  decodeBundleTable,
} from "./bundle-format.ts";

/** The file that a bundle is read from. */
export interface BundleSource {
  /** Length of the file in bytes. */
  readonly bytes: number;
  /** Exactly `length` bytes from `position`, owned by the caller. Throws READ_FAILED. */
  read(position: number, length: number): Promise<Uint8Array>;
}

/** Where an import writes down what holders confirmed, so that the next one goes on from there. */
export interface ImportRecord {
  /** A bit for each entry, or undefined at the first time. */
  load(digest: Uint8Array): Promise<Uint8Array | undefined>;
  save(digest: Uint8Array, done: Uint8Array): Promise<void>;
  /** The import is complete. */
  remove(digest: Uint8Array): Promise<void>;
}

export interface ImportProgress {
  readonly blocksDone: number;
  readonly blocksTotal: number;
}

export interface ImportOptions {
  readonly crypto: CryptoProvider;
  /** Of this operation alone; the caller closes it. */
  readonly network: BlockNetwork;
  readonly source: BundleSource;
  readonly record: ImportRecord;
  /** Holders that must confirm each block at each of its locations. */
  readonly wanted: number;
  readonly progress?: ((progress: ImportProgress) => void) | undefined;
  readonly signal?: AbortLike | undefined;
}

export interface Imported {
  readonly blocks: number;
  /** Those that an earlier import had put already. */
  readonly known: number;
  /** Confirmations by holders of all puts of this import together. */
  readonly confirmations: number;
}

/**
 * Checks a whole bundle and gives its table: every block against its id, every slot against its signature. Nothing needs a key. Throws
 * BAD_ENCODING that says at which byte, READ_FAILED, ABORTED.
 */
export async function checkBundle(
  crypto: CryptoProvider,
  source: BundleSource,
  signal?: AbortLike,
): Promise<BundleTable> {
  const table = await readTable(crypto, source);
  for (let index = 0; index < table.count; index++) {
    if (signal?.aborted) throw new UmbelError("ABORTED", "the import was stopped");
    await readEntry(crypto, source, table, index);
  }
  return table;
}

/**
 * Puts the blocks of a bundle into the network, roots and slots last, so that nobody finds a root whose blocks are not there yet. Checks
 * the whole bundle before the first put. What the record says was confirmed is not put again. Throws what `checkBundle` throws, and
 * NOT_STORED, NO_PATH, NETWORK_UNREACHABLE; what was confirmed until then is recorded.
 */
export function importBundle(options: ImportOptions): Promise<Imported> {
  return withOwnSignal(options.signal, (signal) => putBundle({ ...options, signal }));
}

async function putBundle(options: ImportOptions): Promise<Imported> {
  const { crypto, source, record, signal } = options;
  const table = await checkBundle(crypto, source, signal);
  const { digest, count } = table;
  const done = await loadDone(record, table);
  const known = countDone(done, count);
  let puts = 0;
  let confirmations = 0;
  const put = async (index: number) => {
    const confirmed = await putEntry(options, table, index);
    confirmations += confirmed;
    done[index >> 3] = (done[index >> 3] as number) | (0x80 >> (index & 7));
    options.progress?.({ blocksDone: known + ++puts, blocksTotal: count });
    if (puts % BUNDLE_RECORD_PUTS === 0) await record.save(digest, done);
  };
  options.progress?.({ blocksDone: known, blocksTotal: count });
  try {
    for (const isLast of [false, true]) {
      await atOnce(entriesLeft(table, done, isLast), PUBLISH_CONCURRENCY, put);
    }
  } catch (error) {
    await record.save(digest, done);
    throw error;
  }
  await record.remove(digest);
  return { blocks: count, known, confirmations };
}

async function readTable(crypto: CryptoProvider, source: BundleSource): Promise<BundleTable> {
  if (source.bytes < BUNDLE_HEADER_BYTES) throw cut(source.bytes);
  const count = decodeBundleHeader(await source.read(0, BUNDLE_HEADER_BYTES));
  if (source.bytes < bundleTableBytes(count)) throw cut(source.bytes);
  const table = decodeBundleTable(crypto, await source.read(0, bundleTableBytes(count)));
  if (source.bytes < table.fileBytes) throw cut(source.bytes);
  if (source.bytes > table.fileBytes) {
    throw new UmbelError("BAD_ENCODING", `bundle: it ends at byte ${table.fileBytes}, and more follows`);
  }
  return table;
}

function cut(bytes: number): UmbelError {
  return new UmbelError("BAD_ENCODING", `bundle: cut short, at byte ${bytes}: get the file again`);
}

/** The block of an entry, checked. */
async function readEntry(
  crypto: CryptoProvider,
  source: BundleSource,
  table: BundleTable,
  index: number,
): Promise<Uint8Array> {
  const { kind, id } = table.entry(index);
  const position = table.position(index);
  const block = await source.read(position, BLOCK_BYTES);
  if (kind === "slot" ? isSlot(crypto, id, block) : isBlockOf(crypto, id, block)) return block;
  throw new UmbelError(
    "BAD_ENCODING",
    `bundle: block ${index + 1} of ${table.count} is damaged, at byte ${position}: get the file again`,
  );
}

function isSlot(crypto: CryptoProvider, id: Parameters<typeof decodeSlot>[1], block: Uint8Array): boolean {
  try {
    decodeSlot(crypto, id, block);
    return true;
  } catch (error) {
    if (isUmbelError(error)) return false;
    throw error;
  }
}

/** Puts an entry at all its locations; how many confirmations that gave. */
async function putEntry(options: ImportOptions, table: BundleTable, index: number): Promise<number> {
  const { crypto, source } = options;
  const block = await readEntry(crypto, source, table, index);
  let confirmations = 0;
  for (const copy of BUNDLE_KINDS[table.entry(index).kind].copies) {
    confirmations += await putCopy(options, table, index, copy, block);
  }
  return confirmations;
}

async function putCopy(
  { network, wanted, signal }: ImportOptions,
  table: BundleTable,
  index: number,
  copy: BlockCopy,
  block: Uint8Array,
): Promise<number> {
  const { kind, id } = table.entry(index);
  let most = 0;
  for (let attempt = 0; attempt < PUT_TRIES && most < wanted; attempt++) {
    if (signal?.aborted) throw new UmbelError("ABORTED", "the import was stopped");
    const confirmed =
      kind === "slot"
        ? await network.putSlot({ id, slot: block, copy }, { signal })
        : await network.put({ id, block, copy, lane: kind === "root" ? "roots" : "data" }, { signal });
    most = Math.max(most, confirmed);
  }
  if (most >= wanted) return most;
  throw new UmbelError(
    "NOT_STORED",
    `a block was confirmed by ${most} of the ${wanted} nodes wanted, after ${PUT_TRIES} tries; the same command goes on from there`,
  );
}

async function loadDone(record: ImportRecord, { digest, count }: BundleTable): Promise<Uint8Array> {
  const length = Math.ceil(count / 8);
  const loaded = await record.load(digest);
  return loaded?.length === length ? loaded.slice() : new Uint8Array(length);
}

function isDone(done: Uint8Array, index: number): boolean {
  return ((done[index >> 3] as number) & (0x80 >> (index & 7))) !== 0;
}

function countDone(done: Uint8Array, count: number): number {
  let known = 0;
  for (let index = 0; index < count; index++) if (isDone(done, index)) known++;
  return known;
}

/** What is left of the ordinary blocks, or of roots and slots. */
function entriesLeft(table: BundleTable, done: Uint8Array, isLast: boolean): readonly number[] {
  const left: number[] = [];
  for (let index = 0; index < table.count; index++) {
    if (!isDone(done, index) && (table.entry(index).kind !== "block") === isLast) left.push(index);
  }
  return left;
}
