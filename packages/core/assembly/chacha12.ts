// ChaCha with 12 rounds, sixteen blocks at a time: four states of sixteen vectors each, whose lanes belong to four blocks.
import { BODY, COLUMNS, RIGHT, STATES, STATES_END, STREAM_KEY, SUBKEY } from "./layout";

/** What a state takes in memory: as many bytes as it gives of keystream. */
const STATE_BYTES: i32 = 256;

/**
 * Xors the XChaCha12 keystream into the body, `bytes` of it rounded up to 1024. The nonce is the 16 bytes at RIGHT, then
 * the two words of the tail. The upper word of the block counter stays 0.
 */
export function xorStream(bytes: i32, tailLow: i32, tailHigh: i32): void {
  deriveSubkey();
  mixEqualColumns(tailLow, tailHigh);
  for (let at = 0; at < bytes; at += STATES_END - STATES) xorSixteenBlocks(BODY + at, at >> 6, tailLow, tailHigh);
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

/**
 * COLUMNS := columns 1 to 3 of a state after the first round, where they are the same for all blocks of a stream: only
 * column 0 has the counter.
 */
function mixEqualColumns(tailLow: i32, tailHigh: i32): void {
  beginColumn(COLUMNS, 1, i32x4.splat(0x3320646e), i32x4.splat(0));
  beginColumn(COLUMNS, 2, i32x4.splat(0x79622d32), i32x4.splat(tailLow));
  beginColumn(COLUMNS, 3, i32x4.splat(0x6b206574), i32x4.splat(tailHigh));
}

function xorSixteenBlocks(at: i32, block: i32, tailLow: i32, tailHigh: i32): void {
  let first = block;
  for (let state = STATES; state < STATES_END; state += STATE_BYTES, first += 4) {
    beginColumn(state, 0, i32x4.splat(0x61707865), counters(first));
    copyColumn(state, 1);
    copyColumn(state, 2);
    copyColumn(state, 3);
  }
  mix();
  first = block;
  for (let state = STATES; state < STATES_END; state += STATE_BYTES, first += 4, at += STATE_BYTES) {
    end(state, at, first, tailLow, tailHigh);
  }
}

/** A column after the first round, which begins with a word of "expand 32-byte k" and ends with `last`. */
// @ts-ignore: decorator
@inline
function beginColumn(state: i32, column: i32, sigma: v128, last: v128): void {
  v128.store(state + 16 * column, sigma);
  v128.store(state + 16 * column, subkey(column), 64);
  v128.store(state + 16 * column, subkey(column + 4), 128);
  v128.store(state + 16 * column, last, 192);
  quarterRound(state, column, column + 4, column + 8, column + 12);
}

// @ts-ignore: decorator
@inline
function copyColumn(state: i32, column: i32): void {
  v128.store(state + 16 * column, v128.load(COLUMNS + 16 * column));
  v128.store(state + 16 * column, v128.load(COLUMNS + 16 * column, 64), 64);
  v128.store(state + 16 * column, v128.load(COLUMNS + 16 * column, 128), 128);
  v128.store(state + 16 * column, v128.load(COLUMNS + 16 * column, 192), 192);
}

/**
 * The 11 rounds after the first, each of all states before the next: the processor has 16 quarter rounds to work on at once.
 * Not in loops over the states, since with constant addresses no offset is computed.
 */
function mix(): void {
  for (let round = 2; ; round += 2) {
    diagonalRound(STATES);
    diagonalRound(STATES + STATE_BYTES);
    diagonalRound(STATES + 2 * STATE_BYTES);
    diagonalRound(STATES + 3 * STATE_BYTES);
    if (round == 12) return;
    columnRound(STATES);
    columnRound(STATES + STATE_BYTES);
    columnRound(STATES + 2 * STATE_BYTES);
    columnRound(STATES + 3 * STATE_BYTES);
  }
}

// @ts-ignore: decorator
@inline
function columnRound(state: i32): void {
  quarterRound(state, 0, 4, 8, 12);
  quarterRound(state, 1, 5, 9, 13);
  quarterRound(state, 2, 6, 10, 14);
  quarterRound(state, 3, 7, 11, 15);
}

// @ts-ignore: decorator
@inline
function diagonalRound(state: i32): void {
  quarterRound(state, 0, 5, 10, 15);
  quarterRound(state, 1, 6, 11, 12);
  quarterRound(state, 2, 7, 8, 13);
  quarterRound(state, 3, 4, 9, 14);
}

/**
 * The quarter round (RFC 8439, section 2.1) of four vectors of a state. They stay in memory: in locals the sixteen would be
 * more than the registers hold, and V8 would do all their steps in an order of its own.
 */
// @ts-ignore: decorator
@inline
function quarterRound(state: i32, w: i32, x: i32, y: i32, z: i32): void {
  let a = v128.load(state + 16 * w), b = v128.load(state + 16 * x), c = v128.load(state + 16 * y), d = v128.load(state + 16 * z);
  a = i32x4.add(a, b); d = rotate16(v128.xor(d, a));
  c = i32x4.add(c, d); b = rotate(v128.xor(b, c), 12);
  a = i32x4.add(a, b); d = rotate8(v128.xor(d, a));
  c = i32x4.add(c, d); b = rotate(v128.xor(b, c), 7);
  v128.store(state + 16 * w, a);
  v128.store(state + 16 * x, b);
  v128.store(state + 16 * y, c);
  v128.store(state + 16 * z, d);
}

/** Adds what the states began with, and xors the four blocks into the body. */
// @ts-ignore: decorator
@inline
function end(state: i32, at: i32, block: i32, tailLow: i32, tailHigh: i32): void {
  xorRows(at, sum(state, 0, i32x4.splat(0x61707865)), sum(state, 1, i32x4.splat(0x3320646e)), sum(state, 2, i32x4.splat(0x79622d32)), sum(state, 3, i32x4.splat(0x6b206574)));
  xorRows(at + 16, sum(state, 4, subkey(0)), sum(state, 5, subkey(1)), sum(state, 6, subkey(2)), sum(state, 7, subkey(3)));
  xorRows(at + 32, sum(state, 8, subkey(4)), sum(state, 9, subkey(5)), sum(state, 10, subkey(6)), sum(state, 11, subkey(7)));
  xorRows(at + 48, sum(state, 12, counters(block)), v128.load(state, 208), sum(state, 14, i32x4.splat(tailLow)), sum(state, 15, i32x4.splat(tailHigh)));
}

// @ts-ignore: decorator
@inline
function sum(state: i32, word: i32, before: v128): v128 {
  return i32x4.add(v128.load(state + 16 * word), before);
}

// @ts-ignore: decorator
@inline
function subkey(word: i32): v128 {
  return v128.load32_splat(SUBKEY + 4 * word);
}

// @ts-ignore: decorator
@inline
function counters(block: i32): v128 {
  return i32x4.add(i32x4.splat(block), i32x4(0, 1, 2, 3));
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
