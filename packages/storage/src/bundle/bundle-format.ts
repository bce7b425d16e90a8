import {
  BLOCK_BYTES,
  type BlockId,
  type CryptoProvider,
  compareBytes,
  concat,
  equalBytes,
  LABELS,
  Reader,
  UmbelError,
  Writer,
} from "@umbel/core";
import type { BlockCopy } from "../block/block-network.ts";
import { BLOCK_ID_BYTES, blockIdBytes, blockIdFromBytes } from "../block/location.ts";
import { utf8 } from "../format/utf8.ts";
import { MAX_BUNDLE_ENTRIES } from "../limits.ts";

/*
 * A bundle (docs/spec/15-bundles.md): header | table | digest | blocks.
 *
 *     magic     12   "umbel bundle"
 *     version   u8   1
 *     zeros      7
 *     count     u32  1 to MAX_BUNDLE_ENTRIES
 *     table      33  for each entry: kind u8 | id 32, ids strictly ascending
 *     digest     32  SHA-256(label, all bytes before)
 *     blocks    BLOCK_BYTES for each entry, in the order of the table
 */
export const BUNDLE_HEADER_BYTES = 24;
const ENTRY_BYTES = 1 + BLOCK_ID_BYTES;
const DIGEST_BYTES = 32;

/** What an entry is: the number in the table, and the locations that it is put at. A number is never used again. */
export const BUNDLE_KINDS = {
  /** An ordinary block. */
  block: { number: 1, copies: [0] },
  /** A root. */
  root: { number: 2, copies: [0, 1, 2] },
  /** A slot, whose id is a blinded key. */
  slot: { number: 3, copies: [0, 1, 2] },
} as const satisfies Readonly<
  Record<string, { readonly number: number; readonly copies: readonly BlockCopy[] }>
>;
export type BundleKind = keyof typeof BUNDLE_KINDS;

export interface BundleEntry {
  readonly kind: BundleKind;
  readonly id: BlockId;
}

/** What a bundle holds, without the blocks: 33 bytes of memory for each entry. */
export interface BundleTable {
  readonly count: number;
  /** Names the bundle: 32 bytes. */
  readonly digest: Uint8Array;
  /** Header, table and digest, as they stand in the file. */
  readonly bytes: Uint8Array;
  /** Length of the whole file. */
  readonly fileBytes: number;
  entry(index: number): BundleEntry;
  /** Which entry an id is, or undefined. */
  indexOf(id: BlockId): number | undefined;
  /** Where in the file an entry's block begins. */
  position(index: number): number;
}

/** Bytes of header, table and digest of a bundle with `count` entries. */
export function bundleTableBytes(count: number): number {
  return BUNDLE_HEADER_BYTES + count * ENTRY_BYTES + DIGEST_BYTES;
}

/**
 * How many entries a bundle has, from its first BUNDLE_HEADER_BYTES. Throws BAD_ENCODING for what is no bundle, or one that this umbel does
 * not know.
 */
export function decodeBundleHeader(bytes: Uint8Array): number {
  const reader = new Reader(bytes, "bundle");
  if (!equalBytes(reader.bytes(MAGIC.length, "magic"), MAGIC))
    throw reader.fault("magic", "this is no bundle");
  const version = reader.u8("version");
  if (version !== VERSION) throw reader.fault("version", `${version} is not known to this umbel`);
  if (!equalBytes(reader.bytes(RESERVED.length, "reserved"), RESERVED))
    throw reader.fault("reserved", "not zero");
  const count = reader.u32("count");
  reader.finish();
  if (count < 1 || count > MAX_BUNDLE_ENTRIES) throw reader.fault("count", `${count}`);
  return count;
}

/** Reads header, table and digest; keeps `bytes`. Throws BAD_ENCODING. */
export function decodeBundleTable(crypto: CryptoProvider, bytes: Uint8Array): BundleTable {
  const count = decodeBundleHeader(bytes.subarray(0, BUNDLE_HEADER_BYTES));
  if (bytes.length !== bundleTableBytes(count)) throw bad("the table is cut short", bytes.length);
  const end = bytes.length - DIGEST_BYTES;
  const digest = bytes.subarray(end);
  if (!equalBytes(digest, digestOf(crypto, bytes.subarray(0, end)))) {
    throw bad("the table is damaged", BUNDLE_HEADER_BYTES);
  }
  for (let index = 0; index < count; index++) {
    const at = BUNDLE_HEADER_BYTES + index * ENTRY_BYTES;
    if (KIND_OF[bytes[at] as number] === undefined) throw bad(`entry ${index}: kind`, at);
    if (index > 0 && compareBytes(idIn(bytes, index - 1), idIn(bytes, index)) >= 0) {
      throw bad(`entry ${index}: order`, at);
    }
  }
  return tableOver(bytes, count);
}

