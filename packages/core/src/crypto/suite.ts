import { UmbelError } from "../errors.ts";

/** Bytes of a SHA-256 digest and of an HMAC-SHA256 tag. */
export const HASH_BYTES = 32;
/** Bytes of an X25519 secret, public key and shared secret. */
export const X25519_BYTES = 32;
/** Bytes of an Ed25519 seed (RFC 8032, section 5.1.5). */
export const ED25519_SEED_BYTES = 32;
/** Bytes of an Ed25519 public key. */
export const ED25519_PUBLIC_KEY_BYTES = 32;
/** Bytes of an Ed25519 signature. */
export const ED25519_SIGNATURE_BYTES = 64;
/** Bytes of the seed (d, z) from which an ML-KEM-768 key pair is made (FIPS 203, algorithm 16). */
export const MLKEM_SEED_BYTES = 64;
/** Bytes of an ML-KEM-768 encapsulation key. */
export const MLKEM_PUBLIC_KEY_BYTES = 1184;
/** Bytes of an ML-KEM-768 decapsulation key. */
export const MLKEM_SECRET_KEY_BYTES = 2400;
/** Bytes of the randomness that one ML-KEM-768 encapsulation takes. */
export const MLKEM_COINS_BYTES = 32;
/** Bytes of an ML-KEM-768 ciphertext. */
export const MLKEM_CIPHERTEXT_BYTES = 1088;
/** Bytes of a ChaCha20 and ChaCha20-Poly1305 key. */
export const AEAD_KEY_BYTES = 32;
/** Bytes of a ChaCha20 and ChaCha20-Poly1305 nonce. */
export const AEAD_NONCE_BYTES = 12;
/** Bytes of a wide-block key. */
export const WIDE_BLOCK_KEY_BYTES = 32;
/** Longest tweak of the wide-block cipher, in bytes. */
export const WIDE_BLOCK_MAX_TWEAK_BYTES = 32;
/** Shortest block of the wide-block cipher, in bytes. */
export const WIDE_BLOCK_MIN_BYTES = 16;
/** Longest block of the wide-block cipher, in bytes: a cell body. */
export const WIDE_BLOCK_MAX_BYTES = 4096;

/** Throws a RangeError that names `what` unless `bytes` has exactly `length` bytes. */
export function assertLength(what: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) throw new RangeError(`${what}: ${bytes.length} bytes, expected ${length}`);
}

/**
 * The result of an X25519 agreement. Throws CRYPTO_FAILED when `agree` refuses or gives all zeros: then the peer's point
 * had small order (RFC 7748, section 6.1).
 */
export function contributory(agree: () => Uint8Array): Uint8Array {
  let shared: Uint8Array;
  try {
    shared = agree();
  } catch (cause) {
    throw new UmbelError("CRYPTO_FAILED", SMALL_ORDER, { cause });
  }
  let bits = 0;
  for (let at = 0; at < shared.length; at++) bits |= shared[at]!;
  if (bits === 0) throw new UmbelError("CRYPTO_FAILED", SMALL_ORDER);
  return shared;
}

const SMALL_ORDER = "X25519: the peer's key has small order";
