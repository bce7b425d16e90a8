import { concat } from "../bytes/bytes.ts";
import { isUmbelError } from "../errors.ts";
import type { CryptoProvider } from "../ports/crypto.ts";
import type { RandomSource } from "../ports/random.ts";
import { AEAD_TAG_BYTES } from "../wire/geometry.ts";
import { hkdfExpand, hkdfExtract } from "./kdf.ts";
import { AEAD_KEY_BYTES, AEAD_NONCE_BYTES, assertLength, HASH_BYTES, X25519_BYTES } from "./suite.ts";

/*
 * HPKE (RFC 9180) in base mode, single-shot: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305.
 * Names are those of the RFC. Neither post-quantum nor authenticated: docs/decisions/0036-sealed-references.md.
 */

/** Bytes by which a box is longer than its plaintext: the encapsulated key and the tag. */
export const HPKE_EXTRA_BYTES = X25519_BYTES + AEAD_TAG_BYTES;

/** What `hpkeSeal` takes. */
export interface HpkeSealing {
  /** 32 bytes. */
  readonly recipientPublicKey: Uint8Array;
  /** What both sides must agree on: a label. */
  readonly info: Uint8Array;
  readonly associated: Uint8Array;
  readonly plaintext: Uint8Array;
}

/**
 * A box that only the holder of the recipient's secret opens: enc 32 | ciphertext (section 6.1, Seal), under a fresh
 * ephemeral key. Throws CRYPTO_FAILED for a public key of small order.
 */
export function hpkeSeal(crypto: CryptoProvider, random: RandomSource, sealing: HpkeSealing): Uint8Array {
  const ephemeral = random.bytes(X25519_BYTES);
  try {
    return hpkeSealWith(crypto, ephemeral, sealing);
  } finally {
    ephemeral.fill(0);
  }
}

/** `hpkeSeal` under a given 32-byte ephemeral secret, which must never serve twice: for vectors. */
export function hpkeSealWith(
  crypto: CryptoProvider,
  ephemeral: Uint8Array,
  { recipientPublicKey, info, associated, plaintext }: HpkeSealing,
): Uint8Array {
  const enc = crypto.x25519.publicKey(ephemeral);
  const dh = crypto.x25519.sharedSecret(ephemeral, recipientPublicKey);
  const { key, nonce } = schedule(crypto, dh, enc, recipientPublicKey, info);
  const sealed = crypto.chacha20Poly1305.seal(key, nonce, associated, plaintext);
  key.fill(0);
  return concat(enc, sealed);
}

/** Undoes `hpkeSeal` with the recipient's 32-byte secret; undefined when the box is for another, or was changed. */
export function hpkeOpen(
  crypto: CryptoProvider,
  secret: Uint8Array,
  info: Uint8Array,
  associated: Uint8Array,
  box: Uint8Array,
): Uint8Array | undefined {
  assertLength("HPKE secret", secret, X25519_BYTES);
  if (box.length < HPKE_EXTRA_BYTES) return undefined;
  const enc = box.subarray(0, X25519_BYTES);
  const dh = agreed(crypto, secret, enc);
  if (dh === undefined) return undefined;
  const { key, nonce } = schedule(crypto, dh, enc, crypto.x25519.publicKey(secret), info);
  const plaintext = crypto.chacha20Poly1305.open(key, nonce, associated, box.subarray(X25519_BYTES));
  key.fill(0);
  return plaintext;
}

const KEM_ID = [0x00, 0x20] as const;
const KDF_ID = [0x00, 0x01] as const;
const AEAD_ID = [0x00, 0x03] as const;
const MODE_BASE = 0;
const VERSION_LABEL = ascii("HPKE-v1");
const KEM_SUITE = concat(ascii("KEM"), Uint8Array.from(KEM_ID));
const HPKE_SUITE = concat(ascii("HPKE"), Uint8Array.from([...KEM_ID, ...KDF_ID, ...AEAD_ID]));
const NOTHING = new Uint8Array(0);

function agreed(crypto: CryptoProvider, secret: Uint8Array, enc: Uint8Array): Uint8Array | undefined {
  try {
    return crypto.x25519.sharedSecret(secret, enc);
  } catch (error) {
    if (isUmbelError(error, "CRYPTO_FAILED")) return undefined;
    throw error;
  }
}

/** ExtractAndExpand (section 4.1), then KeySchedule in base mode (section 5.1). Wipes `dh`. */
function schedule(
  crypto: CryptoProvider,
  dh: Uint8Array,
  enc: Uint8Array,
  recipientPublicKey: Uint8Array,
  info: Uint8Array,
): { readonly key: Uint8Array; readonly nonce: Uint8Array } {
  const eaePrk = labeledExtract(crypto, KEM_SUITE, NOTHING, "eae_prk", dh);
  const kemContext = concat(enc, recipientPublicKey);
  const shared = labeledExpand(crypto, KEM_SUITE, eaePrk, "shared_secret", kemContext, HASH_BYTES);
  const context = concat(
    Uint8Array.of(MODE_BASE),
    labeledExtract(crypto, HPKE_SUITE, NOTHING, "psk_id_hash", NOTHING),
    labeledExtract(crypto, HPKE_SUITE, NOTHING, "info_hash", info),
  );
  const secret = labeledExtract(crypto, HPKE_SUITE, shared, "secret", NOTHING);
  const key = labeledExpand(crypto, HPKE_SUITE, secret, "key", context, AEAD_KEY_BYTES);
  const nonce = labeledExpand(crypto, HPKE_SUITE, secret, "base_nonce", context, AEAD_NONCE_BYTES);
  for (const bytes of [dh, eaePrk, shared, secret]) bytes.fill(0);
  return { key, nonce };
}

/** Section 4: Extract(salt, "HPKE-v1" | suite id | label | material). */
function labeledExtract(
  crypto: CryptoProvider,
  suite: Uint8Array,
  salt: Uint8Array,
  label: string,
  material: Uint8Array,
): Uint8Array {
  return hkdfExtract(crypto, salt, concat(VERSION_LABEL, suite, ascii(label), material));
}

/** Section 4: Expand(key, length u16 | "HPKE-v1" | suite id | label | info, length). */
function labeledExpand(
  crypto: CryptoProvider,
  suite: Uint8Array,
  key: Uint8Array,
  label: string,
  info: Uint8Array,
  length: number,
): Uint8Array {
  const framed = concat(Uint8Array.of(length >> 8, length & 0xff), VERSION_LABEL, suite, ascii(label), info);
  return hkdfExpand(crypto, key, [framed], length);
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
