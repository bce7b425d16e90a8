import { UmbelError } from "@umbel/core";

/** Takes exact lengths from a stream of arrays of any length. Holds one array at a time beside what is being taken. */
export class ByteSource {
  readonly #arrays: AsyncIterator<Uint8Array>;
  readonly #what: string;
  #held: Uint8Array = new Uint8Array(0);

  /** `what` names the whole in errors. */
  constructor(arrays: AsyncIterable<Uint8Array>, what: string) {
    this.#arrays = arrays[Symbol.asyncIterator]();
    this.#what = what;
  }

  /** The next `length` bytes, not shared with anybody. Throws BAD_ENCODING when the stream ends before. */
  async take(length: number, field: string): Promise<Uint8Array> {
    const result = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      if (this.#held.length === 0 && !(await this.#next())) throw this.fault(field, "the end comes before");
      const part = this.#held.subarray(0, length - at);
      result.set(part, at);
      at += part.length;
      this.#held = this.#held.subarray(part.length);
    }
    return result;
  }

  /** True when nothing is left. */
  async ended(): Promise<boolean> {
    while (this.#held.length === 0) if (!(await this.#next())) return true;
    return false;
  }

  /** Tells the stream that nothing more is wanted. */
  async close(): Promise<void> {
    await this.#arrays.return?.();
  }

  /** The error for a field whose value is not allowed. */
  fault(field: string, problem: string): UmbelError {
    return new UmbelError("BAD_ENCODING", `${this.#what}.${field}: ${problem}`);
  }

  async #next(): Promise<boolean> {
    const { done, value } = await this.#arrays.next();
    if (done === true) return false;
    this.#held = value;
    return true;
  }
}
