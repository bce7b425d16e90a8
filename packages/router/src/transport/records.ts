import { MAX_RECORD_BYTES } from "@umbel/core";
import { MAX_SPARE_RECORDS } from "../limits.ts";

/** Memory of records that have left. New memory is zeroed first, which costs half as much as sealing what comes into it. */
const spare: ArrayBufferLike[] = [];

/** `length` bytes for a record, with anything in them: to be written whole. At most MAX_RECORD_BYTES. */
export function takeRecord(length: number): Uint8Array {
  if (length < MAX_RECORD_BYTES / 2) return new Uint8Array(length);
  return new Uint8Array(spare.pop() ?? new ArrayBuffer(MAX_RECORD_BYTES), 0, length);
}

/** Takes back a record that nobody will look at again. Memory that `takeRecord` would not use is let go. */
export function giveBackRecord({ buffer }: Uint8Array): void {
  if (buffer.byteLength === MAX_RECORD_BYTES && spare.length < MAX_SPARE_RECORDS) spare.push(buffer);
}
