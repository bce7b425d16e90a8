import { mkdir, statfs } from "node:fs/promises";
import { BLOCK_BYTES, type BlockId, type CryptoProvider, UmbelError } from "@umbel/core";
import type { BlockCopy } from "../block/block-network.ts";
import { STORE_DISK_RESERVE_BYTES, STORE_SLACK_BYTES, STORE_WALK_ENTRIES } from "../limits.ts";
import {
  type BlockStore,
  copiesOf,
  type SlotChange,
  type StoreClaim,
  type StoredSlot,
  type StoreEntry,
  type StoreOutcome,
} from "../store/block-store.ts";
import { createRecordCipher, type RecordCipher, STORED } from "../store/record-cipher.ts";
import {
  type EntryRecord,
  encodeEntryRecord,
  encodeSlotRecord,
  entryRecordOf,
  type SlotRecord,
  slotRecordOf,
  storeEntryOf,
} from "../store/store-records.ts";
import { lmdbFileIsSound } from "./lmdb-file.ts";
import { damagedStore, getValue, loadLmdb, type StoreFiles, storeFilesIn, type Table } from "./lmdb-files.ts";
import { type Batch, BLOCK_DISK_BYTES, LmdbWriter, removeBlock, removeSlot } from "./lmdb-writer.ts";
import { readStoreFormat } from "./store-format.ts";

export interface LmdbStoreOptions {
  /** A folder of the store's own; made when absent. */
  readonly folder: string;
  readonly crypto: CryptoProvider;
  /** 32 bytes, see `storeKeyOf`. What lies in the folder can be read and matched to ids with it alone. */
  readonly key: Uint8Array;
  /** Quota of everything together, in bytes on disk. A put beyond it answers "full". */
  readonly maxBytes: number;
  /** Of that, what cached blocks may take at most; 0 when absent. */
  readonly maxCacheBytes?: number | undefined;
  /** Bytes of the quota that are left to pages which LMDB cannot use again yet; 0 for tests of small stores. */
  readonly slackBytes?: number | undefined;
  /** Free bytes that stay on the disk: a put that would go below answers "full". */
  readonly reserveBytes?: number | undefined;
  /** Free bytes of the disk that holds a folder; asks the system when absent. */
  readonly freeBytes?: ((folder: string) => Promise<number>) | undefined;
}

/**
 * Opens the store over LMDB. Throws BAD_CONFIG when lmdb is not installed, the folder holds something else, another
 * format, the blocks of another key or a damaged file; DISK_FULL when not even an empty store fits; WRITE_FAILED when the folder cannot be made.
 */
export async function openLmdbStore(options: LmdbStoreOptions): Promise<BlockStore> {
  const { folder, maxBytes, maxCacheBytes = 0 } = options;
  const lmdb = await loadLmdb();
  const reserve = options.reserveBytes ?? STORE_DISK_RESERVE_BYTES;
  const room = async () => (await (options.freeBytes ?? freeBytes)(folder)) - reserve;
  await makeFolder(folder);
  if ((await room()) < 0) {
    throw new UmbelError("DISK_FULL", `no room for a block store in ${folder}: free some space`);
  }
  const cipher = createRecordCipher(options.crypto, options.key);
  await readStoreFormat(folder, cipher.check);
  if (!(await lmdbFileIsSound(folder))) throw damagedStore(folder);
  const files = storeFilesIn(lmdb, folder);
  const slack = Math.min(options.slackBytes ?? STORE_SLACK_BYTES, maxBytes / 2);
  const maxBlocks = Math.floor((maxBytes - slack) / BLOCK_DISK_BYTES);
  const maxCached = Math.min(maxBlocks, Math.floor(maxCacheBytes / BLOCK_DISK_BYTES));
  const now = () => performance.now();
  const writer = new LmdbWriter({ files, cipher, maxBlocks, maxCached, room, reserve, now });
  return new LmdbStore(files, cipher, writer, maxCached > 0);
}

/** Names and ciphertexts in LMDB; what changes them runs in the writer, one after the other. */
class LmdbStore implements BlockStore {
  readonly #files: StoreFiles;
  readonly #cipher: RecordCipher;
  readonly #writer: LmdbWriter;
  readonly #hasCache: boolean;
  #closed = false;

