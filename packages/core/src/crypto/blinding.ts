import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { concat } from "../bytes/bytes.ts";
import { UmbelError } from "../errors.ts";
import type { CryptoProvider } from "../ports/crypto.ts";
import { publicKeyIsSound } from "./ed25519-rule.ts";
import { LABELS } from "./labels.ts";
import { assertLength, ED25519_PUBLIC_KEY_BYTES, ED25519_SEED_BYTES } from "./suite.ts";

/**
 * What a key is blinded for. Every use gives another blinded key; without the public key behind them nobody can tell
 * that two belong together, or find one from the other.
 */
export type BlindingUse =
  | { readonly kind: "slot" }
  /** As the successor of another site, whose 32-byte public key is `of`. */
  | { readonly kind: "successor"; readonly of: Uint8Array };

/** A blinded key that can sign. It holds numbers, which JavaScript cannot wipe: drop it early. */
export interface BlindedSigner {
  /** 32 bytes: what `blindedPublicKey` gives for the same use. */
  readonly publicKey: Uint8Array;
  /** A 64-byte signature that `Ed25519.verify` accepts under `publicKey`. Deterministic. */
  sign(message: Uint8Array): Uint8Array;
}

/**
 * The blinded public key h * A of an Ed25519 public key A, 32 bytes (rend-spec-v3, appendix A.2, without a period;
 * docs/spec/13-sites.md). Throws CRYPTO_FAILED unless A is the canonical encoding of a point of order L.
 */
export function blindedPublicKey(
  crypto: CryptoProvider,
  publicKey: Uint8Array,
  use: BlindingUse,
): Uint8Array {
  assertLength("Ed25519 public key", publicKey, ED25519_PUBLIC_KEY_BYTES);
  if (!publicKeyIsSound(publicKey))
    throw new UmbelError("CRYPTO_FAILED", "a key to be blinded is not a sound Ed25519 key");
  const A = Point.fromBytes(publicKey, false);
  return A.multiply(blindingFactor(crypto, publicKey, use) % ORDER).toBytes();
}

/** The signer h * a mod L of a 32-byte Ed25519 seed, under the key that `blindedPublicKey` gives for the seed's public key. */
export function blindedSigner(crypto: CryptoProvider, seed: Uint8Array, use: BlindingUse): BlindedSigner {
  assertLength("Ed25519 seed", seed, ED25519_SEED_BYTES);
  const expanded = sha512(seed);
  const a = littleEndianNumber(clamped(expanded.subarray(0, 32)));
  const A = Point.BASE.multiply(a % ORDER).toBytes();
  const scalar = (blindingFactor(crypto, A, use) * a) % ORDER;
  const publicKey = Point.BASE.multiply(scalar).toBytes();
  // With the blinded key in it: one prefix for two keys would give both away by two signatures over one message.
  const prefix = crypto.sha256(LABELS.blindedPrefix, expanded.subarray(32), publicKey);
  expanded.fill(0);
  return { publicKey, sign: (message) => signWith(scalar, prefix, publicKey, message) };
}

const { Point } = ed25519;
const ORDER = Point.Fn.ORDER;

/** h = clamp(SHA-256(label, A, context)): a multiple of 8 in [2^254, 2^255), so h * A never has a torsion part. */
function blindingFactor(crypto: CryptoProvider, publicKey: Uint8Array, use: BlindingUse): bigint {
  const hash =
    use.kind === "slot"
      ? crypto.sha256(LABELS.slotBlinding, publicKey)
      : crypto.sha256(LABELS.successorBlinding, publicKey, use.of);
  return littleEndianNumber(clamped(hash));
}

/** RFC 8032, section 5.1.5: the lowest three bits and the highest are 0, the second highest is 1. */
function clamped(bytes: Uint8Array): Uint8Array {
  const result = bytes.slice();
  result[0]! &= 248;
  result[31]! = (result[31]! & 63) | 64;
  return result;
}

/** RFC 8032, section 5.1.6, from a scalar and a prefix instead of a seed. */
function signWith(
  scalar: bigint,
  prefix: Uint8Array,
  publicKey: Uint8Array,
  message: Uint8Array,
): Uint8Array {
  const r = littleEndianNumber(sha512(concat(prefix, message))) % ORDER;
  const R = Point.BASE.multiply(r).toBytes();
  const k = littleEndianNumber(sha512(concat(R, publicKey, message))) % ORDER;
  return concat(R, littleEndianBytes((r + k * scalar) % ORDER));
}

function littleEndianNumber(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => 256n * sum + BigInt(byte), 0n);
}

function littleEndianBytes(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, at) => Number((value >> BigInt(8 * at)) & 255n));
}
