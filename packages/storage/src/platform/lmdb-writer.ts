import { type Millis, UmbelError } from "@umbel/core";
import { STORE_BATCH_BLOCKS } from "../limits.ts";
import type { StoreClaim } from "../store/block-store.ts";
import { type RecordCipher, STORED } from "../store/record-cipher.ts";
import { slotRecordOf } from "../store/store-records.ts";
import { CacheClock, NearMissHand, nameKey, SWEEP_BUDGET } from "./lmdb-eviction.ts";
import { getValue, type StoreFiles, type Table } from "./lmdb-files.ts";

/** Disk space of one block: LMDB puts it on 8 pages of its own, its name and record on a share of others. */
export const BLOCK_DISK_BYTES = 8 * 4096 + 512;

/** Blocks in the store, by what they are. */
export interface StoreUse {
  blocks: number;
  slotBlocks: number;
  cached: number;
}

export interface WriterOptions {
  readonly files: StoreFiles;
  readonly cipher: RecordCipher;
  readonly maxBlocks: number;
  readonly maxCached: number;
  /** Bytes that may still be written to the disk; less than zero where the reserve is touched. */
  readonly room: () => Promise<number>;
  /** Bytes of the reserve. */
  readonly reserve: number;
  readonly now: () => Millis;
}

/** A transaction being put together: reads see what was there before it. */
export interface Batch {
  /** What is under a name; nothing where this transaction removes it. */
  get(table: Table, name: Uint8Array): Uint8Array | undefined;
  put(table: Table, name: Uint8Array, value: Uint8Array): void;
  remove(table: Table, name: Uint8Array): void;
  /** Makes room for more blocks, by what a claim may take; false where there is none. */
  makeRoom(blocks: number, claim: StoreClaim | undefined, own: Uint8Array): boolean;
  /** Makes room for one more cached block. */
  makeCacheRoom(): boolean;
  readonly use: StoreUse;
}

/** Puts its writes into the batch and says what became of it. Runs in the writer, one after the other. */
export type Work<Result> = (batch: Batch) => Result;

interface Waiting {
  readonly run: (batch: Batch) => () => void;
  readonly fail: (error: unknown) => void;
}

/** One writer: whatever comes while a transaction is being flushed goes into the next one, evictions with what they make room for. */
export class LmdbWriter {
  readonly clock: CacheClock;
  readonly #options: WriterOptions;
  readonly #nearMisses: NearMissHand;
  #use: StoreUse;
  /** Most blocks there ever were: the file has the pages for as many. */
  #highWater: number;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;

