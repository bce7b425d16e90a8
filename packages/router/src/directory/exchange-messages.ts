import { compareBytes, MAX_DESCRIPTOR_BYTES, Reader, Writer } from "@umbel/core";
import { MAX_PUSH_DESCRIPTORS, MAX_RANGE_HASHES, MAX_SYNC_HASHES, MAX_SYNC_RANGES } from "../limits.ts";
import { ID_NIBBLES, type IdRange, type RangeSummary } from "./digest.ts";

/** Version of the directory protocol, u8: the first byte of each message. */
export const DIRECTORY_PROTOCOL_VERSION = 1;

/** One range that a caller asks about: with a summary where it holds many descriptors, with all hashes where few. */
export type SyncRange = { readonly period: number; readonly range: IdRange } & (
  | { readonly form: "summary"; readonly summary: RangeSummary }
  | { readonly form: "hashes"; readonly hashes: readonly Uint8Array[] }
);

/** What the answerer says to one range. */
export type SyncAnswer =
  /** Nothing differs. */
  | { readonly kind: "same" }
  /** Ask about the parts: their summaries, 16, in order. */
  | { readonly kind: "split"; readonly parts: readonly RangeSummary[] }
  /** The caller lacks `descriptors`; the answerer lacks the hashes at the indices `wanted`. */
  | {
      readonly kind: "items";
      readonly wanted: readonly number[];
      readonly descriptors: readonly Uint8Array[];
    }
  /** This response was full: ask again. */
  | { readonly kind: "later" }
  /** The answerer does not hold this period. */
  | { readonly kind: "unheld" };

export type DirectoryRequest =
  | { readonly kind: "sync"; readonly ranges: readonly SyncRange[] }
  | { readonly kind: "push"; readonly descriptors: readonly Uint8Array[] };

const REQUEST = { sync: 1, push: 2 } as const;
const FORM = { summary: 1, hashes: 2 } as const;
const ANSWER = { same: 0, split: 1, items: 2, later: 3, unheld: 4 } as const;
const PARTS = 16;
const SUMMARY_BYTES = 4 + 32;

/*
 * SYNC: version u8 | kind u8 = 1 | ranges u8 (1 to 64) | each: period u32 | nibbles u8 (0 to 64) | packed nibbles, a zero
 *   one at an odd end | form u8 | summary: count u32, digest 32 | or hashes: count u8 (0 to 128), 32 each, ascending
 * PUSH: version u8 | kind u8 = 2 | descriptors u8 (1 to 128) | each: length u16, bytes
 * docs/spec/06-directory.md, Exchange.
 */
export function encodeDirectoryRequest(request: DirectoryRequest): Uint8Array {
  if (request.kind === "push") {
    const { descriptors } = request;
    const writer = new Writer(3 + listBytes(descriptors)).u8(DIRECTORY_PROTOCOL_VERSION).u8(REQUEST.push);
    return writeList(writer.u8(descriptors.length), descriptors).finish();
  }
  const { ranges } = request;
  const writer = new Writer(3 + ranges.reduce((sum, range) => sum + rangeBytes(range), 0))
    .u8(DIRECTORY_PROTOCOL_VERSION)
    .u8(REQUEST.sync)
    .u8(ranges.length);
  for (const range of ranges) writeRange(writer, range);
  return writer.finish();
}

/** Undoes `encodeDirectoryRequest`. Throws BAD_ENCODING on any other form. Descriptors are not looked into. */
export function decodeDirectoryRequest(bytes: Uint8Array): DirectoryRequest {
  const reader = new Reader(bytes, "directory request");
  readVersion(reader);
  const kind = reader.u8("kind");
  if (kind === REQUEST.push) {
    const descriptors = readList(reader, counted(reader, "descriptors", 1, MAX_PUSH_DESCRIPTORS));
    reader.finish();
    return { kind: "push", descriptors };
  }
  if (kind !== REQUEST.sync) throw reader.fault("kind", "unknown");
  const count = counted(reader, "ranges", 1, MAX_SYNC_RANGES);
  const ranges = Array.from({ length: count }, () => readRange(reader));
  reader.finish();
  const hashes = ranges.reduce((sum, each) => sum + (each.form === "hashes" ? each.hashes.length : 0), 0);
  if (hashes > MAX_SYNC_HASHES) throw reader.fault("hashes", "too many");
  return { kind: "sync", ranges };
}

/*
 * version u8 | answers u8 | each: kind u8 | same, later, unheld: nothing | split: 16 times count u32, digest 32 |
 *   items: wanted u8, indices u8 ascending | descriptors u8 (0 to 128), each: length u16, bytes
 */
export function encodeSyncResponse(answers: readonly SyncAnswer[]): Uint8Array {
  const writer = new Writer(2 + answers.reduce((sum, answer) => sum + answerBytes(answer), 0))
    .u8(DIRECTORY_PROTOCOL_VERSION)
    .u8(answers.length);
  for (const answer of answers) {
    writer.u8(ANSWER[answer.kind]);
    if (answer.kind === "split") for (const part of answer.parts) writer.u32(part.count).bytes(part.digest);
    if (answer.kind !== "items") continue;
    writer.u8(answer.wanted.length);
    for (const index of answer.wanted) writer.u8(index);
    writeList(writer.u8(answer.descriptors.length), answer.descriptors);
  }
  return writer.finish();
}

