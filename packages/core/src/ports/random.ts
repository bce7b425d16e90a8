/** A source of random bytes: the system's in production, a seeded one in simulations. */
export interface RandomSource {
  /** `length` fresh bytes, owned by the caller. */
  bytes(length: number): Uint8Array;
}

/** A uniform integer in [0, bound), 1 <= bound <= 2^32, by rejection. */
export function randomBelow(random: RandomSource, bound: number): number {
  if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) throw new RangeError(`bound ${bound}`);
  const limit = 2 ** 32 - (2 ** 32 % bound);
  for (;;) {
    const [a, b, c, d] = random.bytes(4) as unknown as [number, number, number, number];
    const value = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
    if (value < limit) return value % bound;
  }
}

/** A uniformly shuffled copy of `items` (Fisher-Yates). */
export function shuffled<Item>(random: RandomSource, items: readonly Item[]): Item[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = randomBelow(random, last + 1);
    const held = result[last] as Item;
    result[last] = result[other] as Item;
    result[other] = held;
  }
  return result;
}
