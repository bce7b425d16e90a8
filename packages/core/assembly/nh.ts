// NH with four passes (ePrint 2018/720, section 5), all four over one reading of the message.
import { NH_PAIRS } from "./layout";
import { absorb, FULL } from "./poly1305";

/** Bytes of the key: 1024 and, for the passes after the first, 48 more. */
const KEY_BYTES: i32 = 1072;

/**
 * NH_PAIRS := for each 16 bytes of the key at `key` and the 16 that follow them, their low halves, then their high halves.
 * The words to multiply then stand in the same places of two vectors, for 32 bytes of message at once.
 */
export function pairKeys(key: i32): void {
  for (let at = 0; at < KEY_BYTES - 16; at += 16) {
    const one = v128.load(key + at), other = v128.load(key + at, 16);
    v128.store(NH_PAIRS + 2 * at, v128.shuffle<i64>(one, other, 0, 2));
    v128.store(NH_PAIRS + 2 * at, v128.shuffle<i64>(one, other, 1, 3), 16);
  }
}

/**
 * Feeds the NH value of `bytes` (a multiple of 16, at most 1024) at `from` to Poly1305, as two blocks. Of 16 bytes that is
 * the sum of (m0 + k0)(m2 + k2) and (m1 + k1)(m3 + k3), the inner additions modulo 2^32.
 */
export function absorbNh(from: i32, bytes: i32): void {
  let sum0 = i64x2.splat(0);
  let sum1 = i64x2.splat(0);
  let sum2 = i64x2.splat(0);
  let sum3 = i64x2.splat(0);
  let key = NH_PAIRS;
  const end = from + bytes;
  for (const even = from + (bytes & ~31); from < even; from += 32, key += 64) {
    const one = v128.load(from), other = v128.load(from, 16);
    const low = v128.shuffle<i64>(one, other, 0, 2), high = v128.shuffle<i64>(one, other, 1, 3);
    sum0 = i64x2.add(sum0, products(i32x4.add(low, v128.load(key)), i32x4.add(high, v128.load(key, 16))));
    sum1 = i64x2.add(sum1, products(i32x4.add(low, v128.load(key, 32)), i32x4.add(high, v128.load(key, 48))));
    sum2 = i64x2.add(sum2, products(i32x4.add(low, v128.load(key, 64)), i32x4.add(high, v128.load(key, 80))));
    sum3 = i64x2.add(sum3, products(i32x4.add(low, v128.load(key, 96)), i32x4.add(high, v128.load(key, 112))));
  }
  if (from < end) {
    const low = v128.load(from), high = v128.shuffle<i64>(low, low, 1, 0);
    sum0 = i64x2.add(sum0, lastProducts(low, high, key));
    sum1 = i64x2.add(sum1, lastProducts(low, high, key + 32));
    sum2 = i64x2.add(sum2, lastProducts(low, high, key + 64));
    sum3 = i64x2.add(sum3, lastProducts(low, high, key + 96));
  }
  absorb(total(sum0), total(sum1), FULL);
  absorb(total(sum2), total(sum3), FULL);
}

/** The products of the lanes of `a` and `b`, those of lanes 0 and 2 in one sum, those of lanes 1 and 3 in the other. */
// @ts-ignore: decorator
@inline
function products(a: v128, b: v128): v128 {
  return i64x2.add(i64x2.extmul_low_i32x4_u(a, b), i64x2.extmul_high_i32x4_u(a, b));
}

/** Those of the last 16 bytes alone. */
// @ts-ignore: decorator
@inline
function lastProducts(low: v128, high: v128, key: i32): v128 {
  return i64x2.extmul_low_i32x4_u(i32x4.add(low, v128.load(key)), i32x4.add(high, v128.load(key, 16)));
}

// @ts-ignore: decorator
@inline
function total(sum: v128): u64 {
  return i64x2.extract_lane(sum, 0) + i64x2.extract_lane(sum, 1);
}
