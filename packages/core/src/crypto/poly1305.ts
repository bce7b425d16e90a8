const LIMBS = 10;
const LIMB_BITS = 13;
const LIMB_MASK = 0x1fff;
const LIMB = 2 ** LIMB_BITS;

/** The polynomial part of Poly1305 (RFC 8439, section 2.5) without the final addition of s, as Adiantum uses it. */
export interface Poly1305Hash {
  /** Forgets all blocks. */
  reset(): void;
  /** Takes the 16 bytes that the words at `from`..`from + 3` hold, with the bit above them set. */
  block(words: Uint32Array, from: number): void;
  /** Takes a last block of `length` < 16 bytes: the words at `from` hold it and a 1 byte after it, then zeros. */
  shortBlock(words: Uint32Array, from: number): void;
  /** Adds the 128 low bits of the reduced sum to the four words of `to`, modulo 2^128. */
  addTo(to: Uint32Array): void;
  /** Overwrites key and state. */
  wipe(): void;
}

/** A hash under the 16-byte key in the words at `from`..`from + 3` of `key`, clamped as RFC 8439 says. */
export function createPoly1305(key: Uint32Array, from: number): Poly1305Hash {
  const state = new Float64Array(LIMBS);
  const factors = factorsOf(key, from);
  const product = new Float64Array(LIMBS);
  const take = (words: Uint32Array, at: number, top: number): void => {
    addWords(state, words, at, top);
    multiply(state, factors, product);
  };
  return {
    reset: () => void state.fill(0),
    block: (words, at) => take(words, at, 1 << 11),
    shortBlock: (words, at) => take(words, at, 0),
    addTo: (to) => addReduced(state, product, to),
    wipe() {
      state.fill(0);
      factors.fill(0);
      product.fill(0);
    },
  };
}

/** r as limbs at 10..19 and 5 r at 0..9, so that factor [10 + i - j] carries limb j of a product into limb i. */
function factorsOf(key: Uint32Array, from: number): Float64Array {
  const clamped = Uint32Array.of(
    key[from]! & 0x0fffffff,
    key[from + 1]! & 0x0ffffffc,
    key[from + 2]! & 0x0ffffffc,
    key[from + 3]! & 0x0ffffffc,
  );
  const r = new Float64Array(LIMBS);
  addWords(r, clamped, 0, 0);
  const factors = new Float64Array(2 * LIMBS);
  for (let limb = 0; limb < LIMBS; limb++) {
    factors[limb] = 5 * r[limb]!;
    factors[LIMBS + limb] = r[limb]!;
  }
  return factors;
}

/** Adds a 128-bit number, and `top` in the limb above bit 117. */
function addWords(limbs: Float64Array, words: Uint32Array, at: number, top: number): void {
  const w0 = words[at]!;
  const w1 = words[at + 1]!;
  const w2 = words[at + 2]!;
  const w3 = words[at + 3]!;
  limbs[0]! += w0 & LIMB_MASK;
  limbs[1]! += (w0 >>> 13) & LIMB_MASK;
  limbs[2]! += ((w0 >>> 26) | (w1 << 6)) & LIMB_MASK;
  limbs[3]! += (w1 >>> 7) & LIMB_MASK;
  limbs[4]! += ((w1 >>> 20) | (w2 << 12)) & LIMB_MASK;
  limbs[5]! += (w2 >>> 1) & LIMB_MASK;
  limbs[6]! += (w2 >>> 14) & LIMB_MASK;
  limbs[7]! += ((w2 >>> 27) | (w3 << 5)) & LIMB_MASK;
  limbs[8]! += (w3 >>> 8) & LIMB_MASK;
  limbs[9]! += (w3 >>> 21) | top;
}

/** limbs := limbs * r modulo 2^130 - 5, each limb again near 13 bits. */
function multiply(limbs: Float64Array, factors: Float64Array, product: Float64Array): void {
  for (let i = 0; i < LIMBS; i++) {
    let sum = 0;
    for (let j = 0; j < LIMBS; j++) sum += limbs[j]! * factors[LIMBS + i - j]!;
    product[i] = sum;
  }
  carry(product, limbs);
}

/** Carries once around: limb 9 returns into limb 0 times 5, whose own excess goes to limb 1. */
function carry(from: Float64Array, to: Float64Array): void {
  let excess = 0;
  for (let limb = 0; limb < LIMBS; limb++) {
    const sum = from[limb]! + excess;
    excess = Math.floor(sum / LIMB);
    to[limb] = sum - excess * LIMB;
  }
  const wrapped = to[0]! + 5 * excess;
  excess = Math.floor(wrapped / LIMB);
  to[0] = wrapped - excess * LIMB;
  to[1]! += excess;
}

function addReduced(state: Float64Array, scratch: Float64Array, to: Uint32Array): void {
  carry(state, scratch);
  carry(scratch, scratch);
  subtractPrime(scratch);
  let sum = 0;
  let bits = 0;
  let limb = 0;
  for (let word = 0; word < 4; word++) {
    sum += to[word]!;
    // The 32 bits of this word come from limbs at bits 13 limb of the whole number.
    for (; LIMB_BITS * limb < 32 * word + 32 && limb < LIMBS; limb++) {
      bits = LIMB_BITS * limb - 32 * word;
      sum += scratch[limb]! * 2 ** bits;
    }
    to[word] = sum % 2 ** 32;
    sum = Math.floor(sum / 2 ** 32);
  }
}

/** Subtracts 2^130 - 5 once if the number is not below it. The limbs are in range. */
function subtractPrime(limbs: Float64Array): void {
  let excess = 5;
  for (let limb = 0; limb < LIMBS; limb++) excess = Math.floor((limbs[limb]! + excess) / LIMB);
  if (excess === 0) return;
  let add = 5;
  for (let limb = 0; limb < LIMBS; limb++) {
    const sum = limbs[limb]! + add;
    add = Math.floor(sum / LIMB);
    limbs[limb] = sum - add * LIMB;
  }
}
