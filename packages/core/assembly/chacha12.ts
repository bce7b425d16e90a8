// ChaCha with 12 rounds, four blocks at a time: lane i of each vector belongs to block i.
import { BODY, RIGHT, STREAM_KEY, SUBKEY } from "./layout";

/**
 * Xors the XChaCha12 keystream into the body, `bytes` of it rounded up to 256. The nonce is the 16 bytes at RIGHT, then
 * the two words of the tail. The upper word of the block counter stays 0.
 */
export function xorStream(bytes: i32, tailLow: i32, tailHigh: i32): void {
  deriveSubkey();
  for (let at = 0; at < bytes; at += 256) xorFourBlocks(BODY + at, at >> 6, tailLow, tailHigh);
}

/** "expand 32-byte k". */
// @ts-ignore: decorator
@inline
function sigma(): v128 {
  return i32x4(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574);
}

/** HChaCha12 of the stream key and RIGHT, with the four rows of one state in a vector each. */
function deriveSubkey(): void {
  let a = sigma();
  let b = v128.load(STREAM_KEY);
  let c = v128.load(STREAM_KEY, 16);
  let d = v128.load(RIGHT);
  for (let round = 0; round < 12; round++) {
    a = i32x4.add(a, b); d = rotate16(v128.xor(d, a));
    c = i32x4.add(c, d); b = rotate(v128.xor(b, c), 12);
    a = i32x4.add(a, b); d = rotate8(v128.xor(d, a));
    c = i32x4.add(c, d); b = rotate(v128.xor(b, c), 7);
    // Turn columns into diagonals and, every other round, diagonals into columns.
    if (round & 1) {
      b = v128.shuffle<i32>(b, b, 3, 0, 1, 2);
      d = v128.shuffle<i32>(d, d, 1, 2, 3, 0);
    } else {
      b = v128.shuffle<i32>(b, b, 1, 2, 3, 0);
      d = v128.shuffle<i32>(d, d, 3, 0, 1, 2);
    }
    c = v128.shuffle<i32>(c, c, 2, 3, 0, 1);
  }
  v128.store(SUBKEY, a);
  v128.store(SUBKEY, d, 16);
}

