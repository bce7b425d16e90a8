// Keccak-f[1600] and the sponge around it (FIPS 202), for ML-KEM.

/** 25 words of 8 bytes. */
export const STATE: i32 = 0;
/** The words between rho and pi and chi. */
const MOVED: i32 = 256;

/** Bytes of a block: of SHAKE128, of SHAKE256 and SHA3-256, of SHA3-512. */
export const SHAKE128: i32 = 168;
export const SHAKE256: i32 = 136;
export const SHA3_256: i32 = 136;
export const SHA3_512: i32 = 72;
/** What ends the input: of SHAKE, of SHA3. */
export const XOF_END: u8 = 0x1f;
export const HASH_END: u8 = 0x06;

const ROUND_CONSTANTS = memory.data<u64>([
  0x1, 0x8082, 0x800000000000808a,
  0x8000000080008000, 0x808b, 0x80000001,
  0x8000000080008081, 0x8000000000008009, 0x8a,
  0x88, 0x80008009, 0x8000000a,
  0x8000808b, 0x800000000000008b, 0x8000000000008089,
  0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
  0x800a, 0x800000008000000a, 0x8000000080008081,
  0x8000000000008080, 0x80000001, 0x8000000080008008,
]);

let offset: i32 = 0;

/** Begins an input. */
export function begin(): void {
  memory.fill(STATE, 0, 200);
  offset = 0;
}

/** Takes `bytes` at `from` in. */
export function absorb(from: i32, bytes: i32, rate: i32): void {
  for (let at = 0; at < bytes; at++) {
    store<u8>(STATE + offset, load<u8>(STATE + offset) ^ load<u8>(from + at));
    if (++offset === rate) {
      permute();
      offset = 0;
    }
  }
}

/** Ends the input. */
export function turn(rate: i32, end: u8): void {
  store<u8>(STATE + offset, load<u8>(STATE + offset) ^ end);
  store<u8>(STATE + rate - 1, load<u8>(STATE + rate - 1) ^ 0x80);
  permute();
  offset = 0;
}

/** Writes the next `bytes` of output, at most to the end of this block. */
export function squeeze(to: i32, bytes: i32): void {
  memory.copy(to, STATE + offset, bytes);
  offset += bytes;
}

/** The permutation. */
export function permute(): void {
  for (let round = 0; round < 24; round++) {
    const c0 = column(0);
    const c1 = column(1);
    const c2 = column(2);
    const c3 = column(3);
    const c4 = column(4);
    const d0 = c4 ^ rotl<u64>(c1, 1);
    const d1 = c0 ^ rotl<u64>(c2, 1);
    const d2 = c1 ^ rotl<u64>(c3, 1);
    const d3 = c2 ^ rotl<u64>(c4, 1);
    const d4 = c3 ^ rotl<u64>(c0, 1);
    move(0, 0, 0, d0);
    move(1, 10, 1, d1);
    move(2, 20, 62, d2);
    move(3, 5, 28, d3);
    move(4, 15, 27, d4);
    move(5, 16, 36, d0);
    move(6, 1, 44, d1);
    move(7, 11, 6, d2);
    move(8, 21, 55, d3);
    move(9, 6, 20, d4);
    move(10, 7, 3, d0);
    move(11, 17, 10, d1);
    move(12, 2, 43, d2);
    move(13, 12, 25, d3);
    move(14, 22, 39, d4);
    move(15, 23, 41, d0);
    move(16, 8, 45, d1);
    move(17, 18, 15, d2);
    move(18, 3, 21, d3);
    move(19, 13, 8, d4);
    move(20, 14, 18, d0);
    move(21, 24, 2, d1);
    move(22, 9, 61, d2);
    move(23, 19, 56, d3);
    move(24, 4, 14, d4);
    for (let row = 0; row < 200; row += 40) chi(row);
    store<u64>(STATE, load<u64>(STATE) ^ load<u64>(ROUND_CONSTANTS + 8 * round));
  }
}

/** The sum of a column: theta. */
// @ts-ignore: decorator
@inline
function column(x: i32): u64 {
  const at = STATE + 8 * x;
  return load<u64>(at) ^ load<u64>(at, 40) ^ load<u64>(at, 80) ^ load<u64>(at, 120) ^ load<u64>(at, 160);
}

/** One word, with the sum of its neighbour columns, to where it belongs: theta, rho and pi. */
// @ts-ignore: decorator
@inline
function move(from: i32, to: i32, by: i32, d: u64): void {
  store<u64>(MOVED + 8 * to, rotl<u64>(load<u64>(STATE + 8 * from) ^ d, by));
}

// @ts-ignore: decorator
@inline
function chi(row: i32): void {
  const b0 = load<u64>(MOVED + row);
  const b1 = load<u64>(MOVED + row, 8);
  const b2 = load<u64>(MOVED + row, 16);
  const b3 = load<u64>(MOVED + row, 24);
  const b4 = load<u64>(MOVED + row, 32);
  store<u64>(STATE + row, b0 ^ (~b1 & b2));
  store<u64>(STATE + row, b1 ^ (~b2 & b3), 8);
  store<u64>(STATE + row, b2 ^ (~b3 & b4), 16);
  store<u64>(STATE + row, b3 ^ (~b4 & b0), 24);
  store<u64>(STATE + row, b4 ^ (~b0 & b1), 32);
}
