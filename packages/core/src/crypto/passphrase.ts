import { scryptAsync } from "@noble/hashes/scrypt.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { concat } from "../bytes/bytes.ts";
import { Reader } from "../bytes/reader.ts";
import { UmbelError } from "../errors.ts";
import { MAX_PASSPHRASE_BYTES, MAX_SCRYPT_LOG_N, MAX_SCRYPT_P, MIN_SCRYPT_LOG_N } from "../limits.ts";
import type { CryptoProvider } from "../ports/crypto.ts";
import type { RandomSource } from "../ports/random.ts";
import { AEAD_TAG_BYTES } from "../wire/geometry.ts";
import { AEAD_KEY_BYTES } from "./suite.ts";
import { XCHACHA_NONCE_BYTES, xchacha20Poly1305 } from "./xchacha.ts";

/** What one derivation costs: 128 * 2^logN * r bytes of memory, p times that much work (RFC 7914). */
export interface ScryptCost {
  /** Binary logarithm of N. */
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

/** scrypt (RFC 7914): `length` bytes. Takes about a second, and must not block the thread where that can be helped. */
export type Scrypt = (
  passphrase: Uint8Array,
  salt: Uint8Array,
  cost: ScryptCost,
  length: number,
) => Promise<Uint8Array>;

/** 256 MiB and about a second: docs/decisions/0035-locked-references.md. */
export const DEFAULT_SCRYPT_COST: ScryptCost = { logN: 18, r: 8, p: 1 };
/** Bytes by which a box is longer than what is in it. */
export const PASSPHRASE_BOX_EXTRA_BYTES = 3 + 16 + AEAD_TAG_BYTES;

/** What the two functions below need. */
export interface PassphrasePorts {
  readonly crypto: CryptoProvider;
  readonly scrypt: Scrypt;
}

/**
 * Seals bytes under a passphrase (docs/spec/12-references.md, Locked). `use` is the label of what the box is for.
 *
 *   logN u8 | r u8 | p u8 | salt 16 | XChaCha20-Poly1305 of the plaintext
 *
 * Key 32 and nonce 24 come from scrypt over passphrase and salt. Throws BAD_INPUT for a passphrase that cannot be used.
 */
export async function sealWithPassphrase(
  ports: PassphrasePorts & { readonly random: RandomSource },
  passphrase: string,
  use: Uint8Array,
  plaintext: Uint8Array,
  cost: ScryptCost = DEFAULT_SCRYPT_COST,
): Promise<Uint8Array> {
  const header = concat(Uint8Array.of(cost.logN, cost.r, cost.p), ports.random.bytes(SALT_BYTES));
  checkCost(cost);
  const { key, nonce } = await keysOf(ports, passphrase, cost, header.subarray(COST_BYTES));
  const sealed = xchacha20Poly1305(ports.crypto).seal(key, nonce, concat(use, header), plaintext);
  key.fill(0);
  return concat(header, sealed);
}

/**
 * Undoes `sealWithPassphrase`; undefined when the passphrase is another or a byte was changed. Throws BAD_ENCODING for a
 * box that asks for less or more work than any that we make, before doing any; BAD_INPUT as above.
 */
export async function openWithPassphrase(
  ports: PassphrasePorts,
  passphrase: string,
  use: Uint8Array,
  box: Uint8Array,
): Promise<Uint8Array | undefined> {
  const cost = passphraseCost(box);
  const header = box.subarray(0, COST_BYTES + SALT_BYTES);
  const { key, nonce } = await keysOf(ports, passphrase, cost, header.subarray(COST_BYTES));
  const sealed = box.subarray(header.length);
  const plaintext = xchacha20Poly1305(ports.crypto).open(key, nonce, concat(use, header), sealed);
  key.fill(0);
  return plaintext;
}

/** What opening a box costs. Throws BAD_ENCODING when that is out of bounds. */
export function passphraseCost(box: Uint8Array): ScryptCost {
  const reader = new Reader(box, "passphrase box");
  const cost = { logN: reader.u8("logN"), r: reader.u8("r"), p: reader.u8("p") };
  reader.bytes(SALT_BYTES + AEAD_TAG_BYTES, "salt and tag");
  checkCost(cost);
  return cost;
}

/** scrypt by noble, for any JavaScript engine: on the thread, in short turns. */
export const nobleScrypt: Scrypt = (passphrase, salt, { logN, r, p }, length) =>
  scryptAsync(passphrase, salt, { N: 2 ** logN, r, p, dkLen: length, maxmem: 2 ** 31 });

const COST_BYTES = 3;
const SALT_BYTES = 16;
/** The only block size in use: what it should be depends on the length of a memory row, not on the person. */
const SCRYPT_R = 8;

/** A hostile box must not make its reader allocate more than 1 GiB, nor compute for more than some seconds. */
function checkCost({ logN, r, p }: ScryptCost): void {
  const isAllowed =
    logN >= MIN_SCRYPT_LOG_N && logN <= MAX_SCRYPT_LOG_N && r === SCRYPT_R && p >= 1 && p <= MAX_SCRYPT_P;
  if (!isAllowed) throw new UmbelError("BAD_ENCODING", "passphrase box.cost: out of bounds");
}

async function keysOf(
  { scrypt }: PassphrasePorts,
  passphrase: string,
  cost: ScryptCost,
  salt: Uint8Array,
): Promise<{ readonly key: Uint8Array; readonly nonce: Uint8Array }> {
  const bytes = passphraseBytes(passphrase);
  const material = await scrypt(bytes, salt, cost, AEAD_KEY_BYTES + XCHACHA_NONCE_BYTES);
  bytes.fill(0);
  return { key: material.subarray(0, AEAD_KEY_BYTES), nonce: material.subarray(AEAD_KEY_BYTES) };
}

/** In form NFKC, so that one passphrase gives the same bytes on every keyboard and system. */
function passphraseBytes(passphrase: string): Uint8Array {
  const bytes = utf8ToBytes(passphrase.normalize("NFKC"));
  if (bytes.length === 0) throw new UmbelError("BAD_INPUT", "the passphrase is empty");
  if (bytes.length > MAX_PASSPHRASE_BYTES) {
    throw new UmbelError("BAD_INPUT", `a passphrase has at most ${MAX_PASSPHRASE_BYTES} bytes`);
  }
  return bytes;
}
