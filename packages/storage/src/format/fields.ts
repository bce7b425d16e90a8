import { UmbelError } from "@umbel/core";

/** Reads fixed fields from one array; every fault is BAD_ENCODING and names what was being read. */
export class FieldReader {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #at = 0;

  /** `what` begins the message of an error: "a root". */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  get rest(): number {
    return this.#bytes.length - this.#at;
  }

  /** A view of the next `length` bytes. */
  take(length: number, field: string): Uint8Array {
    if (length > this.rest) throw this.bad(`${field}: ${length - this.rest} bytes are missing`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  u8(field: string): number {
    return this.take(1, field)[0] as number;
  }

  u16(field: string): number {
    return viewOf(this.take(2, field)).getUint16(0);
  }

  u32(field: string): number {
    return viewOf(this.take(4, field)).getUint32(0);
  }

  /** A u64 up to `max`. */
  u64(field: string, max: number): number {
    const value = viewOf(this.take(8, field)).getBigUint64(0);
    if (value > BigInt(max)) throw this.bad(`${field}: ${value} is more than ${max}`);
    return Number(value);
  }

  /** Well-formed UTF-8 of `length` bytes. */
  text(length: number, field: string): string {
    const bytes = this.take(length, field);
    try {
      return decodeURIComponent(
        Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, "0")}`).join(""),
      );
    } catch {
      throw this.bad(`${field}: not UTF-8`);
    }
  }

  /** The end: whatever is left must be zero. */
  padding(): void {
    if (!this.#bytes.subarray(this.#at).every((byte) => byte === 0)) throw this.bad("padding: not zero");
  }

  bad(reason: string): UmbelError {
    return new UmbelError("BAD_ENCODING", `${this.#what} cannot be read: ${reason}`);
  }
}

export function u8(value: number): Uint8Array {
  return Uint8Array.of(value);
}

export function u16(value: number): Uint8Array {
  const bytes = new Uint8Array(2);
  viewOf(bytes).setUint16(0, value);
  return bytes;
}

export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, value);
  return bytes;
}

export function u64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  viewOf(bytes).setBigUint64(0, BigInt(value));
  return bytes;
}

/** UTF-8 of well-formed text. */
export function utf8(text: string): Uint8Array {
  const escaped = encodeURIComponent(text);
  const bytes: number[] = [];
  for (let at = 0; at < escaped.length; at++) {
    if (escaped[at] === "%") {
      bytes.push(Number.parseInt(escaped.slice(at + 1, at + 3), 16));
      at += 2;
    } else bytes.push(escaped.charCodeAt(at));
  }
  return Uint8Array.from(bytes);
}

/** One array of all parts. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
