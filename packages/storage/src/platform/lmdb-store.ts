import { mkdir, statfs } from "node:fs/promises";
import { BLOCK_BYTES, type BlockId, UmbelError } from "@umbel/core";
import type { Database, RootDatabase } from "lmdb";
import type { BlockCopy } from "../block/block-network.ts";
import { blockIdBytes, blockIdFromBytes } from "../block/location.ts";
import { STORE_BATCH_BLOCKS, STORE_DISK_RESERVE_BYTES, STORE_WALK_ENTRIES } from "../limits.ts";
import { type BlockStore, copiesOf, type StoreEntry, type StoreOutcome } from "../store/block-store.ts";
import { lmdbFileIsSound } from "./lmdb-file.ts";
import { readStoreFormat } from "./store-format.ts";

/** Disk space of one block: LMDB puts it on 8 pages of its own, its id and copies on a share of another. */
const BLOCK_DISK_BYTES = 8 * 4096 + 512;

export interface LmdbStoreOptions {
  /** A folder of the store's own; made when absent. */
  readonly folder: string;
  /** Quota in bytes on disk. A put beyond it answers "full". */
  readonly maxBytes: number;
  /** Free bytes that stay on the disk: a put that would go below answers "full". */
  readonly reserveBytes?: number | undefined;
  /** Free bytes of the disk that holds a folder; asks the system when absent. */
  readonly freeBytes?: ((folder: string) => Promise<number>) | undefined;
}

/**
 * Opens the store over LMDB. Throws BAD_CONFIG when lmdb is not installed, the folder holds something else, a newer
 * format or a damaged file; DISK_FULL when not even an empty store fits; WRITE_FAILED when the folder cannot be made.
 */
export async function openLmdbStore(options: LmdbStoreOptions): Promise<BlockStore> {
  const lmdb = await loadLmdb();
  const reserve = options.reserveBytes ?? STORE_DISK_RESERVE_BYTES;
  const room = async () => (await (options.freeBytes ?? freeBytes)(options.folder)) - reserve;
  await makeFolder(options.folder);
  if ((await room()) < 0) {
    throw new UmbelError("DISK_FULL", `no room for a block store in ${options.folder}: free some space`);
  }
  await readStoreFormat(options.folder);
  if (!(await lmdbFileIsSound(options.folder))) throw damaged(options.folder);
  return new LmdbStore(openFiles(lmdb, options.folder), options.maxBytes, room);
}

interface Files {
  readonly root: RootDatabase;
  /** Block id -> block. */
  readonly blocks: Database<Uint8Array, Uint8Array>;
  /** Block id -> one byte, bit c for copy c: small, so that walking it reads no blocks. */
  readonly copies: Database<Uint8Array, Uint8Array>;
}

interface PendingPut {
  readonly key: Uint8Array;
  readonly mask: number;
  /** Undefined when only the copies change. */
  readonly block: Uint8Array | undefined;
  readonly settle: (outcome: StoreOutcome) => void;
  readonly fail: (error: unknown) => void;
}

/** One writer: whatever was put while a transaction was being flushed goes into the next one. */
class LmdbStore implements BlockStore {
  readonly #files: Files;
  readonly #maxBlocks: number;
  /** Bytes that may still be written to the disk. */
  readonly #room: () => Promise<number>;
  /** At most one write for each id: a second one waits, so that it sees what the first one did. */
  readonly #inFlight = new Map<BlockId, Promise<unknown>>();
  #pending: PendingPut[] = [];
  #count: number;
  #writing: Promise<void> | undefined;
  #closed = false;

  constructor(files: Files, maxBytes: number, room: () => Promise<number>) {
    this.#files = files;
    this.#maxBlocks = Math.floor(maxBytes / BLOCK_DISK_BYTES);
    this.#room = room;
    this.#count = files.copies.getKeysCount();
  }

  async get(id: BlockId): Promise<Uint8Array | undefined> {
    this.#mustBeOpen();
    try {
      const found = this.#files.blocks.getBinary(blockIdBytes(id));
      return found && new Uint8Array(found.buffer, found.byteOffset, found.byteLength);
    } catch (cause) {
      throw new UmbelError("READ_FAILED", "the block store cannot be read", { cause });
    }
  }

  async put(id: BlockId, copy: BlockCopy, block: Uint8Array): Promise<StoreOutcome> {
    this.#mustBeOpen();
    if (block.length !== BLOCK_BYTES) {
      throw new UmbelError("BAD_ENCODING", `a block has ${BLOCK_BYTES} bytes`);
    }
    for (;;) {
      const before = this.#inFlight.get(id);
      if (before === undefined) break;
      if ((await before) === "full") return "full";
    }
    this.#mustBeOpen();
    return this.#alone(id, this.#enqueue(blockIdBytes(id), 1 << copy, block));
  }

