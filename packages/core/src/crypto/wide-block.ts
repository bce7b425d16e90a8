import { UmbelError } from "../errors.ts";
import type { WideBlockCipher } from "../ports/crypto.ts";
import { wipeChacha12, xchacha12Xor } from "./chacha12.ts";
import { NH_KEY_WORDS } from "./nh.ts";
import { addNhPoly1305 } from "./nh-poly1305.ts";
import { createPoly1305, type Poly1305Hash } from "./poly1305.ts";
import {
  assertLength,
  WIDE_BLOCK_KEY_BYTES,
  WIDE_BLOCK_MAX_BYTES,
  WIDE_BLOCK_MAX_TWEAK_BYTES,
  WIDE_BLOCK_MIN_BYTES,
} from "./suite.ts";

/** AES-256 on one 16-byte block in place, with the key kept expanded. */
export interface AesBlock {
  encrypt(block: Uint8Array): void;
  decrypt(block: Uint8Array): void;
  wipe(): void;
}

/**
 * Adiantum with XChaCha12, AES-256 and NH-Poly1305 (Crowley and Biggers, ePrint 2018/720) in plain TypeScript, with the
 * AES that `aes` makes. Throws a RangeError when `key` is not 32 bytes.
 *
 * With the block as L || R, R its last 16 bytes, and H(tweak, L) a 128-bit hash:
 * M = R + H(tweak, L); M' = AES(M); L' = L xor XChaCha12(nonce M' || 1 || 0^7); R' = M' - H(tweak, L').
 */
export function createAdiantum(key: Uint8Array, aes: (key: Uint8Array) => AesBlock): WideBlockCipher {
  assertLength("wide-block key", key, WIDE_BLOCK_KEY_BYTES);
  const keys = expandKey(key);
  const single = aes(new Uint8Array(keys.aes.buffer));
  let wiped = false;
  const run = (encrypting: boolean, tweak: Uint8Array, block: Uint8Array): void => {
    if (wiped) throw new UmbelError("INTERNAL", "a wide-block cipher was used after it was wiped");
    assertWideBlockSizes(tweak, block);
    transform(keys, single, encrypting, tweak, block);
  };
  return {
    encrypt: (tweak, block) => run(true, tweak, block),
    decrypt: (tweak, block) => run(false, tweak, block),
    wipe() {
      wiped = true;
      single.wipe();
      wipeKeys(keys);
    },
  };
}

/** Throws a RangeError unless the tweak has at most 32 bytes and the block 16 to 4096. */
export function assertWideBlockSizes(tweak: Uint8Array, block: Uint8Array): void {
  if (tweak.length > WIDE_BLOCK_MAX_TWEAK_BYTES) throw new RangeError(`tweak: ${tweak.length} bytes`);
  if (block.length < WIDE_BLOCK_MIN_BYTES || block.length > WIDE_BLOCK_MAX_BYTES)
    throw new RangeError(`wide block: ${block.length} bytes`);
}

interface Keys {
  readonly stream: Uint32Array;
  readonly aes: Uint32Array;
  readonly header: Poly1305Hash;
  readonly message: Poly1305Hash;
  readonly nh: Uint32Array;
}

/** The last 8 bytes of the XChaCha12 nonce: 0 for the subkeys, 1 for the stream. */
const ZERO_TAIL = Uint32Array.of(0, 0);
const ONE_TAIL = Uint32Array.of(1, 0);

/** Working memory of the call under way: one block at a time passes through here, nothing allocates. */
const left = new Uint32Array((WIDE_BLOCK_MAX_BYTES - 16) / 4 + 4);
const leftBytes = new Uint8Array(left.buffer);
const right = new Uint32Array(4);
const rightBytes = new Uint8Array(right.buffer);
const headerHash = new Uint32Array(4);
const header = new Uint32Array(4 + WIDE_BLOCK_MAX_TWEAK_BYTES / 4 + 4);
const headerBytes = new Uint8Array(header.buffer);
const hash = new Uint32Array(4);