  constructor(files: StoreFiles, cipher: RecordCipher, writer: LmdbWriter, hasCache: boolean) {
    this.#files = files;
    this.#cipher = cipher;
    this.#writer = writer;
    this.#hasCache = hasCache;
  }

  async get(id: BlockId): Promise<Uint8Array | undefined> {
    return this.#block(this.#files.blocks, this.#name("block", id));
  }

  async put(id: BlockId, copy: BlockCopy, block: Uint8Array, claim?: StoreClaim): Promise<StoreOutcome> {
    const name = this.#name("block", id);
    mustBeBlock(block);
    const bit = 1 << copy;
    const known = this.#entryOf(this.#read(this.#files.entries, name), name);
    if (known !== undefined && (known.mask & bit) !== 0) return "known";
    const { blocks, entries } = this.#files;
    return this.#writer.write((batch) => {
      const mask = this.#entryOf(batch.get(entries, name), name)?.mask;
      if (mask === undefined) {
        if (!batch.makeRoom(1, claim, name)) return "full";
        batch.put(blocks, name, this.#cipher.block(name, block));
        batch.use.blocks++;
        if (claim === undefined) this.#writer.nearMissAdded();
      }
      if (mask === undefined || (mask & bit) === 0) {
        const record = encodeEntryRecord({ id, mask: (mask ?? 0) | bit });
        batch.put(entries, name, this.#cipher.seal(name, record));
      }
      return mask === undefined ? "stored" : "known";
    });
  }

