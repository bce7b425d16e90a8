// ML-KEM-768 (FIPS 203). The caller puts inputs in place, makes one call, and takes outputs; then it clears.
import { HASH_END, SHA3_256, SHA3_512, SHAKE256, XOF_END, absorb, begin, squeeze, turn } from "./keccak";
import {
  POLY,
  add,
  compress,
  decode,
  decompress,
  encode,
  exceeds,
  inverseNtt,
  multiplyAdd,
  ntt,
  sampleNoise,
  sampleUniform,
  subtract,
} from "./ring";

// Memory: the sponge below 512, tables between 4096 and 8192 (scripts/build-kernel.mjs says where), and what follows.
/** Seeds (d, z) 64 for a key pair; m 32 for an encapsulation. */
export const SEED: i32 = 512;
/** Shared secret 32, then the coins 32 of the encryption. */
export const SHARED: i32 = 576;
/** What G is computed of, at most 64. */
const INPUT: i32 = 640;
/** A seed and what tells its uses apart: 34. */
const SAMPLE: i32 = 704;
/** The 32 bytes that a decryption gives. */
const MESSAGE: i32 = 768;
const NOISE: i32 = 832;
/** Secret vector 1152 | encapsulation key 1184 | its hash 32 | z 32. */
export const SECRET_KEY: i32 = 8192;
export const PUBLIC_KEY: i32 = SECRET_KEY + 1152;
const KEY_HASH: i32 = PUBLIC_KEY + 1184;
const REJECTION: i32 = KEY_HASH + 32;
export const CIPHERTEXT: i32 = 11264;
const AGAIN: i32 = 12544;
/** Two vectors of three, and three single ones. */
const FIRST: i32 = 16384;
const SECOND: i32 = FIRST + 3 * POLY;
const SUM: i32 = SECOND + 3 * POLY;
const TERM: i32 = SUM + POLY;
const END: i32 = TERM + POLY;

/** KeyGen_internal, algorithm 16: from SEED to SECRET_KEY, in which PUBLIC_KEY stands. */
export function keyPair(): void {
  memory.copy(INPUT, SEED, 32);
  store<u8>(INPUT + 32, 3);
  hash512(SHARED, INPUT, 33);
  memory.copy(PUBLIC_KEY + 1152, SHARED, 32);
  noiseVector(FIRST, SHARED + 32, 0);
  noiseVector(SECOND, SHARED + 32, 3);
  for (let i = 0; i < 3; i++) {
    ntt(FIRST + i * POLY);
    ntt(SECOND + i * POLY);
  }
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 3; j++) {
      matrixEntry(i, j);
      multiplyAdd(SECOND + i * POLY, TERM, FIRST + j * POLY);
    }
    encode(PUBLIC_KEY + 384 * i, SECOND + i * POLY, 12);
    encode(SECRET_KEY + 384 * i, FIRST + i * POLY, 12);
  }
  hash256(KEY_HASH, PUBLIC_KEY, 1184);
  memory.copy(REJECTION, SEED + 32, 32);
}

/** Encaps_internal, algorithm 17: from PUBLIC_KEY and SEED to CIPHERTEXT and SHARED. 0 for a key that is none (section 7.2). */
export function encapsulate(): i32 {
  let invalid = 0;
  for (let i = 0; i < 3; i++) {
    decode(TERM, PUBLIC_KEY + 384 * i, 12);
    invalid |= exceeds(TERM);
  }
  if (invalid) return 0;
  hash256(KEY_HASH, PUBLIC_KEY, 1184);
  memory.copy(INPUT, SEED, 32);
  memory.copy(INPUT + 32, KEY_HASH, 32);
  hash512(SHARED, INPUT, 64);
  encrypt(CIPHERTEXT, SEED);
  return 1;
}

