const GROWTH = 4;

/**
 * Puts a message together from pieces of any size. It copies them, since a piece is a view into the record that it came in: a peer
 * that sends single bytes would otherwise make this node keep a whole record for each.
 */
export class ByteCollector {
  readonly #max: number;
  readonly #expected: number;
  #held: Uint8Array | undefined;
  #length = 0;

  /** Takes up to `max` bytes. Room for `expected` of them is made at once, when the first piece comes. */
  constructor(max: number, expected = 0) {
    this.#max = max;
    this.#expected = Math.min(expected, max);
  }

  /** Bytes of memory in use. */
  get bytes(): number {
    return this.#held?.length ?? 0;
  }

  /** Appends a piece. False, and the piece is not kept, when the whole would be longer than `max`. */
  append(piece: Uint8Array): boolean {
    const length = this.#length + piece.length;
    if (length > this.#max) return false;
    this.#roomFor(length).set(piece, this.#length);
    this.#length = length;
    return true;
  }

  /** What was put together: the caller's from now on. */
  take(): Uint8Array {
    const held = this.#held ?? new Uint8Array(0);
    return this.#length === held.length ? held : held.slice(0, this.#length);
  }

  #roomFor(length: number): Uint8Array {
    const held = this.#held;
    if (held !== undefined && length <= held.length) return held;
    const size = Math.max(length, this.#expected, GROWTH * this.bytes);
    const grown = new Uint8Array(Math.min(this.#max, size));
    if (held !== undefined) grown.set(held);
    this.#held = grown;
    return grown;
  }
}
