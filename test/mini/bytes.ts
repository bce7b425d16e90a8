import { createHash, createHmac, randomBytes } from "node:crypto";

/*
 * The mini-implementation of docs/spec/01 to 05: a client that is plain and slow, made to follow these pages. Nothing in this
 * folder but the tests imports the packages, so that where both agree, the pages said enough.
 */

/** One array after the other. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

/** An unsigned integer, big-endian. */
export function uint(value: number, width: number): Uint8Array {
  return Uint8Array.from({ length: width }, (_, at) => Math.floor(value / 256 ** (width - 1 - at)) % 256);
}

/** Reads an unsigned integer, big-endian. */
export function toUint(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}

/** ASCII with a zero byte at its end. */
export function label(text: string): Uint8Array {
  return ascii(`${text}\0`);
}

export function ascii(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "utf8"));
}

export function zeros(length: number): Uint8Array {
  return new Uint8Array(length);
}

/** `bytes` with zeros behind them. */
export function padded(bytes: Uint8Array, length: number): Uint8Array {
  return concat(bytes, zeros(length - bytes.length));
}

export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

export function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

export function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, at) => byte ^ b[at]!);
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

export function fromHex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "hex"));
}

export function random(length: number): Uint8Array {
  return Uint8Array.from(randomBytes(length));
}

export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(
    createHash("sha256")
      .update(concat(...parts))
      .digest(),
  );
}

export function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(
    createHmac("sha256", key)
      .update(concat(...parts))
      .digest(),
  );
}

/** HKDF-Expand of RFC 5869 with SHA-256. */
export function expand(key: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  let [output, last] = [zeros(0), zeros(0)];
  for (let round = 1; output.length < length; round++) {
    last = hmac(key, last, info, Uint8Array.of(round));
    output = concat(output, last);
  }
  return output.subarray(0, length);
}

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/** RFC 4648 base32 in lower case without padding. */
export function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const groups = bits.match(/.{1,5}/g) ?? [];
  return groups.map((group) => ALPHABET[Number.parseInt(group.padEnd(5, "0"), 2)]).join("");
}

/** The 32 bytes of an id's text. */
export function fromBase32(text: string): Uint8Array {
  const bits = [...text].map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const bytes = Uint8Array.from({ length: 32 }, (_, at) =>
    Number.parseInt(bits.slice(8 * at, 8 * at + 8), 2),
  );
  if (base32(bytes) !== text) throw new Error("not the text of an id");
  return bytes;
}
