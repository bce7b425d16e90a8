// NH with four passes (ePrint 2018/720, section 5), all four over one reading of the message.
import { NH_KEY } from "./layout";
import { absorb, FULL } from "./poly1305";

/** Feeds the NH value of `bytes` (a multiple of 16, at most 1024) at `from` to Poly1305, as two blocks. */
export function absorbNh(from: i32, bytes: i32): void {
  let sum0 = i64x2.splat(0);
  let sum1 = i64x2.splat(0);
  let sum2 = i64x2.splat(0);
  let sum3 = i64x2.splat(0);
  let key = NH_KEY;
  for (const end = from + bytes; from < end; from += 16, key += 16) {
    const words = v128.load(from);
    sum0 = i64x2.add(sum0, products(words, v128.load(key)));
    sum1 = i64x2.add(sum1, products(words, v128.load(key, 16)));
    sum2 = i64x2.add(sum2, products(words, v128.load(key, 32)));
    sum3 = i64x2.add(sum3, products(words, v128.load(key, 48)));
  }
  absorb(total(sum0), total(sum1), FULL);
  absorb(total(sum2), total(sum3), FULL);
}

/** (m0 + k0)(m2 + k2) and (m1 + k1)(m3 + k3), the additions modulo 2^32. */
// @ts-ignore: decorator
@inline
function products(words: v128, key: v128): v128 {
  const sums = i32x4.add(words, key);
  return i64x2.extmul_low_i32x4_u(sums, v128.shuffle<i32>(sums, sums, 2, 3, 0, 1));
}

// @ts-ignore: decorator
@inline
function total(sum: v128): u64 {
  return i64x2.extract_lane(sum, 0) + i64x2.extract_lane(sum, 1);
}