  constructor(options: WriterOptions) {
    const { files } = options;
    this.#options = options;
    this.clock = new CacheClock(files);
    this.#nearMisses = new NearMissHand(files, options.cipher, options.now);
    this.#use = {
      blocks: files.entries.getKeysCount(),
      slotBlocks: files.slotBlocks.getKeysCount(),
      cached: files.cached.getKeysCount(),
    };
    this.#highWater = total(this.#use);
  }

  get use(): Readonly<StoreUse> {
    return this.#use;
  }

  /** Resolves when what `work` wrote is on disk. Throws WRITE_FAILED. */
  write<Result>(work: Work<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        run(batch) {
          const result = work(batch);
          return () => resolve(result);
        },
        fail: reject,
      });
      this.#writing ??= this.#writeAll();
    });
  }

  /** Notes that a near miss was put. */
  nearMissAdded(): void {
    this.#nearMisses.added();
  }

  /** Resolves when nothing is being written any more. */
  async idle(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    await undefined;
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting.splice(0, STORE_BATCH_BLOCKS);
      try {
        for (const settle of await this.#writeBatch(waiting)) settle();
      } catch (cause) {
        const error = new UmbelError("WRITE_FAILED", "the block store cannot be written", { cause });
        for (const { fail } of waiting) fail(error);
      }
    }
    this.#writing = undefined;
  }

  /** One transaction, on disk when it resolves. Never lets LMDB meet a full disk: docs/decisions/0063-block-store.md. */
  async #writeBatch(waiting: readonly Waiting[]): Promise<readonly (() => void)[]> {
    const { root } = this.#options.files;
    const batch = new PlannedBatch(
      this.#options,
      this.clock,
      this.#nearMisses,
      { ...this.#use },
      await this.#limit(),
    );
    const settled = waiting.map(({ run }) => run(batch));
    const changes = batch.changes();
    if (changes.length > 0) {
      await root.batch(() => {
        for (const { table, name, value } of changes) {
          if (value === undefined) void table.remove(name);
          else void table.put(name, value);
        }
      });
    }
    this.#use = batch.use;
    this.#highWater = Math.max(this.#highWater, total(this.#use));
    return settled;
  }

  /** How many blocks there may be: the quota, and what the disk has room for, in pages that were given back or anew. */
  async #limit(): Promise<number> {
    const { maxBlocks, room, reserve } = this.#options;
    const free = await room();
    const reusable = free >= -reserve / 2 ? this.#highWater : total(this.#use);
    const anew = Math.max(0, Math.floor(free / BLOCK_DISK_BYTES));
    return Math.min(maxBlocks, Math.max(reusable, total(this.#use) + anew));
  }
}

interface Change {
  readonly table: Table;
  readonly name: Uint8Array;
  /** Undefined to remove. */
  readonly value: Uint8Array | undefined;
}

class PlannedBatch implements Batch {
  readonly use: StoreUse;
  readonly #options: WriterOptions;
  readonly #clock: CacheClock;
  readonly #nearMisses: NearMissHand;
  readonly #limit: number;
  /** By table and name. */
  readonly #changes = new Map<Table, Map<string, Change>>();
  readonly #budget = { left: SWEEP_BUDGET };

  constructor(
    options: WriterOptions,
    clock: CacheClock,
    nearMisses: NearMissHand,
    use: StoreUse,
    limit: number,
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#nearMisses = nearMisses;
    this.use = use;
    this.#limit = limit;
  }

  changes(): readonly Change[] {
    return [...this.#changes.values()].flatMap((changes) => [...changes.values()]);
  }

  get(table: Table, name: Uint8Array): Uint8Array | undefined {
    const change = this.#changes.get(table)?.get(nameKey(name));
    return change === undefined ? getValue(table, name) : change.value;
  }

  put(table: Table, name: Uint8Array, value: Uint8Array): void {
    this.#change({ table, name, value });
  }

  remove(table: Table, name: Uint8Array): void {
    this.#change({ table, name, value: undefined });
  }

  makeRoom(blocks: number, claim: StoreClaim | undefined, own: Uint8Array): boolean {
    while (blocks > 0 && total(this.use) + blocks > this.#limit) {
      if (this.#evictCached()) continue;
      if (claim === undefined || !this.#evictNearMiss(claim, nameKey(own))) return false;
    }
    return true;
  }

  makeCacheRoom(): boolean {
    const { maxCached } = this.#options;
    while (this.use.cached >= maxCached || total(this.use) >= this.#limit) {
      if (!this.#evictCached()) return false;
    }
    return true;
  }

  #evictCached(): boolean {
    if (this.use.cached === 0) return false;
    const { cached } = this.#options.files;
    const name = this.#clock.next(this.#isTouched(cached));
    if (name === undefined) return false;
    this.remove(cached, name);
    this.use.cached--;
    return true;
  }

  #evictNearMiss(claim: StoreClaim, own: string): boolean {
    const { files, cipher } = this.#options;
    const isTaken = (key: string) =>
      key === own || this.#isTouched(files.entries)(key) || this.#isTouched(files.slots)(key);
    const found = this.#nearMisses.next(claim, this.#budget, isTaken);
    if (found === undefined) return false;
    const { table, name } = found;
    if (table === "entries") removeBlock(this, files, name);
    else removeSlot(this, files, cipher, name);
    return true;
  }

  #isTouched(table: Table): (key: string) => boolean {
    return (key) => this.#changes.get(table)?.has(key) ?? false;
  }

  #change(change: Change): void {
    const changes = this.#changes.get(change.table) ?? new Map<string, Change>();
    this.#changes.set(change.table, changes);
    changes.set(nameKey(change.name), change);
  }
}

/** Takes a block out that is there. */
export function removeBlock(batch: Batch, files: StoreFiles, name: Uint8Array): void {
  batch.remove(files.blocks, name);
  batch.remove(files.entries, name);
  batch.use.blocks--;
}

/** Takes a slot out that is there, with all its blocks. */
export function removeSlot(batch: Batch, files: StoreFiles, cipher: RecordCipher, name: Uint8Array): void {
  const sealed = batch.get(files.slots, name);
  const bytes = sealed && cipher.open(name, sealed);
  batch.remove(files.slots, name);
  if (bytes === undefined) return;
  const { id, places } = slotRecordOf(bytes);
  for (const place of places) {
    batch.remove(files.slotBlocks, cipher.name(STORED.slotBlock, id, place));
    batch.use.slotBlocks--;
  }
}

function total({ blocks, slotBlocks, cached }: StoreUse): number {
  return blocks + slotBlocks + cached;
}
