// The polynomial of Poly1305 (RFC 8439, section 2.5) in five limbs of 26 bits. No branch depends on a limb.
import { LIMBS } from "./layout";

const MASK: u64 = 0x3ffffff;
/** The bit above a full block of 16 bytes, in limb 4. */
export const FULL: u64 = 1 << 24;

/** Sets the sum to zero and the key to the 16 bytes at `key`, clamped. */
export function reset(key: i32): void {
  memory.fill(LIMBS, 0, 40);
  const low = load<u64>(key) & 0x0ffffffc0fffffff;
  const high = load<u64>(key, 8) & 0x0ffffffc0ffffffc;
  setFactor(0, low & MASK);
  setFactor(8, (low >> 26) & MASK);
  setFactor(16, ((low >> 52) | (high << 12)) & MASK);
  setFactor(24, (high >> 14) & MASK);
  setFactor(32, high >> 40);
}

// @ts-ignore: decorator
@inline
function setFactor(at: i32, limb: u64): void {
  store<u64>(LIMBS + 40 + at, limb);
  store<u64>(LIMBS + 80 + at, 5 * limb);
}

/** sum := (sum + block) r. `top` is FULL, or 0 for a last block that carries its 1 bit itself. */
export function absorb(low: u64, high: u64, top: u64): void {
  const h0 = load<u64>(LIMBS) + (low & MASK);
  const h1 = load<u64>(LIMBS, 8) + ((low >> 26) & MASK);
  const h2 = load<u64>(LIMBS, 16) + (((low >> 52) | (high << 12)) & MASK);
  const h3 = load<u64>(LIMBS, 24) + ((high >> 14) & MASK);
  const h4 = load<u64>(LIMBS, 32) + ((high >> 40) | top);
  const r0 = load<u64>(LIMBS, 40);
  const r1 = load<u64>(LIMBS, 48);
  const r2 = load<u64>(LIMBS, 56);
  const r3 = load<u64>(LIMBS, 64);
  const r4 = load<u64>(LIMBS, 72);
  const s1 = load<u64>(LIMBS, 88);
  const s2 = load<u64>(LIMBS, 96);
  const s3 = load<u64>(LIMBS, 104);
  const s4 = load<u64>(LIMBS, 112);
  const d0 = h0 * r0 + h1 * s4 + h2 * s3 + h3 * s2 + h4 * s1;
  const d1 = h0 * r1 + h1 * r0 + h2 * s4 + h3 * s3 + h4 * s2 + (d0 >> 26);
  const d2 = h0 * r2 + h1 * r1 + h2 * r0 + h3 * s4 + h4 * s3 + (d1 >> 26);
  const d3 = h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * s4 + (d2 >> 26);
  const d4 = h0 * r4 + h1 * r3 + h2 * r2 + h3 * r1 + h4 * r0 + (d3 >> 26);
  const wrapped = (d0 & MASK) + 5 * (d4 >> 26);
  store<u64>(LIMBS, wrapped & MASK);
  store<u64>(LIMBS, (d1 & MASK) + (wrapped >> 26), 8);
  store<u64>(LIMBS, d2 & MASK, 16);
  store<u64>(LIMBS, d3 & MASK, 24);
  store<u64>(LIMBS, d4 & MASK, 32);
}

/** Writes the 128 low bits of the sum modulo 2^130 - 5 to `to`. */
export function finish(to: i32): void {
  // Two carries around: limb 1 may be a little above 26 bits, and a carry out of limb 4 returns into limb 0.
  carry();
  carry();
  const h0 = load<u64>(LIMBS);
  const h1 = load<u64>(LIMBS, 8);
  const h2 = load<u64>(LIMBS, 16);
  const h3 = load<u64>(LIMBS, 24);
  const h4 = load<u64>(LIMBS, 32);
  // The number is 2^130 - 5 or above exactly if adding 5 carries out of limb 4; then the sum with 5, cut, is the rest.
  const over = (h4 + ((h3 + ((h2 + ((h1 + ((h0 + 5) >> 26)) >> 26)) >> 26)) >> 26)) >> 26;
  const low = h0 | (h1 << 26) | (h2 << 52);
  const high = (h2 >> 12) | (h3 << 14) | (h4 << 40);
  const sum = low + 5 * over;
  store<u64>(to, sum);
  store<u64>(to, high + u64(sum < low), 8);
}

function carry(): void {
  const h0 = load<u64>(LIMBS);
  const h1 = load<u64>(LIMBS, 8) + (h0 >> 26);
  const h2 = load<u64>(LIMBS, 16) + (h1 >> 26);
  const h3 = load<u64>(LIMBS, 24) + (h2 >> 26);
  const h4 = load<u64>(LIMBS, 32) + (h3 >> 26);
  store<u64>(LIMBS, (h0 & MASK) + 5 * (h4 >> 26));
  store<u64>(LIMBS, h1 & MASK, 8);
  store<u64>(LIMBS, h2 & MASK, 16);
  store<u64>(LIMBS, h3 & MASK, 24);
  store<u64>(LIMBS, h4 & MASK, 32);
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
