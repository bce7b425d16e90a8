import { type CryptoProvider, LABELS, Writer } from "@umbel/core";
import { utf8 } from "../format/utf8.ts";

/** Bytes of a hash over content. */
export const CONTENT_HASH_BYTES = 32;

/** Bytes hashed in one step. */
const STEP_BYTES = 65_536;

/**
 * A hash over a stream of bytes, for keys from content: h := SHA-256(label, h, step) over steps of 65,536 bytes, then over the
 * rest and the length. The crypto port has no hash that takes its input piece by piece; this needs none.
 */
export class ContentHash {
  readonly #crypto: CryptoProvider;
  readonly #step = new Uint8Array(STEP_BYTES);
  #hash = new Uint8Array(CONTENT_HASH_BYTES);
  #held = 0;
  #length = 0;

  constructor(crypto: CryptoProvider) {
    this.#crypto = crypto;
  }

  /** Takes bytes; does not keep the array. */
  update(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + STEP_BYTES - this.#held);
      this.#step.set(part, this.#held);
      this.#held += part.length;
      at += part.length;
      if (this.#held === STEP_BYTES) this.#advance();
    }
    this.#length += bytes.length;
  }

  /** The hash of all bytes; the object is spent. */
  finish(): Uint8Array {
    this.#advance();
    const length = new Writer(8).u64(this.#length).finish();
    return this.#crypto.sha256(LABELS.contentHash, this.#hash, length);
  }

  #advance(): void {
    const part = this.#step.subarray(0, this.#held);
    this.#hash = new Uint8Array(this.#crypto.sha256(LABELS.contentHash, this.#hash, part));
    this.#held = 0;
  }
}

/** The hash over the files of a folder in the order of their paths: path, a zero byte, hash of content and attributes. No path has a zero byte. */
export function folderHash(crypto: CryptoProvider, files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const hash = new ContentHash(crypto);
  for (const [path, content] of files) {
    hash.update(utf8(path));
    hash.update(Uint8Array.of(0));
    hash.update(content);
  }
  return hash.finish();
}
