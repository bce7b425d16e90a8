/** "expand 32-byte k" as four little-endian words. */
const SIGMA = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574] as const;

const input = new Uint32Array(16);
const output = new Uint32Array(16);
const subkey = new Uint32Array(8);

/**
 * Xors the XChaCha12 keystream, from its first block on, into the first `count` words of `words`. `key` is 8 words, the
 * 24-byte nonce is the 4 words of `nonce` and the 2 of `tail`. Words are little-endian readings of the bytes.
 * Source: draft-irtf-cfrg-xchacha with 12 rounds and a 64-bit block counter, as Adiantum uses it (ePrint 2018/720).
 */
export function xchacha12Xor(
  key: Uint32Array,
  nonce: Uint32Array,
  tail: Uint32Array,
  words: Uint32Array,
  count: number,
): void {
  hchacha12(key, nonce, subkey);
  loadState(subkey);
  input[14] = tail[0]!;
  input[15] = tail[1]!;
  xorBlocks(words, count);
}

/** Overwrites what the last call left behind of keys and keystream. */
export function wipeChacha12(): void {
  input.fill(0);
  output.fill(0);
  subkey.fill(0);
}

/** HChaCha with 12 rounds: a 8-word subkey of an 8-word key and 4 words of nonce. */
function hchacha12(key: Uint32Array, nonce: Uint32Array, out: Uint32Array): void {
  loadState(key);
  for (let at = 0; at < 4; at++) input[12 + at] = nonce[at]!;
  twelveRounds(input, output);
  for (let at = 0; at < 4; at++) {
    out[at] = output[at]!;
    out[4 + at] = output[12 + at]!;
  }
}

/** Puts constants and key in place; counter and nonce become zero. */
function loadState(key: Uint32Array): void {
  for (let at = 0; at < 4; at++) input[at] = SIGMA[at]!;
  for (let at = 0; at < 8; at++) input[4 + at] = key[at]!;
  input.fill(0, 12);
}

/** Word 13, the upper half of the counter, stays 0: no message here comes near 2^32 blocks. */
function xorBlocks(words: Uint32Array, count: number): void {
  let at = 0;
  for (let block = 0; at < count; block++) {
    input[12] = block;
    twelveRounds(input, output);
    const end = Math.min(16, count - at);
    for (let word = 0; word < end; word++, at++) words[at] = words[at]! ^ (output[word]! + input[word]!);
  }
}

/** The ChaCha permutation with 12 rounds, without the final addition of the input. */
// biome-ignore format: one step of four quarter rounds per line
function twelveRounds(from: Uint32Array, to: Uint32Array): void {
  let a0 = from[0]! | 0, a1 = from[1]! | 0, a2 = from[2]! | 0, a3 = from[3]! | 0;
  let b0 = from[4]! | 0, b1 = from[5]! | 0, b2 = from[6]! | 0, b3 = from[7]! | 0;
  let c0 = from[8]! | 0, c1 = from[9]! | 0, c2 = from[10]! | 0, c3 = from[11]! | 0;
  let d0 = from[12]! | 0, d1 = from[13]! | 0, d2 = from[14]! | 0, d3 = from[15]! | 0;
  for (let round = 0; round < 12; round += 2) {
    // Columns.
    a0 = (a0 + b0) | 0; a1 = (a1 + b1) | 0; a2 = (a2 + b2) | 0; a3 = (a3 + b3) | 0;
    d0 = rotate(d0 ^ a0, 16); d1 = rotate(d1 ^ a1, 16); d2 = rotate(d2 ^ a2, 16); d3 = rotate(d3 ^ a3, 16);
    c0 = (c0 + d0) | 0; c1 = (c1 + d1) | 0; c2 = (c2 + d2) | 0; c3 = (c3 + d3) | 0;
    b0 = rotate(b0 ^ c0, 12); b1 = rotate(b1 ^ c1, 12); b2 = rotate(b2 ^ c2, 12); b3 = rotate(b3 ^ c3, 12);
    a0 = (a0 + b0) | 0; a1 = (a1 + b1) | 0; a2 = (a2 + b2) | 0; a3 = (a3 + b3) | 0;
    d0 = rotate(d0 ^ a0, 8); d1 = rotate(d1 ^ a1, 8); d2 = rotate(d2 ^ a2, 8); d3 = rotate(d3 ^ a3, 8);
    c0 = (c0 + d0) | 0; c1 = (c1 + d1) | 0; c2 = (c2 + d2) | 0; c3 = (c3 + d3) | 0;
    b0 = rotate(b0 ^ c0, 7); b1 = rotate(b1 ^ c1, 7); b2 = rotate(b2 ^ c2, 7); b3 = rotate(b3 ^ c3, 7);
    // Diagonals.
    a0 = (a0 + b1) | 0; a1 = (a1 + b2) | 0; a2 = (a2 + b3) | 0; a3 = (a3 + b0) | 0;
    d3 = rotate(d3 ^ a0, 16); d0 = rotate(d0 ^ a1, 16); d1 = rotate(d1 ^ a2, 16); d2 = rotate(d2 ^ a3, 16);
    c2 = (c2 + d3) | 0; c3 = (c3 + d0) | 0; c0 = (c0 + d1) | 0; c1 = (c1 + d2) | 0;
    b1 = rotate(b1 ^ c2, 12); b2 = rotate(b2 ^ c3, 12); b3 = rotate(b3 ^ c0, 12); b0 = rotate(b0 ^ c1, 12);
    a0 = (a0 + b1) | 0; a1 = (a1 + b2) | 0; a2 = (a2 + b3) | 0; a3 = (a3 + b0) | 0;
    d3 = rotate(d3 ^ a0, 8); d0 = rotate(d0 ^ a1, 8); d1 = rotate(d1 ^ a2, 8); d2 = rotate(d2 ^ a3, 8);
    c2 = (c2 + d3) | 0; c3 = (c3 + d0) | 0; c0 = (c0 + d1) | 0; c1 = (c1 + d2) | 0;
    b1 = rotate(b1 ^ c2, 7); b2 = rotate(b2 ^ c3, 7); b3 = rotate(b3 ^ c0, 7); b0 = rotate(b0 ^ c1, 7);
  }
  to[0] = a0; to[1] = a1; to[2] = a2; to[3] = a3;
  to[4] = b0; to[5] = b1; to[6] = b2; to[7] = b3;
  to[8] = c0; to[9] = c1; to[10] = c2; to[11] = c3;
  to[12] = d0; to[13] = d1; to[14] = d2; to[15] = d3;
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
