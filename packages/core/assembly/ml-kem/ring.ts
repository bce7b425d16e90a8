// Polynomials over Z_3329 modulo X^256 + 1 (FIPS 203, section 4): 256 coefficients of 4 bytes in [0, 3329). Constant in time:
// nothing branches on, divides by or looks up by a coefficient, but the sampling of the public matrix.
import { SHAKE128, SHAKE256, XOF_END, absorb, begin, permute, squeeze, turn, STATE } from "./keccak";

export const Q: i32 = 3329;
/** Bytes of a polynomial. */
export const POLY: i32 = 1024;

/** 17 to the power of each 7-bit number with its bits reversed. */
const ZETAS = memory.data<u16>([
  1, 1729, 2580, 3289, 2642, 630, 1897, 848, 1062, 1919, 193, 797, 2786, 3260, 569, 1746,
  296, 2447, 1339, 1476, 3046, 56, 2240, 1333, 1426, 2094, 535, 2882, 2393, 2879, 1974, 821,
  289, 331, 3253, 1756, 1197, 2304, 2277, 2055, 650, 1977, 2513, 632, 2865, 33, 1320, 1915,
  2319, 1435, 807, 452, 1438, 2868, 1534, 2402, 2647, 2617, 1481, 648, 2474, 3110, 1227, 910,
  17, 2761, 583, 2649, 1637, 723, 2288, 1100, 1409, 2662, 3281, 233, 756, 2156, 3015, 3050,
  1703, 1651, 2789, 1789, 1847, 952, 1461, 2687, 939, 2308, 2437, 2388, 733, 2337, 268, 641,
  1584, 2298, 2037, 3220, 375, 2549, 2090, 1645, 1063, 319, 2773, 757, 2099, 561, 2466, 2594,
  2804, 1092, 403, 1026, 1143, 2150, 2775, 886, 1722, 1212, 1874, 1029, 2110, 2935, 885, 2154,
]);
/** 1/128. */
const INVERSE_128: i32 = 3303;

/** NTT, algorithm 9. */
export function ntt(poly: i32): void {
  let index = 1;
  for (let length = POLY >> 1; length >= 8; length >>= 1) {
    for (let start = poly; start < poly + POLY; start += 2 * length) {
      const zeta = i32(load<u16>(ZETAS + 2 * index++));
      for (let at = start; at < start + length; at += 4) {
        const turned = reduce(zeta * load<i32>(at + length));
        const value = load<i32>(at);
        store<i32>(at + length, wrap(value - turned));
        store<i32>(at, wrap(value + turned - Q));
      }
    }
  }
}

/** NTT^-1, algorithm 10. */
export function inverseNtt(poly: i32): void {
  let index = 127;
  for (let length = 8; length <= POLY >> 1; length <<= 1) {
    for (let start = poly; start < poly + POLY; start += 2 * length) {
      const zeta = i32(load<u16>(ZETAS + 2 * index--));
      for (let at = start; at < start + length; at += 4) {
        const low = load<i32>(at);
        const high = load<i32>(at + length);
        store<i32>(at, wrap(low + high - Q));
        store<i32>(at + length, reduce(zeta * wrap(high - low)));
      }
    }
  }
  for (let at = poly; at < poly + POLY; at += 4) store<i32>(at, reduce(load<i32>(at) * INVERSE_128));
}

/** `sum` += `f` times `g`, all in NTT form: algorithms 11 and 12. */
export function multiplyAdd(sum: i32, f: i32, g: i32): void {
  for (let at = 0, index = 64; at < POLY; at += 16, index++) {
    const zeta = i32(load<u16>(ZETAS + 2 * index));
    multiplyPair(sum + at, f + at, g + at, zeta);
    multiplyPair(sum + at + 8, f + at + 8, g + at + 8, Q - zeta);
  }
}

// @ts-ignore: decorator
@inline
function multiplyPair(sum: i32, f: i32, g: i32, gamma: i32): void {
  const f0 = load<i32>(f);
  const f1 = load<i32>(f, 4);
  const g0 = load<i32>(g);
  const g1 = load<i32>(g, 4);
  const low = reduce(f0 * g0 + reduce(f1 * g1) * gamma);
  const high = reduce(f0 * g1 + f1 * g0);
  store<i32>(sum, wrap(load<i32>(sum) + low - Q));
  store<i32>(sum, wrap(load<i32>(sum, 4) + high - Q), 4);
}