  async remove(id: BlockId): Promise<boolean> {
    this.#mustBeOpen();
    for (let before = this.#inFlight.get(id); before !== undefined; before = this.#inFlight.get(id)) {
      await before.catch(() => {});
    }
    this.#mustBeOpen();
    const key = blockIdBytes(id);
    if (!this.#files.copies.doesExist(key)) return false;
    await this.#alone(id, this.#delete(key));
    return true;
  }

  async has(id: BlockId): Promise<boolean> {
    this.#mustBeOpen();
    return this.#files.copies.doesExist(blockIdBytes(id));
  }

  count(): number {
    return this.#count;
  }

  async *entries(): AsyncIterable<StoreEntry> {
    let after: Uint8Array | undefined;
    for (;;) {
      this.#mustBeOpen();
      const start = after === undefined ? {} : { start: after, exclusiveStart: true };
      const page = [...this.#files.copies.getRange({ ...start, limit: STORE_WALK_ENTRIES })];
      for (const { key, value } of page) {
        yield { id: blockIdFromBytes(key), copies: copiesOf(value[0] ?? 0) };
      }
      after = page.at(-1)?.key;
      if (after === undefined) return;
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writing;
    await Promise.allSettled(this.#inFlight.values());
    await this.#files.root.close();
  }

  async #alone<Result>(id: BlockId, work: Promise<Result>): Promise<Result> {
    this.#inFlight.set(id, work);
    try {
      return await work;
    } finally {
      this.#inFlight.delete(id);
    }
  }

  async #delete(key: Uint8Array): Promise<void> {
    try {
      await this.#files.root.batch(() => {
        void this.#files.blocks.remove(key);
        void this.#files.copies.remove(key);
      });
    } catch (cause) {
      throw new UmbelError("WRITE_FAILED", "the block store cannot be written", { cause });
    }
    this.#count--;
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new UmbelError("INTERNAL", "the block store is closed");
  }

  #enqueue(key: Uint8Array, bit: number, block: Uint8Array): Promise<StoreOutcome> {
    const known = this.#files.copies.get(key)?.[0];
    if (known !== undefined && (known & bit) !== 0) return Promise.resolve("known");
    return new Promise((settle, fail) => {
      const mask = (known ?? 0) | bit;
      this.#pending.push({ key, mask, block: known === undefined ? block : undefined, settle, fail });
      this.#writing ??= this.#writeAll();
    });
  }

  async #writeAll(): Promise<void> {
    while (this.#pending.length > 0) {
      const batch = this.#pending.splice(0, STORE_BATCH_BLOCKS);
      try {
        await this.#write(batch);
      } catch (cause) {
        for (const put of batch) {
          put.fail(new UmbelError("WRITE_FAILED", "the block store cannot be written", { cause }));
        }
      }
    }
    this.#writing = undefined;
  }

  /** One transaction, on disk when it resolves. Never lets LMDB meet a full disk: docs/decisions/0063-block-store.md. */
  async #write(batch: readonly PendingPut[]): Promise<void> {
    const onDisk = Math.floor((await this.#room()) / BLOCK_DISK_BYTES);
    let room = Math.min(this.#maxBlocks - this.#count, onDisk);
    const accepted = batch.filter((put) => put.block === undefined || room-- > 0);
    if (accepted.length > 0) {
      await this.#files.root.batch(() => {
        for (const { key, mask, block } of accepted) {
          if (block !== undefined) void this.#files.blocks.put(key, block);
          void this.#files.copies.put(key, Uint8Array.of(mask));
        }
      });
    }
    for (const put of batch) {
      if (put.block === undefined) put.settle("known");
      else put.settle(accepted.includes(put) ? "stored" : "full");
    }
    this.#count += accepted.filter((put) => put.block !== undefined).length;
  }
}

async function loadLmdb(): Promise<typeof import("lmdb")> {
  try {
    return await import("lmdb");
  } catch (cause) {
    throw new UmbelError(
      "BAD_CONFIG",
      "blocks cannot be stored: the optional package lmdb does not load on this machine; install it again (npm start does) or run without the store role",
      { cause },
    );
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

function openFiles(lmdb: typeof import("lmdb"), folder: string): Files {
  const binary = { encoding: "binary", keyEncoding: "binary", cache: false } as const;
  try {
    const root = lmdb.open({
      path: folder,
      maxDbs: 4,
      overlappingSync: false,
      eventTurnBatching: false,
      ...binary,
    });
    return {
      root,
      blocks: root.openDB({ name: "blocks", ...binary }),
      copies: root.openDB({ name: "copies", ...binary }),
    };
  } catch (cause) {
    throw damaged(folder, cause);
  }
}

function damaged(folder: string, cause?: unknown): UmbelError {
  return new UmbelError(
    "BAD_CONFIG",
    `the block store in ${folder} is damaged: move that folder away, the network has the other copies`,
    { cause },
  );
}
