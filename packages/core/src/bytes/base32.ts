import { UmbelError } from "../errors.ts";

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
/** Character codes by value, and values by character code; -1 where there is none. */
const CODES = Array.from(ALPHABET, (character) => character.charCodeAt(0));
const VALUES = Int8Array.from({ length: 128 }, (_, code) => CODES.indexOf(code));

/** RFC 4648 base32 in lower case without padding. */
export function encodeBase32(bytes: Uint8Array): string {
  const codes = new Array<number>(Math.ceil((bytes.length * 8) / 5));
  let at = 0;
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; ) {
      bits -= 5;
      codes[at++] = CODES[(held >> bits) & 31] as number;
    }
    held &= 31;
  }
  if (bits > 0) codes[at] = CODES[(held << (5 - bits)) & 31] as number;
  return String.fromCharCode(...codes);
}

/** Undoes `encodeBase32` for exactly `length` bytes. Throws BAD_ENCODING on any other form. */
export function decodeBase32(text: string, length: number): Uint8Array {
  const bytes = text.length === Math.ceil((length * 8) / 5) ? decodeOrNothing(text, length) : undefined;
  if (bytes === undefined) throw new UmbelError("BAD_ENCODING", `not base32 of ${length} bytes`);
  return bytes;
}

function decodeOrNothing(text: string, length: number): Uint8Array | undefined {
  const bytes = new Uint8Array(length);
  let held = 0;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const value = VALUES[text.charCodeAt(i)] ?? -1;
    if (value < 0) return undefined;
    held = (held << 5) | value;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = held >> bits;
    held &= (1 << bits) - 1;
  }
  // What is left over must be zeros, or there would be several texts for the same bytes.
  return held === 0 ? bytes : undefined;
}