export function add(sum: i32, other: i32): void {
  for (let at = 0; at < POLY; at += 4) store<i32>(sum + at, wrap(load<i32>(sum + at) + load<i32>(other + at) - Q));
}

/** `from` := `from` - `other`. */
export function subtract(from: i32, other: i32): void {
  for (let at = 0; at < POLY; at += 4) store<i32>(from + at, wrap(load<i32>(from + at) - load<i32>(other + at)));
}

/** SampleNTT, algorithm 7, of the 34 bytes at `seed`: what it reads is public. */
export function sampleUniform(poly: i32, seed: i32): void {
  begin();
  absorb(seed, 34, SHAKE128);
  turn(SHAKE128, XOF_END);
  let at = poly;
  for (;;) {
    for (let from = STATE; from < STATE + SHAKE128; from += 3) {
      const low = i32(load<u8>(from)) | ((i32(load<u8>(from, 1)) & 15) << 8);
      const high = (i32(load<u8>(from, 1)) >> 4) | (i32(load<u8>(from, 2)) << 4);
      if (low < Q) {
        store<i32>(at, low);
        at += 4;
        if (at === poly + POLY) return;
      }
      if (high < Q) {
        store<i32>(at, high);
        at += 4;
        if (at === poly + POLY) return;
      }
    }
    permute();
  }
}

/** SamplePolyCBD_2 of PRF_2 (algorithm 8), of the 33 bytes at `seed`. `noise` is 128 bytes of room. */
export function sampleNoise(poly: i32, seed: i32, noise: i32): void {
  begin();
  absorb(seed, 33, SHAKE256);
  turn(SHAKE256, XOF_END);
  squeeze(noise, 128);
  for (let byte = 0; byte < 128; byte++) {
    const bits = i32(load<u8>(noise + byte));
    const pairs = (bits & 0x55) + ((bits >> 1) & 0x55);
    store<i32>(poly + 8 * byte, wrap((pairs & 3) - ((pairs >> 2) & 3)));
    store<i32>(poly + 8 * byte, wrap(((pairs >> 4) & 3) - (pairs >> 6)), 4);
  }
}

/** ByteEncode_d, algorithm 5. */
export function encode(to: i32, poly: i32, d: i32): void {
  let held: u32 = 0;
  let bits = 0;
  for (let at = 0; at < POLY; at += 4) {
    held |= u32(load<i32>(poly + at)) << bits;
    bits += d;
    for (; bits >= 8; bits -= 8) {
      store<u8>(to++, u8(held));
      held >>= 8;
    }
  }
}

/** ByteDecode_d, algorithm 6, without the reduction for d = 12. */
export function decode(poly: i32, from: i32, d: i32): void {
  let held: u32 = 0;
  let bits = 0;
  for (let at = 0; at < POLY; at += 4) {
    for (; bits < d; bits += 8) held |= u32(load<u8>(from++)) << bits;
    store<i32>(poly + at, held & ((1 << d) - 1));
    held >>= d;
    bits -= d;
  }
}

/** Compress_d of each coefficient: a multiplication in place of the division, exact below 41 million. */
export function compress(poly: i32, d: i32): void {
  for (let at = poly; at < poly + POLY; at += 4) {
    const scaled = (u64(load<i32>(at)) << d) + 1664;
    store<i32>(at, i32((scaled * 20642679) >> 36) & ((1 << d) - 1));
  }
}

/** Decompress_d of each coefficient. */
export function decompress(poly: i32, d: i32): void {
  for (let at = poly; at < poly + POLY; at += 4) {
    store<i32>(at, (load<i32>(at) * Q + (1 << (d - 1))) >> d);
  }
}

/** 1 if a coefficient is not below 3329, else 0. */
export function exceeds(poly: i32): i32 {
  let bits = 0;
  for (let at = poly; at < poly + POLY; at += 4) bits |= Q - 1 - load<i32>(at);
  return bits >>> 31;
}

/** x modulo 3329, for 0 <= x < 2^25. */
// @ts-ignore: decorator
@inline
function reduce(x: i32): i32 {
  const quotient = i32((u64(x) * 1290167) >> 32);
  return wrap(x - quotient * Q - Q);
}

/** x or x + 3329, whichever is in [0, 3329), for -3329 <= x < 3329. */
// @ts-ignore: decorator
@inline
function wrap(x: i32): i32 {
  return x + ((x >> 31) & Q);
}