/** Undoes `encodeSyncResponse` for the answers to `asked`. Throws BAD_ENCODING on any other form. */
export function decodeSyncResponse(bytes: Uint8Array, asked: readonly SyncRange[]): SyncAnswer[] {
  const reader = new Reader(bytes, "directory response");
  readVersion(reader);
  if (reader.u8("answers") !== asked.length) throw reader.fault("answers", "not as many as ranges");
  const answers = asked.map((range) => readAnswer(reader, range));
  reader.finish();
  return answers;
}

/** The response to a PUSH: version u8. */
export function encodePushResponse(): Uint8Array {
  return Uint8Array.of(DIRECTORY_PROTOCOL_VERSION);
}

function rangeBytes(range: SyncRange): number {
  const fixed = 4 + 1 + Math.ceil(range.range.length / 2) + 1;
  return fixed + (range.form === "summary" ? SUMMARY_BYTES : 1 + 32 * range.hashes.length);
}

function writeRange(writer: Writer, range: SyncRange): void {
  const nibbles = range.range;
  writer.u32(range.period).u8(nibbles.length);
  for (let at = 0; at < nibbles.length; at += 2) writer.u8((nibbles[at]! << 4) | (nibbles[at + 1] ?? 0));
  writer.u8(FORM[range.form]);
  if (range.form === "summary") {
    writer.u32(range.summary.count).bytes(range.summary.digest);
    return;
  }
  writer.u8(range.hashes.length);
  for (const hash of range.hashes) writer.bytes(hash);
}

function readRange(reader: Reader): SyncRange {
  const period = reader.u32("period");
  const length = counted(reader, "nibbles", 0, ID_NIBBLES);
  const nibbles = [...reader.bytes(Math.ceil(length / 2), "range")].flatMap((byte) => [byte >> 4, byte & 15]);
  if (nibbles.length > length && nibbles.pop() !== 0) throw reader.fault("range", "not zero at its end");
  const form = reader.u8("form");
  if (form === FORM.summary) return { period, range: nibbles, form: "summary", summary: readSummary(reader) };
  if (form !== FORM.hashes) throw reader.fault("form", "unknown");
  const count = counted(reader, "hashes", 0, MAX_RANGE_HASHES);
  const hashes = Array.from({ length: count }, () => reader.bytes(32, "hash"));
  if (hashes.some((hash, at) => at > 0 && compareBytes(hashes[at - 1]!, hash) >= 0)) {
    throw reader.fault("hash", "not ascending");
  }
  return { period, range: nibbles, form: "hashes", hashes };
}

function answerBytes(answer: SyncAnswer): number {
  if (answer.kind === "split") return 1 + PARTS * SUMMARY_BYTES;
  if (answer.kind !== "items") return 1;
  return 1 + 1 + answer.wanted.length + 1 + listBytes(answer.descriptors);
}

function readAnswer(reader: Reader, asked: SyncRange): SyncAnswer {
  const kind = reader.u8("kind");
  switch (kind) {
    case ANSWER.same:
      return { kind: "same" };
    case ANSWER.later:
      return { kind: "later" };
    case ANSWER.unheld:
      return { kind: "unheld" };
    case ANSWER.split: {
      if (asked.range.length >= ID_NIBBLES) throw reader.fault("kind", "a single id cannot be split");
      return { kind: "split", parts: Array.from({ length: PARTS }, () => readSummary(reader)) };
    }
    case ANSWER.items: {
      if (asked.form !== "hashes") throw reader.fault("kind", "items without hashes");
      const wanted = [...reader.bytes(counted(reader, "wanted", 0, asked.hashes.length), "wanted")];
      if (wanted.some((index, at) => index >= asked.hashes.length || (at > 0 && wanted[at - 1]! >= index))) {
        throw reader.fault("wanted", "not ascending indices");
      }
      const count = counted(reader, "descriptors", 0, MAX_RANGE_HASHES);
      return { kind: "items", wanted, descriptors: readList(reader, count) };
    }
    default:
      throw reader.fault("kind", "unknown");
  }
}

function readSummary(reader: Reader): RangeSummary {
  return { count: reader.u32("count"), digest: reader.bytes(32, "digest") };
}

function listBytes(list: readonly Uint8Array[]): number {
  return list.reduce((sum, each) => sum + 2 + each.length, 0);
}

function writeList(writer: Writer, list: readonly Uint8Array[]): Writer {
  for (const each of list) writer.u16(each.length).bytes(each);
  return writer;
}

function readList(reader: Reader, count: number): Uint8Array[] {
  return Array.from({ length: count }, () => {
    const length = reader.u16("descriptor length");
    if (length > MAX_DESCRIPTOR_BYTES) throw reader.fault("descriptor length", "too long");
    return reader.bytes(length, "descriptor");
  });
}

function counted(reader: Reader, field: string, min: number, max: number): number {
  const count = reader.u8(field);
  if (count < min || count > max) throw reader.fault(field, `not ${min} to ${max}`);
  return count;
}

function readVersion(reader: Reader): void {
  if (reader.u8("version") !== DIRECTORY_PROTOCOL_VERSION) throw reader.fault("version", "unknown");
}