/** Decaps_internal, algorithm 18: from SECRET_KEY and CIPHERTEXT to SHARED. */
export function decapsulate(): void {
  decrypt();
  memory.copy(INPUT, MESSAGE, 32);
  memory.copy(INPUT + 32, KEY_HASH, 32);
  hash512(SHARED, INPUT, 64);
  encrypt(AGAIN, MESSAGE);
  begin();
  absorb(REJECTION, 32, SHAKE256);
  absorb(CIPHERTEXT, 1088, SHAKE256);
  turn(SHAKE256, XOF_END);
  squeeze(INPUT, 32);
  let difference: u64 = 0;
  for (let at = 0; at < 1088; at += 8) difference |= load<u64>(CIPHERTEXT + at) ^ load<u64>(AGAIN + at);
  // All ones when the ciphertexts differ: the secret of the rejection is taken.
  const mask = 0 - ((difference | (0 - difference)) >> 63);
  for (let at = 0; at < 32; at += 8) {
    const secret = load<u64>(SHARED + at);
    store<u64>(SHARED + at, secret ^ ((secret ^ load<u64>(INPUT + at)) & mask));
  }
}

/** Overwrites the whole working memory: all but the tables. */
export function clear(): void {
  memory.fill(0, 0, 4096);
  memory.fill(SECRET_KEY, 0, END - SECRET_KEY);
}

/** K-PKE.Encrypt, algorithm 14, of the 32 bytes at `message` with the coins behind SHARED. */
function encrypt(to: i32, message: i32): void {
  noiseVector(FIRST, SHARED + 32, 0);
  for (let i = 0; i < 3; i++) ntt(FIRST + i * POLY);
  for (let i = 0; i < 3; i++) {
    memory.fill(SUM, 0, POLY);
    for (let j = 0; j < 3; j++) {
      matrixEntry(j, i);
      multiplyAdd(SUM, TERM, FIRST + j * POLY);
    }
    inverseNtt(SUM);
    noise(TERM, SHARED + 32, 3 + i);
    add(SUM, TERM);
    compress(SUM, 10);
    encode(to + 320 * i, SUM, 10);
  }
  memory.fill(SUM, 0, POLY);
  for (let i = 0; i < 3; i++) {
    decode(TERM, PUBLIC_KEY + 384 * i, 12);
    multiplyAdd(SUM, TERM, FIRST + i * POLY);
  }
  inverseNtt(SUM);
  noise(TERM, SHARED + 32, 6);
  add(SUM, TERM);
  decode(TERM, message, 1);
  decompress(TERM, 1);
  add(SUM, TERM);
  compress(SUM, 4);
  encode(to + 960, SUM, 4);
}

/** K-PKE.Decrypt, algorithm 15: from SECRET_KEY and CIPHERTEXT to MESSAGE. */
function decrypt(): void {
  memory.fill(SUM, 0, POLY);
  for (let i = 0; i < 3; i++) {
    decode(SECOND, CIPHERTEXT + 320 * i, 10);
    decompress(SECOND, 10);
    ntt(SECOND);
    decode(TERM, SECRET_KEY + 384 * i, 12);
    multiplyAdd(SUM, TERM, SECOND);
  }
  inverseNtt(SUM);
  decode(TERM, CIPHERTEXT + 960, 4);
  decompress(TERM, 4);
  subtract(TERM, SUM);
  compress(TERM, 1);
  encode(MESSAGE, TERM, 1);
}

/** TERM := the entry of the public matrix in this row and column, in NTT form. */
function matrixEntry(row: i32, column: i32): void {
  memory.copy(SAMPLE, PUBLIC_KEY + 1152, 32);
  store<u8>(SAMPLE + 32, u8(column));
  store<u8>(SAMPLE + 33, u8(row));
  sampleUniform(TERM, SAMPLE);
}

function noiseVector(to: i32, seed: i32, first: i32): void {
  for (let i = 0; i < 3; i++) noise(to + i * POLY, seed, first + i);
}

function noise(to: i32, seed: i32, number: i32): void {
  memory.copy(SAMPLE, seed, 32);
  store<u8>(SAMPLE + 32, u8(number));
  sampleNoise(to, SAMPLE, NOISE);
}

function hash256(to: i32, from: i32, bytes: i32): void {
  begin();
  absorb(from, bytes, SHA3_256);
  turn(SHA3_256, HASH_END);
  squeeze(to, 32);
}

function hash512(to: i32, from: i32, bytes: i32): void {
  begin();
  absorb(from, bytes, SHA3_512);
  turn(SHA3_512, HASH_END);
  squeeze(to, 64);
}