  async remove(id: BlockId): Promise<boolean> {
    const name = this.#name("block", id);
    return this.#writer.write((batch) => {
      if (batch.get(this.#files.entries, name) === undefined) return false;
      removeBlock(batch, this.#files, name);
      return true;
    });
  }

  async has(id: BlockId, copy?: BlockCopy): Promise<boolean> {
    const name = this.#name("block", id);
    if (copy === undefined) return this.#files.entries.doesExist(name);
    const entry = this.#entryOf(this.#read(this.#files.entries, name), name);
    return entry !== undefined && (entry.mask & (1 << copy)) !== 0;
  }

  count(): number {
    return this.#writer.use.blocks;
  }

  entries(): AsyncIterable<StoreEntry> {
    return this.#walk(this.#files.entries);
  }

  async getCached(id: BlockId): Promise<Uint8Array | undefined> {
    if (this.#writer.use.cached === 0) return undefined;
    const name = this.#name("cached", id);
    const block = this.#block(this.#files.cached, name);
    if (block !== undefined) this.#writer.clock.used(name);
    return block;
  }

  async cache(id: BlockId, block: Uint8Array): Promise<StoreOutcome> {
    const name = this.#name("cached", id);
    mustBeBlock(block);
    if (!this.#hasCache) return "full";
    const { cached } = this.#files;
    return this.#writer.write((batch) => {
      if (batch.get(cached, name) !== undefined) return "known";
      if (!batch.makeCacheRoom()) return "full";
      batch.put(cached, name, this.#cipher.block(name, block));
      batch.use.cached++;
      return "stored";
    });
  }

  async dropCached(id: BlockId): Promise<boolean> {
    const name = this.#name("cached", id);
    return this.#writer.write((batch) => {
      if (batch.get(this.#files.cached, name) === undefined) return false;
      batch.remove(this.#files.cached, name);
      batch.use.cached--;
      return true;
    });
  }

  cachedCount(): number {
    return this.#writer.use.cached;
  }

  async slot(id: BlockId): Promise<StoredSlot | undefined> {
    const name = this.#name("slot", id);
    const record = this.#slotOf(this.#read(this.#files.slots, name), name);
    return record && { copies: copiesOf(record.mask), head: record.head };
  }

  async slotBlock(id: BlockId, place: number): Promise<Uint8Array | undefined> {
    this.#mustBeOpen();
    const name = this.#cipher.name(STORED.slotBlock, id, place);
    const sealed = this.#read(this.#files.slotBlocks, name);
    return sealed && this.#cipher.open(name, sealed);
  }

  async changeSlot(id: BlockId, change: SlotChange, claim?: StoreClaim): Promise<"stored" | "full"> {
    const name = this.#name("slot", id);
    for (const block of change.write.values()) mustBeBlock(block);
    return this.#writer.write((batch) => this.#changeSlot(batch, name, id, change, claim));
  }

  #changeSlot(batch: Batch, name: Uint8Array, id: BlockId, change: SlotChange, claim?: StoreClaim) {
    const { slots, slotBlocks } = this.#files;
    const before = this.#slotOf(batch.get(slots, name), name);
    const places = new Set(before?.places);
    for (const place of change.erase) places.delete(place);
    for (const place of change.write.keys()) places.add(place);
    const more = places.size - (before?.places.length ?? 0);
    if (!batch.makeRoom(more, claim, name)) return "full";
    const nameOf = (place: number) => this.#cipher.name(STORED.slotBlock, id, place);
    for (const place of change.erase) batch.remove(slotBlocks, nameOf(place));
    for (const [place, block] of change.write) {
      batch.put(slotBlocks, nameOf(place), this.#cipher.seal(nameOf(place), block));
    }
    const mask = (before?.mask ?? 0) | (1 << change.copy);
    const record = encodeSlotRecord({
      id,
      mask,
      places: [...places].sort((a, b) => a - b),
      head: change.head,
    });
    batch.put(slots, name, this.#cipher.seal(name, record));
    batch.use.slotBlocks += more;
    if (claim === undefined) this.#writer.nearMissAdded();
    return "stored";
  }

  async removeSlot(id: BlockId): Promise<boolean> {
    const name = this.#name("slot", id);
    return this.#writer.write((batch) => {
      if (batch.get(this.#files.slots, name) === undefined) return false;
      removeSlot(batch, this.#files, this.#cipher, name);
      return true;
    });
  }

  slots(): AsyncIterable<StoreEntry> {
    return this.#walk(this.#files.slots);
  }

  usedBytes(): number {
    const { blocks, slotBlocks, cached } = this.#writer.use;
    return (blocks + slotBlocks + cached) * BLOCK_DISK_BYTES;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writer.idle();
    await this.#files.root.close();
  }

  /** What cannot be opened under this key is left out: nobody can ask for it either. */
  async *#walk(table: Table): AsyncIterable<StoreEntry> {
    let after: Uint8Array | undefined;
    for (;;) {
      this.#mustBeOpen();
      const start = after === undefined ? {} : { start: after, exclusiveStart: true };
      const page = [...table.getRange({ ...start, limit: STORE_WALK_ENTRIES })];
      for (const { key, value } of page) {
        const record = this.#entryOf(value, key);
        if (record !== undefined) yield storeEntryOf(record);
      }
      after = page.at(-1)?.key;
      if (after === undefined) return;
    }
  }

  #name(kind: keyof typeof STORED, id: BlockId): Uint8Array {
    this.#mustBeOpen();
    return this.#cipher.name(STORED[kind], id);
  }

  #block(table: Table, name: Uint8Array): Uint8Array | undefined {
    const sealed = this.#read(table, name);
    return sealed && this.#cipher.block(name, sealed);
  }

  /** A view that the next read overwrites. */
  #read(table: Table, name: Uint8Array): Uint8Array | undefined {
    try {
      return getValue(table, name);
    } catch (cause) {
      throw new UmbelError("READ_FAILED", "the block store cannot be read", { cause });
    }
  }

  #entryOf(sealed: Uint8Array | undefined, name: Uint8Array): EntryRecord | undefined {
    const record = sealed && this.#cipher.open(name, sealed);
    return record && entryRecordOf(record);
  }

  #slotOf(sealed: Uint8Array | undefined, name: Uint8Array): SlotRecord | undefined {
    const record = sealed && this.#cipher.open(name, sealed);
    return record && slotRecordOf(record);
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new UmbelError("INTERNAL", "the block store is closed");
  }
}

function mustBeBlock(block: Uint8Array): void {
  if (block.length !== BLOCK_BYTES) {
    throw new UmbelError("BAD_ENCODING", `a block has ${BLOCK_BYTES} bytes`);
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new UmbelError("WRITE_FAILED", `the folder ${folder} cannot be made`, { cause });
  }
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
