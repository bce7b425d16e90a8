import { base32nopad } from "@scure/base";
import { UmbelError } from "../errors.ts";

/** RFC 4648 base32 in lower case without padding. */
export function encodeBase32(bytes: Uint8Array): string {
  return base32nopad.encode(bytes).toLowerCase();
}

/** Undoes `encodeBase32` for exactly `length` bytes. Throws BAD_ENCODING on any other form. */
export function decodeBase32(text: string, length: number): Uint8Array {
  const bytes = /^[a-z2-7]*$/.test(text) ? decodeOrNothing(text.toUpperCase()) : undefined;
  if (bytes === undefined || bytes.length !== length || encodeBase32(bytes) !== text) {
    throw new UmbelError("BAD_ENCODING", `not base32 of ${length} bytes`);
  }
  return bytes;
}

function decodeOrNothing(upper: string): Uint8Array | undefined {
  try {
    return base32nopad.decode(upper);
  } catch {
    return undefined;
  }
}
