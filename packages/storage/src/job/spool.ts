import { type CryptoProvider, hkdfExpand, isUmbelError, LABELS, UmbelError, Writer } from "@umbel/core";
import { SPOOL_CHUNK_BYTES } from "../limits.ts";
import type { AppendFile, StateFolder } from "./state-folder.ts";

const TAG_BYTES = 16;
const SEALED_CHUNK_BYTES = SPOOL_CHUNK_BYTES + TAG_BYTES;
const NO_DATA = new Uint8Array(0);

export interface SpoolOptions {
  readonly crypto: CryptoProvider;
  readonly folder: StateFolder;
  readonly name: string;
  /** Of the job. One spool is written under one secret. */
  readonly secret: Uint8Array;
}

/**
 * Input that can be read once only, kept as ciphertext so that a publish can be resumed: chunks of SPOOL_CHUNK_BYTES sealed by
 * ChaCha20-Poly1305 under a key of the job, nonce = number of the chunk u64 | 0 u24 | 1 for the last u8; the last one is shorter
 * (docs/spec/11-publishing.md, part "Spool").
 */
export interface Spool {
  /** The bytes from the start, as far as they are there, then as they come; ends where the input ended. Throws what `fill` threw. */
  read(): AsyncGenerator<Uint8Array, void, undefined>;
  /** Bytes of the whole input, once it has ended. */
  readonly size: number | undefined;
  close(): Promise<void>;
}

/** A spool that is filled while it is read. */
export interface GrowingSpool extends Spool {
  /** Takes the whole input; on disk when it resolves. Throws what the input throws, DISK_FULL, WRITE_FAILED. */
  fill(input: AsyncIterable<Uint8Array>): Promise<void>;
}

/** Starts a spool in a new file. Throws WRITE_FAILED, DISK_FULL. */
export async function createSpool(options: SpoolOptions): Promise<GrowingSpool> {
  const file = await options.folder.append(options.name);
  await file.truncate(0);
  return new FileSpool(options, file, false);
}

/** Opens a spool whose input has ended. Throws READ_FAILED, BAD_CONFIG when it is not whole. */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const file = await options.folder.append(options.name);
  const spool = new FileSpool(options, file, true);
  try {
    await spool.checkEnd();
  } catch (error) {
    await file.close();
    throw isUmbelError(error, "READ_FAILED") ? error : notWhole();
  }
  return spool;
}

class FileSpool implements GrowingSpool {
  readonly #options: SpoolOptions;
  readonly #file: AppendFile;
  readonly #key: Uint8Array;
  readonly #wakers = new Set<() => void>();
  #ended: boolean;
  #size: number | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: SpoolOptions, file: AppendFile, ended: boolean) {
    this.#options = options;
    this.#file = file;
    this.#key = hkdfExpand(options.crypto, options.secret, [LABELS.publishSpool], 32);
    this.#ended = ended;
  }

  get size(): number | undefined {
    return this.#size;
  }

  async fill(input: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      await this.#fill(input);
      await this.#file.sync();
      this.#ended = true;
    } catch (error) {
      this.#failure = { error };
      throw error;
    } finally {
      this.#wake();
    }
  }

  async *read(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let number = 0; ; number++) {
      const at = number * SEALED_CHUNK_BYTES;
      while (!this.#ended && this.#file.size < at + SEALED_CHUNK_BYTES) await this.#change();
      const chunk = await this.#open(number);
      if (chunk.length > 0) yield chunk;
      if (chunk.length < SPOOL_CHUNK_BYTES) return;
    }
  }

  /** Throws unless the last chunk is there and whole. */
  async checkEnd(): Promise<void> {
    const number = Math.floor(this.#file.size / SEALED_CHUNK_BYTES);
    const last = await this.#open(number);
    this.#size = number * SPOOL_CHUNK_BYTES + last.length;
  }

  async close(): Promise<void> {
    this.#key.fill(0);
    await this.#file.close();
  }

  async #fill(input: AsyncIterable<Uint8Array>): Promise<void> {
    const chunk = new Uint8Array(SPOOL_CHUNK_BYTES);
    let held = 0;
    let number = 0;
    for await (const bytes of input) {
      for (let at = 0; at < bytes.length; ) {
        const part = bytes.subarray(at, at + SPOOL_CHUNK_BYTES - held);
        chunk.set(part, held);
        held += part.length;
        at += part.length;
        if (held < SPOOL_CHUNK_BYTES) continue;
        await this.#append(number++, chunk);
        held = 0;
      }
    }
    await this.#append(number, chunk.subarray(0, held));
    this.#size = number * SPOOL_CHUNK_BYTES + held;
    chunk.fill(0);
  }

  async #append(number: number, chunk: Uint8Array): Promise<void> {
    const nonce = nonceOf(number, chunk.length < SPOOL_CHUNK_BYTES);
    await this.#file.append(this.#options.crypto.chacha20Poly1305.seal(this.#key, nonce, NO_DATA, chunk));
    this.#wake();
  }

  async #open(number: number): Promise<Uint8Array> {
    const sealed = await this.#file.read(number * SEALED_CHUNK_BYTES, SEALED_CHUNK_BYTES);
    const nonce = nonceOf(number, sealed.length < SEALED_CHUNK_BYTES);
    const chunk =
      sealed.length < TAG_BYTES
        ? undefined
        : this.#options.crypto.chacha20Poly1305.open(this.#key, nonce, NO_DATA, sealed);
    if (chunk === undefined) throw notWhole();
    return chunk;
  }

  /** Waits until more is there or nothing will come. */
  async #change(): Promise<void> {
    this.#throwIfFailed();
    await new Promise<void>((resolve) => this.#wakers.add(resolve));
    this.#throwIfFailed();
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #wake(): void {
    for (const wake of this.#wakers) wake();
    this.#wakers.clear();
  }
}

function nonceOf(number: number, isLast: boolean): Uint8Array {
  return new Writer(12)
    .u64(number)
    .bytes(Uint8Array.of(0, 0, 0, isLast ? 1 : 0))
    .finish();
}

function notWhole(): UmbelError {
  return new UmbelError(
    "BAD_CONFIG",
    "standard input had not ended when this publish was stopped, or its copy is damaged: it cannot be resumed",
  );
}
