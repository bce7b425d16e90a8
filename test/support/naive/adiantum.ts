import { createCipheriv, createDecipheriv } from "node:crypto";

/**
 * Adiantum written straight from ePrint 2018/720 with BigInt and plain arrays: slow, and different from the product's
 * code in every step, so that the two can be compared. AES is OpenSSL's.
 */
export function naiveAdiantum(
  key: Uint8Array,
  tweak: Uint8Array,
  block: Uint8Array,
  encrypting: boolean,
): Uint8Array {
  const material = xchacha12(key, bytesOf(1n, 24), 1136);
  const keys = {
    aes: material.subarray(0, 32),
    header: material.subarray(32, 48),
    message: material.subarray(48, 64),
    nh: material.subarray(64),
  };
  const hash = (left: Uint8Array): bigint => {
    const header = concat(bytesOf(BigInt(8 * left.length), 16), tweak);
    const values: Uint8Array[] = [];
    for (let at = 0; at < left.length; at += 1024)
      values.push(naiveNh(keys.nh, left.subarray(at, at + 1024)));
    return naivePoly1305(keys.header, header) + naivePoly1305(keys.message, concat(...values));
  };
  const left = block.subarray(0, -16);
  const middle = mod128(number(block.subarray(-16)) + hash(left));
  const middleBytes = bytesOf(middle, 16);
  const nonceStart = encrypting ? aes(keys.aes, middleBytes, true) : middleBytes;
  const stream = xchacha12(key, concat(nonceStart, bytesOf(1n, 8)), left.length);
  const newLeft = left.map((byte, at) => byte ^ stream[at]!);
  const newMiddle = encrypting ? nonceStart : aes(keys.aes, middleBytes, false);
  return concat(newLeft, bytesOf(mod128(number(newMiddle) - hash(newLeft)), 16));
}

/** NH with four passes of at most 1024 bytes, zero-padded to 16. */
export function naiveNh(key: Uint8Array, message: Uint8Array): Uint8Array {
  const padded = concat(message, new Uint8Array(-message.length & 15));
  const word = (bytes: Uint8Array, at: number): bigint => number(bytes.subarray(4 * at, 4 * at + 4));
  const sums = [0, 1, 2, 3].map((pass) => {
    let sum = 0n;
    for (let at = 0; at < padded.length / 4; at += 4) {
      const term = (i: number): bigint => (word(padded, at + i) + word(key, at + 4 * pass + i)) % 2n ** 32n;
      sum += term(0) * term(2) + term(1) * term(3);
    }
    return bytesOf(sum % 2n ** 64n, 8);
  });
  return concat(...sums);
}

/** Poly1305 without the final addition of s, modulo 2^128. */
export function naivePoly1305(key: Uint8Array, message: Uint8Array): bigint {
  const r = number(key) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  let sum = 0n;
  for (let at = 0; at < message.length; at += 16) {
    const chunk = concat(message.subarray(at, at + 16), Uint8Array.of(1));
    sum = ((sum + number(chunk)) * r) % (2n ** 130n - 5n);
  }
  return mod128(sum);
}

function xchacha12(key: Uint8Array, nonce: Uint8Array, length: number): Uint8Array {
  const words = (bytes: Uint8Array): number[] =>
    Array.from({ length: bytes.length / 4 }, (_, at) => Number(number(bytes.subarray(4 * at, 4 * at + 4))));
  const constants = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];
  const first = rounds([...constants, ...words(key), ...words(nonce.subarray(0, 16))]);
  const subkey = [...first.slice(0, 4), ...first.slice(12)];
  const stream: Uint8Array[] = [];
  for (let block = 0; 64 * block < length; block++) {
    const state = [...constants, ...subkey, block, 0, ...words(nonce.subarray(16))];
    const end = rounds(state).map((word, at) => (word + state[at]!) % 2 ** 32);
    stream.push(...end.map((word) => bytesOf(BigInt(word), 4)));
  }
  return concat(...stream).subarray(0, length);
}

function rounds(state: readonly number[]): number[] {
  const s = [...state];
  const quarter = (a: number, b: number, c: number, d: number): void => {
    const steps = [
      [a, b, d, 16],
      [c, d, b, 12],
      [a, b, d, 8],
      [c, d, b, 7],
    ] as const;
    for (const [to, from, mixed, by] of steps) {
      s[to] = (s[to]! + s[from]!) % 2 ** 32;
      const word = (s[mixed]! ^ s[to]!) >>> 0;
      s[mixed] = ((word << by) | (word >>> (32 - by))) >>> 0;
    }
  };
  for (let round = 0; round < 6; round++) {
    for (let at = 0; at < 4; at++) quarter(at, 4 + at, 8 + at, 12 + at);
    for (let at = 0; at < 4; at++) quarter(at, 4 + ((at + 1) % 4), 8 + ((at + 2) % 4), 12 + ((at + 3) % 4));
  }
  return s;
}

function aes(key: Uint8Array, block: Uint8Array, encrypting: boolean): Uint8Array {
  const make = encrypting ? createCipheriv : createDecipheriv;
  const cipher = make("aes-256-ecb", key, null);
  cipher.setAutoPadding(false);
  return Uint8Array.from(cipher.update(block));
}

function number(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => 256n * sum + BigInt(byte), 0n);
}

function bytesOf(value: bigint, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => Number((value >> BigInt(8 * at)) & 255n));
}

function mod128(value: bigint): bigint {
  return BigInt.asUintN(128, value);
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}