if (new Uint8Array(Uint32Array.of(1).buffer)[0] !== 1)
  throw new UmbelError("INTERNAL", "umbel needs a little-endian processor");

/** Subkeys: the XChaCha12 keystream of the key under the nonce 1 || 0^23 is AES key, two Poly1305 keys, NH key. */
function expandKey(key: Uint8Array): Keys {
  const stream = new Uint32Array(WIDE_BLOCK_KEY_BYTES / 4);
  new Uint8Array(stream.buffer).set(key);
  const material = new Uint32Array(8 + 4 + 4 + NH_KEY_WORDS);
  xchacha12Xor(stream, Uint32Array.of(1, 0, 0, 0), ZERO_TAIL, material, material.length);
  const keys = {
    stream,
    aes: material.slice(0, 8),
    header: createPoly1305(material, 8),
    message: createPoly1305(material, 12),
    nh: material.slice(16),
  };
  material.fill(0);
  wipeChacha12();
  return keys;
}

function wipeKeys(keys: Keys): void {
  keys.stream.fill(0);
  keys.aes.fill(0);
  keys.nh.fill(0);
  keys.header.wipe();
  keys.message.wipe();
  wipeChacha12();
  for (const words of [left, right, headerHash, header, hash]) words.fill(0);
}

/**
 * One direction. Encrypting turns M into the stream's nonce M' before the stream, decrypting turns M' back into M after
 * it; all else is the same.
 */
function transform(
  keys: Keys,
  aes: AesBlock,
  encrypting: boolean,
  tweak: Uint8Array,
  block: Uint8Array,
): void {
  const bytes = block.length - 16;
  const count = (bytes + 3) >>> 2;
  leftBytes.set(block.subarray(0, bytes));
  rightBytes.set(block.subarray(bytes));
  hashHeader(keys.header, tweak, bytes);
  hashLeft(keys, bytes);
  add128(right, hash);
  if (encrypting) aes.encrypt(rightBytes);
  xchacha12Xor(keys.stream, right, ONE_TAIL, left, count);
  if (!encrypting) aes.decrypt(rightBytes);
  hashLeft(keys, bytes);
  subtract128(right, hash);
  block.set(leftBytes.subarray(0, bytes));
  block.set(rightBytes, bytes);
}

/** headerHash := Poly1305 of (bit length of the left part as 16 bytes, tweak). */
function hashHeader(poly: Poly1305Hash, tweak: Uint8Array, leftLength: number): void {
  header.fill(0);
  header[0] = 8 * leftLength;
  headerBytes.set(tweak, 16);
  poly.reset();
  let from = 0;
  for (; 4 * from <= tweak.length; from += 4) poly.block(header, from);
  if (4 * from < 16 + tweak.length) {
    headerBytes[16 + tweak.length] = 1;
    poly.shortBlock(header, from);
  }
  headerHash.fill(0);
  poly.addTo(headerHash);
}

/** hash := headerHash + NH-Poly1305 of the left part, zero-padded to 16 bytes. */
function hashLeft(keys: Keys, bytes: number): void {
  const padded = (bytes + 15) & ~15;
  leftBytes.fill(0, bytes, padded);
  hash.set(headerHash);
  keys.message.reset();
  addNhPoly1305(keys.nh, keys.message, left, padded / 4, hash);
}

function add128(to: Uint32Array, addend: Uint32Array): void {
  let carry = 0;
  for (let word = 0; word < 4; word++) {
    const sum = to[word]! + addend[word]! + carry;
    to[word] = sum % 2 ** 32;
    carry = sum >= 2 ** 32 ? 1 : 0;
  }
}

function subtract128(from: Uint32Array, subtrahend: Uint32Array): void {
  let borrow = 0;
  for (let word = 0; word < 4; word++) {
    const difference = from[word]! - subtrahend[word]! - borrow;
    borrow = difference < 0 ? 1 : 0;
    from[word] = difference + borrow * 2 ** 32;
  }
}