function xorFourBlocks(at: i32, block: i32, tailLow: i32, tailHigh: i32): void {
  const counter = i32x4.add(i32x4.splat(block), i32x4(0, 1, 2, 3));
  let a0 = i32x4.splat(0x61707865), a1 = i32x4.splat(0x3320646e), a2 = i32x4.splat(0x79622d32), a3 = i32x4.splat(0x6b206574);
  let b0 = v128.load32_splat(SUBKEY), b1 = v128.load32_splat(SUBKEY, 4), b2 = v128.load32_splat(SUBKEY, 8), b3 = v128.load32_splat(SUBKEY, 12);
  let c0 = v128.load32_splat(SUBKEY, 16), c1 = v128.load32_splat(SUBKEY, 20), c2 = v128.load32_splat(SUBKEY, 24), c3 = v128.load32_splat(SUBKEY, 28);
  let d0 = counter, d1 = i32x4.splat(0), d2 = i32x4.splat(tailLow), d3 = i32x4.splat(tailHigh);
  for (let round = 0; round < 12; round += 2) {
    // Columns.
    a0 = i32x4.add(a0, b0); a1 = i32x4.add(a1, b1); a2 = i32x4.add(a2, b2); a3 = i32x4.add(a3, b3);
    d0 = rotate16(v128.xor(d0, a0)); d1 = rotate16(v128.xor(d1, a1)); d2 = rotate16(v128.xor(d2, a2)); d3 = rotate16(v128.xor(d3, a3));
    c0 = i32x4.add(c0, d0); c1 = i32x4.add(c1, d1); c2 = i32x4.add(c2, d2); c3 = i32x4.add(c3, d3);
    b0 = rotate(v128.xor(b0, c0), 12); b1 = rotate(v128.xor(b1, c1), 12); b2 = rotate(v128.xor(b2, c2), 12); b3 = rotate(v128.xor(b3, c3), 12);
    a0 = i32x4.add(a0, b0); a1 = i32x4.add(a1, b1); a2 = i32x4.add(a2, b2); a3 = i32x4.add(a3, b3);
    d0 = rotate8(v128.xor(d0, a0)); d1 = rotate8(v128.xor(d1, a1)); d2 = rotate8(v128.xor(d2, a2)); d3 = rotate8(v128.xor(d3, a3));
    c0 = i32x4.add(c0, d0); c1 = i32x4.add(c1, d1); c2 = i32x4.add(c2, d2); c3 = i32x4.add(c3, d3);
    b0 = rotate(v128.xor(b0, c0), 7); b1 = rotate(v128.xor(b1, c1), 7); b2 = rotate(v128.xor(b2, c2), 7); b3 = rotate(v128.xor(b3, c3), 7);
    // Diagonals.
    a0 = i32x4.add(a0, b1); a1 = i32x4.add(a1, b2); a2 = i32x4.add(a2, b3); a3 = i32x4.add(a3, b0);
    d3 = rotate16(v128.xor(d3, a0)); d0 = rotate16(v128.xor(d0, a1)); d1 = rotate16(v128.xor(d1, a2)); d2 = rotate16(v128.xor(d2, a3));
    c2 = i32x4.add(c2, d3); c3 = i32x4.add(c3, d0); c0 = i32x4.add(c0, d1); c1 = i32x4.add(c1, d2);
    b1 = rotate(v128.xor(b1, c2), 12); b2 = rotate(v128.xor(b2, c3), 12); b3 = rotate(v128.xor(b3, c0), 12); b0 = rotate(v128.xor(b0, c1), 12);
    a0 = i32x4.add(a0, b1); a1 = i32x4.add(a1, b2); a2 = i32x4.add(a2, b3); a3 = i32x4.add(a3, b0);
    d3 = rotate8(v128.xor(d3, a0)); d0 = rotate8(v128.xor(d0, a1)); d1 = rotate8(v128.xor(d1, a2)); d2 = rotate8(v128.xor(d2, a3));
    c2 = i32x4.add(c2, d3); c3 = i32x4.add(c3, d0); c0 = i32x4.add(c0, d1); c1 = i32x4.add(c1, d2);
    b1 = rotate(v128.xor(b1, c2), 7); b2 = rotate(v128.xor(b2, c3), 7); b3 = rotate(v128.xor(b3, c0), 7); b0 = rotate(v128.xor(b0, c1), 7);
  }
  xorRows(at, add(a0, 0x61707865), add(a1, 0x3320646e), add(a2, 0x79622d32), add(a3, 0x6b206574));
  xorRows(at + 16, addKey(b0, 0), addKey(b1, 4), addKey(b2, 8), addKey(b3, 12));
  xorRows(at + 32, addKey(c0, 16), addKey(c1, 20), addKey(c2, 24), addKey(c3, 28));
  xorRows(at + 48, i32x4.add(d0, counter), d1, add(d2, tailLow), add(d3, tailHigh));
}

// @ts-ignore: decorator
@inline
function add(words: v128, word: i32): v128 {
  return i32x4.add(words, i32x4.splat(word));
}

// @ts-ignore: decorator
@inline
function addKey(words: v128, offset: i32): v128 {
  return i32x4.add(words, v128.load32_splat(SUBKEY + offset));
}

/** Transposes one row of the four states, and xors it into the four blocks: 16 bytes each, 64 apart. */
// @ts-ignore: decorator
@inline
function xorRows(at: i32, w0: v128, w1: v128, w2: v128, w3: v128): void {
  const even01 = v128.shuffle<i32>(w0, w1, 0, 4, 1, 5);
  const even23 = v128.shuffle<i32>(w2, w3, 0, 4, 1, 5);
  const odd01 = v128.shuffle<i32>(w0, w1, 2, 6, 3, 7);
  const odd23 = v128.shuffle<i32>(w2, w3, 2, 6, 3, 7);
  xorAt(at, v128.shuffle<i64>(even01, even23, 0, 2));
  xorAt(at + 64, v128.shuffle<i64>(even01, even23, 1, 3));
  xorAt(at + 128, v128.shuffle<i64>(odd01, odd23, 0, 2));
  xorAt(at + 192, v128.shuffle<i64>(odd01, odd23, 1, 3));
}

// @ts-ignore: decorator
@inline
function xorAt(at: i32, words: v128): void {
  v128.store(at, v128.xor(v128.load(at), words));
}

// @ts-ignore: decorator
@inline
function rotate(words: v128, by: i32): v128 {
  return v128.or(i32x4.shl(words, by), i32x4.shr_u(words, 32 - by));
}

// V8 keeps the indexes of a swizzle in a register, and makes those of a shuffle anew each time.
// @ts-ignore: decorator
@inline
function rotate16(words: v128): v128 {
  return i8x16.swizzle(words, i8x16(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));
}

// @ts-ignore: decorator
@inline
function rotate8(words: v128): v128 {
  return i8x16.swizzle(words, i8x16(3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14));
}
