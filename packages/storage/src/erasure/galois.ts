/** GF(2^8) by the polynomial x^8 + x^4 + x^3 + x^2 + 1: a byte is a polynomial over bits, addition is xor (docs/spec/10-erasure-code.md). */
export const FIELD_POLYNOMIAL = 0x11d;

/** The product of two field elements, 0 to 255. */
export function multiply(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : powerOfTwo(logarithm(a) + logarithm(b));
}

/** The quotient a / b of field elements; b is not 0. */
export function divide(a: number, b: number): number {
  return a === 0 ? 0 : powerOfTwo(logarithm(a) + ORDER - logarithm(b));
}

/** The inverse of a field element; not 0. */
export function inverse(a: number): number {
  return divide(1, a);
}

/** Nonzero elements: all of them are powers of 2. */
const ORDER = 255;
const POWERS = new Uint8Array(2 * ORDER);
const LOGARITHMS = new Uint8Array(ORDER + 1);
for (let exponent = 0, power = 1; exponent < ORDER; exponent++) {
  POWERS[exponent] = power;
  POWERS[exponent + ORDER] = power;
  LOGARITHMS[power] = exponent;
  power <<= 1;
  if (power > ORDER) power ^= FIELD_POLYNOMIAL;
}

/** 2 to the power of `exponent`, 0 to 509. */
function powerOfTwo(exponent: number): number {
  return POWERS[exponent] as number;
}

function logarithm(a: number): number {
  return LOGARITHMS[a] as number;
}
