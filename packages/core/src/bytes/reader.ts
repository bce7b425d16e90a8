import { UmbelError } from "../errors.ts";

/**
 * A cursor over one array that insists on the end: every decoder ends with `finish`. All numbers are big-endian. Every
 * fault is BAD_ENCODING and names what was read: "descriptor.port: 1 byte missing at 34".
 */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  #at = 0;

  /** `what` names the whole in errors. The array is not copied. */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  /** Bytes not yet read. */
  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(field: string): number {
    return this.#view.getUint8(this.#advance(1, field));
  }

  u16(field: string): number {
    return this.#view.getUint16(this.#advance(2, field));
  }

  u32(field: string): number {
    return this.#view.getUint32(this.#advance(4, field));
  }

  /** A u64 of at most 2^53 - 1, so that a number holds it exactly. */
  u64(field: string): number {
    const at = this.#advance(8, field);
    const value = this.#view.getUint32(at) * 2 ** 32 + this.#view.getUint32(at + 4);
    if (value > Number.MAX_SAFE_INTEGER) throw this.fault(field, `above 2^53 - 1 at ${at}`);
    return value;
  }

  /** A view of the next `length` bytes. */
  bytes(length: number, field: string): Uint8Array {
    const at = this.#advance(length, field);
    return this.#bytes.subarray(at, at + length);
  }

  /** Reads all that is left, which must be zero: padding, as the last field. */
  zeros(field: string): void {
    const rest = this.bytes(this.remaining, field);
    const at = rest.findIndex((byte) => byte !== 0);
    if (at >= 0) throw this.fault(field, `not zero at ${rest.byteOffset - this.#bytes.byteOffset + at}`);
  }

  /** The end of the decoder. Throws when bytes are left. */
  finish(): void {
    if (this.remaining > 0) throw this.fault("end", `${counted(this.remaining)} too many at ${this.#at}`);
  }

  /** The error for a field whose value is not allowed: `throw reader.fault("kind", "unknown")`. */
  fault(field: string, problem: string): UmbelError {
    return new UmbelError("BAD_ENCODING", `${this.#what}.${field}: ${problem}`);
  }

  #advance(length: number, field: string): number {
    const missing = length - this.remaining;
    if (missing > 0) throw this.fault(field, `${counted(missing)} missing at ${this.#bytes.length}`);
    const at = this.#at;
    this.#at += length;
    return at;
  }
}

function counted(bytes: number): string {
  return bytes === 1 ? "1 byte" : `${bytes} bytes`;
}