/** Collects what is to go into a bundle, in any order; an id that comes twice stands in it once. */
export class BundleTableWriter {
  #rows: Uint8Array = new Uint8Array(1024 * ENTRY_BYTES);
  #count = 0;

  /** Throws LIMIT_REACHED past MAX_BUNDLE_ENTRIES. */
  add({ kind, id }: BundleEntry): void {
    if (this.#count >= MAX_BUNDLE_ENTRIES) {
      throw new UmbelError(
        "LIMIT_REACHED",
        `a bundle holds at most ${MAX_BUNDLE_ENTRIES} blocks: bundle parts of it instead`,
      );
    }
    const at = this.#count * ENTRY_BYTES;
    if (at === this.#rows.length) this.#rows = concat(this.#rows, new Uint8Array(this.#rows.length));
    this.#rows[at] = BUNDLE_KINDS[kind].number;
    this.#rows.set(blockIdBytes(id), at + 1);
    this.#count++;
  }

  /** Header, sorted table and digest. Throws BAD_INPUT without any entry. */
  finish(crypto: CryptoProvider): BundleTable {
    if (this.#count === 0) throw new UmbelError("BAD_INPUT", "a bundle needs at least one block");
    const rows = this.#sortedRows();
    const head = new Writer(BUNDLE_HEADER_BYTES + rows.length * ENTRY_BYTES);
    head.bytes(MAGIC).u8(VERSION).bytes(RESERVED).u32(rows.length);
    for (const row of rows) head.bytes(row);
    const before = head.finish();
    return tableOver(concat(before, digestOf(crypto, before)), rows.length);
  }

  #sortedRows(): readonly Uint8Array[] {
    const row = (index: number) => this.#rows.subarray(index * ENTRY_BYTES, (index + 1) * ENTRY_BYTES);
    const sorted = Array.from({ length: this.#count }, (_, index) => row(index)).sort(
      (a, b) => compareBytes(a.subarray(1), b.subarray(1)) || (b[0] as number) - (a[0] as number),
    );
    return sorted.filter(
      (one, at) =>
        at === 0 || compareBytes(one.subarray(1), (sorted[at - 1] as Uint8Array).subarray(1)) !== 0,
    );
  }
}

const MAGIC = utf8("umbel bundle");
const VERSION = 1;
const RESERVED = new Uint8Array(7);
const KIND_OF: Readonly<Record<number, BundleKind>> = Object.fromEntries(
  (Object.keys(BUNDLE_KINDS) as BundleKind[]).map((kind) => [BUNDLE_KINDS[kind].number, kind]),
);

function tableOver(bytes: Uint8Array, count: number): BundleTable {
  const position = (index: number) => bytes.length + index * BLOCK_BYTES;
  return {
    count,
    bytes,
    digest: bytes.subarray(bytes.length - DIGEST_BYTES),
    fileBytes: position(count),
    position,
    entry: (index) => ({
      kind: KIND_OF[bytes[BUNDLE_HEADER_BYTES + index * ENTRY_BYTES] as number] as BundleKind,
      id: blockIdFromBytes(idIn(bytes, index)),
    }),
    indexOf(id) {
      const wanted = blockIdBytes(id);
      let low = 0;
      let high = count;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (compareBytes(idIn(bytes, middle), wanted) < 0) low = middle + 1;
        else high = middle;
      }
      return low < count && equalBytes(idIn(bytes, low), wanted) ? low : undefined;
    },
  };
}

function idIn(bytes: Uint8Array, index: number): Uint8Array {
  const at = BUNDLE_HEADER_BYTES + index * ENTRY_BYTES + 1;
  return bytes.subarray(at, at + BLOCK_ID_BYTES);
}

function digestOf(crypto: CryptoProvider, before: Uint8Array): Uint8Array {
  return crypto.sha256(LABELS.bundleTable, before);
}

function bad(what: string, position: number): UmbelError {
  return new UmbelError("BAD_ENCODING", `bundle: ${what}, at byte ${position}`);
}
