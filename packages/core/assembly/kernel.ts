// Adiantum (packages/core/src/crypto/wide-block.ts is the twin). The caller puts keys, tweak and body in place and makes one
// call for each block.
import { decryptBlock, encryptBlock, expandAesKey } from "./aes";
import { BODY, HEADER_KEY, RIGHT } from "./layout";
import { xorStream } from "./chacha12";
import { add, subtract } from "./hash";
import { pairKeys } from "./nh";

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
