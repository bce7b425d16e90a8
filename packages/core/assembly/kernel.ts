// Adiantum (packages/core/src/crypto/wide-block.ts is the twin). The caller puts keys, tweak and body in place and makes one
// call for each block.
import { decryptBlock, encryptBlock, expandAesKey } from "./aes";
import { BODY, HASH, HEADER, HEADER_HASH, HEADER_KEY, MESSAGE_KEY, RIGHT, TWEAK } from "./layout";
import { xorStream } from "./chacha12";
import { absorbNh, pairKeys } from "./nh";
import { absorb, add128, finish, FULL, reset, subtract128 } from "./poly1305";

export { BODY, BODY_BYTES, END, KEYS, KEYS_BYTES, TWEAK } from "./layout";

/** Bytes of keystream that become keys: AES key 32 | header Poly1305 key 16 | message Poly1305 key 16 | NH key 1072. */
const MATERIAL_BYTES: i32 = 1136;

/** Makes all keys from the first 32 bytes of KEYS: they are the keystream under the nonce 1 | 0^23. */
export function expand(): void {
  memory.fill(BODY, 0, MATERIAL_BYTES);
  v128.store(RIGHT, i32x4(1, 0, 0, 0));
  xorStream(MATERIAL_BYTES, 0, 0);
  expandAesKey(BODY);
  memory.copy(HEADER_KEY, BODY + 32, 32);
  pairKeys(BODY + 64);
}

/** Encrypts the first `length` bytes of the body in place. */
export function encrypt(length: i32, tweakLength: i32): void {
  add(length, tweakLength);
  encryptBlock(RIGHT);
  xorStream(length - 16, 1, 0);
  subtract(length);
}

/** Decrypts the first `length` bytes of the body in place. */
export function decrypt(length: i32, tweakLength: i32): void {
  add(length, tweakLength);
  xorStream(length - 16, 1, 0);
  decryptBlock(RIGHT);
  subtract(length);
}

/** Takes the last 16 of `length` bytes of the body as RIGHT, and adds the hash of tweak and left part to it. */
export function add(length: i32, tweakLength: i32): void {
  const bytes = length - 16;
  v128.store(RIGHT, v128.load(BODY + bytes));
  hashHeader(bytes, tweakLength);
  hashLeft(bytes);
  add128(RIGHT, HASH);
}

/** Subtracts the hash of tweak and left part from RIGHT and puts it back at the end of the body. */
function subtract(length: i32): void {
  const bytes = length - 16;
  hashLeft(bytes);
  subtract128(RIGHT, HASH);
  v128.store(BODY + bytes, v128.load(RIGHT));
}

/** HEADER_HASH := Poly1305 of (bit length of the left part as 16 bytes, tweak). */
function hashHeader(bytes: i32, tweakLength: i32): void {
  store<u64>(HEADER, 8 * u64(bytes));
  store<u64>(HEADER, 0, 8);
  reset(HEADER_KEY);
  const rest = tweakLength & 15;
  const end = TWEAK + tweakLength - rest;
  for (let at = HEADER; at < end; at += 16) absorb(load<u64>(at), load<u64>(at, 8), FULL);
  if (rest) {
    store<u8>(end + rest, 1);
    memory.fill(end + rest + 1, 0, 15 - rest);
    absorb(load<u64>(end), load<u64>(end, 8), 0);
  }
  finish(HEADER_HASH);
}

/** HASH := HEADER_HASH + NH-Poly1305 of the left part, zero-padded to 16 bytes. */
function hashLeft(bytes: i32): void {
  const padded = (bytes + 15) & ~15;
  memory.fill(BODY + bytes, 0, padded - bytes);
  reset(MESSAGE_KEY);
  for (let at = 0; at < padded; at += 1024) absorbNh(BODY + at, min(1024, padded - at));
  finish(HASH);
  add128(HASH, HEADER_HASH);
}
