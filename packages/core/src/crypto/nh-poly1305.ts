import { NH_UNIT_WORDS, NH_VALUE_WORDS, nh } from "./nh.ts";
import type { Poly1305Hash } from "./poly1305.ts";

const value = new Uint32Array(NH_VALUE_WORDS);

/**
 * Adds the NH-Poly1305 hash of `count` words of `message` (a multiple of 4) to the four words of `to`, modulo 2^128:
 * Poly1305 over the NH values of units of at most 1024 bytes (ePrint 2018/720, section 5). `poly` is fresh.
 */
export function addNhPoly1305(
  nhKey: Uint32Array,
  poly: Poly1305Hash,
  message: Uint32Array,
  count: number,
  to: Uint32Array,
): void {
  for (let at = 0; at < count; at += NH_UNIT_WORDS) {
    nh(nhKey, message, at, Math.min(NH_UNIT_WORDS, count - at), value);
    poly.block(value, 0);
    poly.block(value, 4);
  }
  poly.addTo(to);
  value.fill(0);
}
