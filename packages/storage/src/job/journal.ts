import {
  type BlockId,
  type Clock,
  type CryptoProvider,
  concat,
  decodeBase32,
  LABELS,
  type Millis,
  UmbelError,
  Writer,
} from "@umbel/core";
import { JOURNAL_READ_BYTES, JOURNAL_SYNC_MS, MAX_JOB_PUTS } from "../limits.ts";
import type { PutLedger } from "../publish/put-ledger.ts";
import { PutTable } from "./put-table.ts";
import type { AppendFile, StateFolder } from "./state-folder.ts";

/** Bytes of one record: put number u32 | first 8 bytes of the block id | holders that confirmed u8 | check 3. */
export const JOURNAL_RECORD_BYTES = 16;
const CHECKED_BYTES = 13;

/**
 * The confirmed puts of a job, on disk (docs/spec/11-publishing.md, part "Journal"). Appended without waiting: a crash loses the
 * newest records at most, whose blocks are put again.
 */
export interface Journal extends PutLedger {
  /** Puts that are confirmed now. */
  readonly confirmedPuts: number;
  /** Takes back a confirmation: the block is not there after all, and is put again. */
  takeBack(number: number, id: BlockId): void;
  /** Resolves when all so far is on disk. Throws WRITE_FAILED, DISK_FULL. */
  flush(): Promise<void>;
  /** Flushes and closes. */
  close(): Promise<void>;
}

export interface JournalOptions {
  readonly crypto: CryptoProvider;
  readonly clock: Clock;
  readonly folder: StateFolder;
  readonly name: string;
  /** Of the job: a record of another job's journal does not check. */
  readonly secret: Uint8Array;
}

/** Opens a journal and cuts off what a crash left half-written. Throws READ_FAILED, WRITE_FAILED, BAD_CONFIG. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const file = await options.folder.append(options.name);
  try {
    const table = new PutTable();
    const whole = await readRecords(options, file, table);
    if (whole < file.size) await file.truncate(whole);
    return new FileJournal(options, file, table);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** How many confirmed puts a journal has, without changing it; 0 when there is none. */
export async function countJournal(options: JournalOptions): Promise<number> {
  if (!(await options.folder.names()).includes(options.name)) return 0;
  const file = await options.folder.append(options.name);
  try {
    const table = new PutTable();
    await readRecords(options, file, table);
    return table.confirmed;
  } finally {
    await file.close();
  }
}

class FileJournal implements Journal {
  readonly #options: JournalOptions;
  readonly #file: AppendFile;
  readonly #table: PutTable;
  #pending: Uint8Array[] = [];
  #writing: Promise<void> | undefined;
  #syncedAt: Millis;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: JournalOptions, file: AppendFile, table: PutTable) {
    this.#options = options;
    this.#file = file;
    this.#table = table;
    this.#syncedAt = options.clock.now();
  }

  get confirmedPuts(): number {
    return this.#table.confirmed;
  }

  isConfirmed(number: number, id: BlockId): boolean {
    if (this.#failure !== undefined) throw this.#failure.error;
    const known = this.#table.prefixOf(number);
    if (known === undefined) return false;
    if (known !== prefixNumber(prefixOf(id))) throw otherInput();
    return this.#table.isConfirmed(number);
  }

  confirmed(number: number, id: BlockId, holders: number): void {
    this.#add(number, id, Math.min(255, Math.max(1, holders)));
  }

  takeBack(number: number, id: BlockId): void {
    this.#add(number, id, 0);
  }

  async flush(): Promise<void> {
    while (this.#pending.length > 0 || this.#writing !== undefined) await this.#write();
    await this.#file.sync();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      await this.#file.close();
    }
  }

  #add(number: number, id: BlockId, holders: number): void {
    const { crypto, secret } = this.#options;
    const prefix = prefixOf(id);
    this.#table.set(number, prefixNumber(prefix), holders > 0);
    this.#pending.push(encodeRecord(crypto, secret, number, prefix, holders));
    void this.#write();
  }

  /** One write at a time: what comes meanwhile goes with the next. A failure is told by the next call that may throw. */
  #write(): Promise<void> {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#pending.length > 0) {
        const records = this.#pending;
        this.#pending = [];
        await this.#file.append(concat(...records));
        const now = this.#options.clock.now();
        if (now - this.#syncedAt < JOURNAL_SYNC_MS) continue;
        this.#syncedAt = now;
        await this.#file.sync();
      }
    } catch (error) {
      this.#failure ??= { error };
      this.#pending = [];
    }
  }
}

/** Reads records up to the end or the first that does not check; the bytes of those read. */
async function readRecords(
  { crypto, secret }: JournalOptions,
  file: AppendFile,
  table: PutTable,
): Promise<number> {
  let at = 0;
  for (;;) {
    const bytes = await file.read(at, JOURNAL_READ_BYTES);
    const records = Math.floor(bytes.length / JOURNAL_RECORD_BYTES);
    for (let index = 0; index < records; index++) {
      const record = bytes.subarray(index * JOURNAL_RECORD_BYTES, (index + 1) * JOURNAL_RECORD_BYTES);
      const view = new DataView(record.buffer, record.byteOffset);
      const number = view.getUint32(0);
      if (!isWhole(crypto, secret, record) || number >= MAX_JOB_PUTS)
        return at + index * JOURNAL_RECORD_BYTES;
      table.set(number, prefixNumber(record.subarray(4, 12)), record[12] !== 0);
    }
    at += records * JOURNAL_RECORD_BYTES;
    if (bytes.length < JOURNAL_READ_BYTES) return at;
  }
}

function encodeRecord(
  crypto: CryptoProvider,
  secret: Uint8Array,
  number: number,
  prefix: Uint8Array,
  holders: number,
): Uint8Array {
  if (number >= MAX_JOB_PUTS) {
    throw new UmbelError("LIMIT_REACHED", `one publish puts at most ${MAX_JOB_PUTS} blocks`);
  }
  const head = new Writer(CHECKED_BYTES).u32(number).bytes(prefix).u8(holders).finish();
  return concat(head, checkOf(crypto, secret, head));
}

function isWhole(crypto: CryptoProvider, secret: Uint8Array, record: Uint8Array): boolean {
  const check = checkOf(crypto, secret, record.subarray(0, CHECKED_BYTES));
  return check.every((byte, at) => byte === record[CHECKED_BYTES + at]);
}

function checkOf(crypto: CryptoProvider, secret: Uint8Array, head: Uint8Array): Uint8Array {
  return crypto
    .hmacSha256(secret, LABELS.publishJournal, head)
    .subarray(0, JOURNAL_RECORD_BYTES - CHECKED_BYTES);
}

function prefixOf(id: BlockId): Uint8Array {
  return decodeBase32(id.slice(0, 16), 10).subarray(0, 8);
}

/** 48 bits of a prefix as a number: what memory keeps of it. */
function prefixNumber(prefix: Uint8Array): number {
  let value = 0;
  for (const byte of prefix.subarray(0, 6)) value = value * 256 + byte;
  return value;
}

function otherInput(): UmbelError {
  return new UmbelError("BAD_INPUT", "the input changed since this publish began, so it cannot be resumed");
}
