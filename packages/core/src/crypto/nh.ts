/** Words of an NH key: 256 for one unit and 4 more for each further pass (ePrint 2018/720, section 5). */
export const NH_KEY_WORDS = 268;
/** Words of the longest message that one NH value covers. */
export const NH_UNIT_WORDS = 256;
/** Words of an NH value: four passes of 64 bits. */
export const NH_VALUE_WORDS = 8;

const TWO_16 = 2 ** 16;
const TWO_32 = 2 ** 32;
/** Strides of 4 words whose sums stay exact in a double: 2 products below 2^48 each, so 32 of them below 2^53. */
const STRIDES_PER_FLUSH = 16;

/**
 * NH with four passes over `count` words (a multiple of 4, at most 256) of `message` from `from` on; writes four 64-bit
 * sums as eight little-endian words to `value`. A pass adds (m0 + k0)(m2 + k2) + (m1 + k1)(m3 + k3) per 4 words.
 *
 * Each 32 x 32 bit product is taken as two products with 16-bit halves, which doubles hold exactly.
 */
export function nh(
  key: Uint32Array,
  message: Uint32Array,
  from: number,
  count: number,
  value: Uint32Array,
): void {
  value.fill(0);
  const step = 4 * STRIDES_PER_FLUSH;
  for (let at = 0; at < count; at += step) {
    const words = Math.min(step, count - at);
    for (let pass = 0; pass < 4; pass++)
      addPass(key, at + 4 * pass, message, from + at, words, value, 2 * pass);
  }
}

function addPass(
  key: Uint32Array,
  keyFrom: number,
  message: Uint32Array,
  from: number,
  count: number,
  value: Uint32Array,
  to: number,
): void {
  let low = 0;
  let high = 0;
  for (let at = 0; at < count; at += 4) {
    const m = from + at;
    const k = keyFrom + at;
    const left0 = (message[m]! + key[k]!) >>> 0;
    const left1 = (message[m + 1]! + key[k + 1]!) >>> 0;
    const right0 = (message[m + 2]! + key[k + 2]!) | 0;
    const right1 = (message[m + 3]! + key[k + 3]!) | 0;
    low += left0 * (right0 & 0xffff) + left1 * (right1 & 0xffff);
    high += left0 * (right0 >>> 16) + left1 * (right1 >>> 16);
  }
  addTo64(value, to, low, high);
}

/** value[at, at + 1] += low + 2^16 high, modulo 2^64; `low` and `high` are below 2^53. */
function addTo64(value: Uint32Array, at: number, low: number, high: number): void {
  const shifted = (high % TWO_16) * TWO_16;
  const sum = value[at]! + (low % TWO_32) + shifted;
  const carry = Math.floor(sum / TWO_32);
  value[at] = sum % TWO_32;
  value[at + 1] = (value[at + 1]! + Math.floor(low / TWO_32) + Math.floor(high / TWO_16) + carry) % TWO_32;
}
