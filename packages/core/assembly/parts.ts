// The parts of the kernel on their own, for the tests only: compiled by them, not shipped.
import { xorStream } from "./chacha12";

export { decryptBlock, encryptBlock, expandAesKey } from "./aes";
export { add } from "./hash";
export { pairKeys } from "./nh";
export { AES_KEYS, BODY, BODY_BYTES, KEYS, KEYS_BYTES, RIGHT, TWEAK } from "./layout";

/** Xors the keystream under the nonce RIGHT | tail, two words, into the left part. */
export function stream(length: i32, tailLow: i32, tailHigh: i32): void {
  xorStream(length - 16, tailLow, tailHigh);
}
