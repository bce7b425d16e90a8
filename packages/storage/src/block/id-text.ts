import { UmbelError } from "@umbel/core";

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/** Base32 (RFC 4648 section 6, lower case, no padding) of 32 bytes: 52 characters. */
export function encodeId(bytes: Uint8Array): string {
  let text = "";
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(held >> bits) & 31];
    }
  }
  return bits > 0 ? text + ALPHABET[(held << (5 - bits)) & 31] : text;
}

/** The 32 bytes of `encodeId`. Throws BAD_ENCODING on anything that it does not write. */
export function decodeId(text: string): Uint8Array {
  const bytes = new Uint8Array(32);
  let at = 0;
  let held = 0;
  let bits = 0;
  for (const character of text) {
    const value = ALPHABET.indexOf(character);
    if (value < 0 || text.length !== 52) throw new UmbelError("BAD_ENCODING", "not a block id");
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = (held >> bits) & 0xff;
  }
  if (at !== 32 || (held & ((1 << bits) - 1)) !== 0) throw new UmbelError("BAD_ENCODING", "not a block id");
  return bytes;
}
