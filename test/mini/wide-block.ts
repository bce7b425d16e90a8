import { createCipheriv, createDecipheriv } from "node:crypto";
import { concat, zeros } from "./bytes.ts";

/** docs/spec/04-circuits.md, The wide block: Adiantum-XChaCha12-AES over 4096 bytes with a tweak of 32. */
export class WideBlock {
  readonly #key: Uint8Array;
  readonly #aesKey: Uint8Array;
  readonly #headerKey: bigint;
  readonly #messageKey: bigint;
  readonly #nhKey: Uint32Array;

  constructor(key: Uint8Array) {
    const material = xchacha12(key, concat(Uint8Array.of(1), zeros(23)), 1136);
    this.#key = key;
    this.#aesKey = material.subarray(0, 32);
    this.#headerKey = clamp(material.subarray(32, 48));
    this.#messageKey = clamp(material.subarray(48, 64));
    this.#nhKey = words(material.subarray(64));
  }

  encrypt(tweak: Uint8Array, block: Uint8Array): Uint8Array {
    const [left, right] = [block.subarray(0, -16), block.subarray(-16)];
    const middle = this.#aes(add(right, this.#hash(tweak, left)), true);
    const newLeft = this.#stream(middle, left);
    return concat(newLeft, subtract(middle, this.#hash(tweak, newLeft)));
  }

  decrypt(tweak: Uint8Array, block: Uint8Array): Uint8Array {
    const [left, right] = [block.subarray(0, -16), block.subarray(-16)];
    const middle = add(right, this.#hash(tweak, left));
    const newLeft = this.#stream(middle, left);
    return concat(newLeft, subtract(this.#aes(middle, false), this.#hash(tweak, newLeft)));
  }

  #hash(tweak: Uint8Array, left: Uint8Array): bigint {
    const header = concat(littleEndian(BigInt(8 * left.length), 16), tweak);
    const digests: Uint8Array[] = [];
    for (let at = 0; at < left.length; at += 1024)
      digests.push(nh(this.#nhKey, left.subarray(at, at + 1024)));
    return poly1305(this.#headerKey, header) + poly1305(this.#messageKey, concat(...digests));
  }

  #stream(middle: Uint8Array, left: Uint8Array): Uint8Array {
    const stream = xchacha12(this.#key, concat(middle, Uint8Array.of(1), zeros(7)), left.length);
    return left.map((byte, at) => byte ^ stream[at]!);
  }

  #aes(block: Uint8Array, encrypting: boolean): Uint8Array {
    const cipher = (encrypting ? createCipheriv : createDecipheriv)("aes-256-ecb", this.#aesKey, null);
    cipher.setAutoPadding(false);
    return Uint8Array.from(cipher.update(block));
  }
}

/** Four passes over at most 1024 bytes; pass p begins 4p words later in the key. */
function nh(key: Uint32Array, chunk: Uint8Array): Uint8Array {
  const message = words(chunk);
  return concat(...[0, 4, 8, 12].map((shift) => littleEndian(nhPass(key.subarray(shift), message), 8)));
}

/** Products of 32 by 32 bits, as two of 16 by 32 bits each: 32 of those still add up to less than 2^53. */
function nhPass(key: Uint32Array, message: Uint32Array): bigint {
  let sum = 0n;
  for (let from = 0; from < message.length; from += 64) {
    let [low, high] = [0, 0];
    for (let at = from; at < Math.min(from + 64, message.length); at += 4) {
      for (const i of [at, at + 1]) {
        const a = (message[i]! + key[i]!) >>> 0;
        const b = (message[i + 2]! + key[i + 2]!) >>> 0;
        low += (a & 0xffff) * b;
        high += (a >>> 16) * b;
      }
    }
    sum += BigInt(low) + (BigInt(high) << 16n);
  }
  return BigInt.asUintN(64, sum);
}

/** Without the last addition. */
function poly1305(r: bigint, message: Uint8Array): bigint {
  let sum = 0n;
  for (let at = 0; at < message.length; at += 16) {
    sum = ((sum + fromLittleEndian(concat(message.subarray(at, at + 16), Uint8Array.of(1)))) * r) % P1305;
  }
  return sum;
}

const P1305 = 2n ** 130n - 5n;

function clamp(bytes: Uint8Array): bigint {
  return fromLittleEndian(bytes) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
}

/** The keystream of XChaCha with 12 rounds: key 32, nonce 24. */
function xchacha12(key: Uint8Array, nonce: Uint8Array, length: number): Uint8Array {
  const mixed = rounds12(Uint32Array.of(...SIGMA, ...words(key), ...words(nonce.subarray(0, 16))));
  const subkey = [...mixed.subarray(0, 4), ...mixed.subarray(12)];
  const blocks = Array.from({ length: Math.ceil(length / 64) }, (_, counter) => {
    const state = Uint32Array.of(...SIGMA, ...subkey, counter, 0, ...words(nonce.subarray(16)));
    return bytesOf(rounds12(state).map((word, at) => word + state[at]!));
  });
  return concat(...blocks).subarray(0, length);
}

const SIGMA = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574] as const;
const QUARTERS = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
] as const;

function rounds12(state: Uint32Array): Uint32Array {
  const s = Uint32Array.from(state);
  const step = (to: number, from: number, mixed: number, by: number): void => {
    s[to]! += s[from]!;
    const word = s[mixed]! ^ s[to]!;
    s[mixed] = (word << by) | (word >>> (32 - by));
  };
  for (let double = 0; double < 6; double++) {
    for (const [a, b, c, d] of QUARTERS) {
      step(a, b, d, 16);
      step(c, d, b, 12);
      step(a, b, d, 8);
      step(c, d, b, 7);
    }
  }
  return s;
}

/** u32 little-endian. */
function words(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const result = new Uint32Array(bytes.length / 4);
  for (let at = 0; at < result.length; at++) result[at] = view.getUint32(4 * at, true);
  return result;
}

function bytesOf(source: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(4 * source.length);
  const view = new DataView(bytes.buffer);
  source.forEach((word, at) => {
    view.setUint32(4 * at, word, true);
  });
  return bytes;
}

function littleEndian(value: bigint, width: number): Uint8Array {
  return Uint8Array.from({ length: width }, (_, at) => Number((value >> BigInt(8 * at)) & 255n));
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
}

function add(block: Uint8Array, value: bigint): Uint8Array {
  return littleEndian(BigInt.asUintN(128, fromLittleEndian(block) + value), 16);
}

function subtract(block: Uint8Array, value: bigint): Uint8Array {
  return add(block, -value);
}
