/**
 * Writes fields one after the other into an array of a size known beforehand, numbers big-endian. Only our own code can
 * get sizes wrong, so every fault is a RangeError.
 */
export class Writer {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  /** A new array of `size` zeros, or the array given, which is written in place. */
  constructor(target: number | Uint8Array) {
    this.#bytes = typeof target === "number" ? new Uint8Array(target) : target;
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
  }

  u8(value: number): this {
    this.#view.setUint8(this.#advance(1), checked(value, 2 ** 8 - 1));
    return this;
  }

  u16(value: number): this {
    this.#view.setUint16(this.#advance(2), checked(value, 2 ** 16 - 1));
    return this;
  }

  u32(value: number): this {
    this.#view.setUint32(this.#advance(4), checked(value, 2 ** 32 - 1));
    return this;
  }

  /** A u64 of at most 2^53 - 1. */
  u64(value: number): this {
    checked(value, Number.MAX_SAFE_INTEGER);
    const at = this.#advance(8);
    this.#view.setUint32(at, Math.floor(value / 2 ** 32));
    this.#view.setUint32(at + 4, value % 2 ** 32);
    return this;
  }

  bytes(bytes: Uint8Array): this {
    this.#bytes.set(bytes, this.#advance(bytes.length));
    return this;
  }

  /** Fills the rest with zeros. */
  zeros(): this {
    this.#bytes.fill(0, this.#at);
    this.#at = this.#bytes.length;
    return this;
  }

  /** The array, which must be full. */
  finish(): Uint8Array {
    if (this.#at !== this.#bytes.length)
      throw new RangeError(`${this.#bytes.length - this.#at} bytes unwritten`);
    return this.#bytes;
  }

  #advance(length: number): number {
    const at = this.#at;
    if (at + length > this.#bytes.length) throw new RangeError(`${length} bytes do not fit at ${at}`);
    this.#at += length;
    return at;
  }
}

function checked(value: number, max: number): number {
  if (!Number.isInteger(value) || value < 0 || value > max)
    throw new RangeError(`${value} is not in 0 to ${max}`);
  return value;
}
