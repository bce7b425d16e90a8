import type { CryptoProvider } from "../ports/crypto.ts";
import { HASH_BYTES } from "./suite.ts";

/** Most bytes that one `hkdfExpand` gives: 255 blocks of the hash. */
export const HKDF_MAX_BYTES = 255 * HASH_BYTES;

/** HKDF-Extract (RFC 5869, section 2.2) with SHA-256: a 32-byte key. An absent salt is an empty array. */
export function hkdfExtract(provider: CryptoProvider, salt: Uint8Array, material: Uint8Array): Uint8Array {
  return provider.hmacSha256(salt, material);
}

/**
 * HKDF-Expand (RFC 5869, section 2.3) with SHA-256: `length` bytes from a key and the concatenation of the `info`
 * parts. Parts of variable length need their own framing: a label ends in a zero byte. Throws a RangeError above 8160.
 */
export function hkdfExpand(
  provider: CryptoProvider,
  key: Uint8Array,
  info: readonly Uint8Array[],
  length: number,
): Uint8Array {
  if (!Number.isInteger(length) || length < 0 || length > HKDF_MAX_BYTES)
    throw new RangeError(`HKDF output: ${length} bytes`);
  const output = new Uint8Array(length);
  let block = new Uint8Array(0);
  for (let at = 0, counter = 1; at < length; at += HASH_BYTES, counter++) {
    const next = provider.hmacSha256(key, block, ...info, Uint8Array.of(counter));
    block.fill(0);
    block = next as Uint8Array<ArrayBuffer>;
    output.set(block.subarray(0, length - at), at);
  }
  block.fill(0);
  return output;
}
