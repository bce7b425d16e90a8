// The polynomial of Poly1305 (RFC 8439, section 2.5) in limbs of 32 bits. No branch depends on a limb.
import { LIMBS } from "./layout";

const MASK: u64 = 0xffffffff;
/** The bit above a full block of 16 bytes, in limb 4. */
export const FULL: u64 = 1;

/** Sets the sum to zero and the key to the 16 bytes at `key`, clamped. */
export function reset(key: i32): void {
  v128.store(LIMBS, i64x2.splat(0));
  v128.store(LIMBS, i64x2.splat(0), 16);
  store<u64>(LIMBS, 0, 32);
  store<u64>(LIMBS, load<u32>(key) & 0x0fffffff, 40);
  setFactor(0, load<u32>(key, 4));
  setFactor(8, load<u32>(key, 8));
  setFactor(16, load<u32>(key, 12));
}

/** Limb 1, 2 or 3 of the key. Clamping makes it a multiple of 4, so that 2^128 times it is 5/4 of it. */
// @ts-ignore: decorator
@inline
function setFactor(at: i32, word: u64): void {
  const limb = word & 0x0ffffffc;
  store<u64>(LIMBS + 48 + at, limb);
  store<u64>(LIMBS + 72 + at, limb + (limb >> 2));
}

/**
 * sum := (sum + block) r. `top` is FULL, or 0 for a last block that carries its 1 bit itself. A factor is below 1.25 * 2^28
 * and a limb with its part of the block below 2^33 + 2, limb 4 at most 4: no sum of products reaches 2^64.
 */
export function absorb(low: u64, high: u64, top: u64): void {
  const h0 = load<u64>(LIMBS) + (low & MASK);
  const h1 = load<u64>(LIMBS, 8) + (low >> 32);
  const h2 = load<u64>(LIMBS, 16) + (high & MASK);
  const h3 = load<u64>(LIMBS, 24) + (high >> 32);
  const h4 = load<u64>(LIMBS, 32) + top;
  const r0 = load<u64>(LIMBS, 40);
  const r1 = load<u64>(LIMBS, 48);
  const r2 = load<u64>(LIMBS, 56);
  const r3 = load<u64>(LIMBS, 64);
  const s1 = load<u64>(LIMBS, 72);
  const s2 = load<u64>(LIMBS, 80);
  const s3 = load<u64>(LIMBS, 88);
  const d0 = h0 * r0 + h1 * s3 + h2 * s2 + h3 * s1;
  const d1 = h0 * r1 + h1 * r0 + h2 * s3 + h3 * s2 + h4 * s1 + (d0 >> 32);
  const d2 = h0 * r2 + h1 * r1 + h2 * r0 + h3 * s3 + h4 * s2 + (d1 >> 32);
  const d3 = h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * s3 + (d2 >> 32);
  const d4 = h4 * r0 + (d3 >> 32);
  const wrapped = (d0 & MASK) + 5 * (d4 >> 2);
  store<u64>(LIMBS, wrapped & MASK);
  store<u64>(LIMBS, (d1 & MASK) + (wrapped >> 32), 8);
  store<u64>(LIMBS, d2 & MASK, 16);
  store<u64>(LIMBS, d3 & MASK, 24);
  store<u64>(LIMBS, d4 & 3, 32);
}

/** Writes the 128 low bits of the sum modulo 2^130 - 5 to `to`. */
export function finish(to: i32): void {
  const h0 = load<u64>(LIMBS);
  const h1 = load<u64>(LIMBS, 8);
  const h2 = load<u64>(LIMBS, 16);
  const h3 = load<u64>(LIMBS, 24);
  const h4 = load<u64>(LIMBS, 32);
  // The number is 2^130 - 5 or above exactly if adding 5 carries out of its 130 bits; then the sum with 5, cut, is the rest.
  const over = (h4 + ((h3 + ((h2 + ((h1 + ((h0 + 5) >> 32)) >> 32)) >> 32)) >> 32)) >> 2;
  const s0 = h0 + 5 * over;
  const s1 = h1 + (s0 >> 32);
  const s2 = h2 + (s1 >> 32);
  store<u32>(to, u32(s0));
  store<u32>(to, u32(s1), 4);
  store<u32>(to, u32(s2), 8);
  store<u32>(to, u32(h3 + (s2 >> 32)), 12);
}
/** The 128-bit number at `to` plus the one at `addend`, modulo 2^128. */
export function add128(to: i32, addend: i32): void {
  const before = load<u64>(to);
  const low = before + load<u64>(addend);
  store<u64>(to, low);
  store<u64>(to, load<u64>(to, 8) + load<u64>(addend, 8) + u64(low < before), 8);
}

/** The 128-bit number at `from` minus the one at `subtrahend`, modulo 2^128. */
export function subtract128(from: i32, subtrahend: i32): void {
  const before = load<u64>(from);
  const less = load<u64>(subtrahend);
  store<u64>(from, before - less);
  store<u64>(from, load<u64>(from, 8) - load<u64>(subtrahend, 8) - u64(before < less), 8);
}
