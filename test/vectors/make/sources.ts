import { createHash } from "node:crypto";
import type { RandomSource } from "@umbel/core";

/** How `drawn` makes its bytes, for the head of a file of vectors. */
export const DRAWN =
  "What is drawn comes from SHA-256(seed | counter u32 big-endian), counter = 0, 1, ..., one after the other.";

/** How `named` makes its bytes, for the head of a file of vectors. */
export const NAMED =
  "bytes(s, n) = the first n bytes of SHA-256(s#0) | SHA-256(s#1) | ..., numbers in decimal.";

/** Bytes in place of random ones. */
export function drawn(seed: string): RandomSource {
  let counter = 0;
  let rest = Buffer.alloc(0);
  return {
    bytes(length) {
      while (rest.length < length) {
        const number = Buffer.alloc(4);
        number.writeUInt32BE(counter++);
        rest = Buffer.concat([rest, createHash("sha256").update(seed).update(number).digest()]);
      }
      const bytes = Uint8Array.from(rest.subarray(0, length));
      rest = rest.subarray(length);
      return bytes;
    },
  };
}

/** `length` bytes that go by the name `seed`. */
export function named(seed: string, length: number): Uint8Array {
  const parts: Buffer[] = [];
  for (let at = 0; at * 32 < length; at++) parts.push(createHash("sha256").update(`${seed}#${at}`).digest());
  return Uint8Array.from(Buffer.concat(parts).subarray(0, length));
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
