import { BLOCK_BYTES, type BlockId, concat, encodeBase32, equalBytes, Reader, Writer } from "@umbel/core";
import {
  BLOCK_KIND,
  CHUNK_BYTES,
  type ChunkPosition,
  type Coding,
  comparePaths,
  DEFAULT_CODING,
  decodeAttributes,
  decodeIndex,
  decodePrivate,
  decodePublic,
  decodeTable,
  encodeAttributes,
  encodeEntry,
  encodeIndex,
  encodePrivate,
  encodePublic,
  openBytes,
  openChunk,
  openPiece,
  openRoot,
  openRootPublic,
  type Root,
  type RootPublic,
  type RootTree,
  sealChunk,
  sealKeyOf,
  sealPiece,
  TABLE_HEADER,
  type TableEntry,
  verifyKeyOf,
} from "@umbel/storage";
import { readUtf8, utf8 } from "../../../packages/storage/src/format/utf8.ts";
import {
  canonicalTarget,
  decodedOrRefused,
  type FuzzTarget,
  must,
  mustReencode,
  resolvedOrRefused,
} from "../target.ts";
import { crypto, noise } from "./fixed.ts";

const id = (label: string): BlockId => encodeBase32(noise(label, 32)) as BlockId;
const readKey = noise("read key", 32);
const children = [0, 1].map((at) => ({ rootId: id(`child ${at}`), verifyKey: noise(`key ${at}`, 32) }));
const noChildren = { kind: "inline", list: [] } as const;

const ids = (count: number) => Array.from({ length: count }, (_, at) => id(`id ${at}`));
const plain: Coding = { segmentData: 128, segmentParity: 0, crossSegments: 0 };
const treeOf = (leaves: number, count: number, coding: Coding): RootTree => ({
  leaves,
  coding,
  topIds: ids(count),
});

const publicParts: readonly RootPublic[] = [
  { content: undefined, children: noChildren, shared: undefined },
  {
    content: treeOf(2, 2, plain),
    children: { kind: "inline", list: children },
    shared: treeOf(3, 5, { segmentData: 3, segmentParity: 2, crossSegments: 1 }),
  },
  {
    content: treeOf(2, 9, DEFAULT_CODING),
    children: { kind: "tree", count: 700, tree: treeOf(2, 2, plain) },
    shared: undefined,
  },
];

const rootPublic: FuzzTarget = {
  name: "root-public",
  covers: ["decodePublic"],
  maxBytes: CHUNK_BYTES,
  seeds: () => publicParts.map(encodePublic),
  run(bytes) {
    const reader = new Reader(bytes, "root");
    const part = decodedOrRefused(["BAD_ENCODING"], () => decodePublic(reader));
    if (part !== undefined)
      mustReencode(bytes.subarray(0, bytes.length - reader.remaining), encodePublic(part));
  },
};

const inline = { kind: "inline", bytes: noise("content", 90) } as const;
const roots: readonly (readonly [Root, RootPublic])[] = [
  [{ kind: "file", name: "a name", attributes: {}, content: inline }, publicParts[0]!],
  [
    {
      ...{ kind: "file", name: undefined, content: inline },
      attributes: { modified: 1_700_000_000, mediaType: "text/plain" },
    },
    publicParts[0]!,
  ],
  [
    {
      ...{ kind: "folder", name: undefined, files: 5, bytes: 4000 },
      content: { kind: "tree", size: CHUNK_BYTES + 1, tree: publicParts[1]!.content! },
      children: publicParts[1]!.children,
      shared: publicParts[1]!.shared,
    },
    publicParts[1]!,
  ],
];

function rootParts(root: Root, part: RootPublic): Uint8Array {
  const head = encodePublic(part);
  return concat(Uint8Array.of(head.length >> 8, head.length), head, encodePrivate(root));
}

/** Input: length u16 of the public part | public part | private part, whose padding is left off. */
const rootPrivate: FuzzTarget = {
  name: "root-private",
  covers: ["decodePrivate"],
  maxBytes: CHUNK_BYTES,
  seeds: () => roots.map(([root, part]) => rootParts(root, part)),
  run(bytes) {
    const length = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
    const part = decodedOrRefused(["BAD_ENCODING"], () =>
      decodePublic(new Reader(bytes.subarray(2, 2 + length), "root")),
    );
    if (part === undefined) return;
    const given = bytes.subarray(2 + length);
    const root = decodedOrRefused(["BAD_ENCODING"], () => decodePrivate(given, part));
    if (root === undefined) return;
    const again = encodePrivate(root);
    mustReencode(given.subarray(0, again.length), again);
    must(
      given.subarray(again.length).every((byte) => byte === 0),
      "something stands in the padding",
    );
  },
};

const AT: ChunkPosition = { kind: BLOCK_KIND.root, level: 0, index: 0 };
const ROOT_KEY = () => sealKeyOf(crypto, verifyKeyOf(crypto, readKey), "rootPublic");

/** Input: 0 | bytes taken for a block, or 1 | plaintext of a block, sealed as its publisher would. */
const root: FuzzTarget = {
  name: "root",
  covers: ["openRoot", "openRootPublic", "openChunk", "openBytes"],
  maxBytes: BLOCK_BYTES + 64,
  seeds: () => [
    Uint8Array.of(0, ...noise("block", 64)),
    concat(Uint8Array.of(1), encodePublic(publicParts[1]!)),
  ],
  run(bytes) {
    const sealed = bytes[0] === 1 && bytes.length <= CHUNK_BYTES;
    const block = sealed ? sealChunk(crypto, ROOT_KEY(), AT, bytes.subarray(1)) : bytes.subarray(1);
    const codes = ["CRYPTO_FAILED", "BAD_ENCODING"] as const;
    const opened = openChunk(crypto, ROOT_KEY(), AT, block);
    must((opened !== undefined) === sealed, "a chunk opens exactly when it was sealed");
    must(openBytes(crypto, ROOT_KEY(), { ...AT, index: 1 }, block) === undefined, "a chunk opens elsewhere");
    decodedOrRefused(codes, () => openRootPublic(crypto, verifyKeyOf(crypto, readKey), block));
    const whole = decodedOrRefused(codes, () => openRoot(crypto, readKey, block));
    must(whole === undefined, "a private part that nobody sealed opens");
  },
};

/** Input: count u16 | the chunk, whose padding is left off. */
const index: FuzzTarget = {
  name: "index-block",
  covers: ["decodeIndex"],
  maxBytes: CHUNK_BYTES + 64,
  seeds: () => [concat(Uint8Array.of(0, 2), encodeIndex([id("first"), id("second")]).subarray(0, 120))],
  run(bytes) {
    const count = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
    const given = bytes.subarray(2);
    const chunk = new Uint8Array(Math.max(CHUNK_BYTES, given.length));
    chunk.set(given);
    const ids = decodedOrRefused(["BAD_ENCODING"], () => decodeIndex(chunk, count));
    if (ids !== undefined) mustReencode(chunk, encodeIndex(ids));
  },
};

const TOTALS_BYTES = 1 + 2 + 2 + 2 + 6;
const entries: readonly TableEntry[] = [
  { kind: "inline", path: "a/b.txt", attributes: {}, bytes: noise("small", 20) },
  { kind: "root", path: "a/größer.bin", attributes: { mediaType: "a/b" }, size: 90_000, readKey },
  { kind: "shared", path: "a/klein", attributes: { modified: 5 }, size: 600, block: 0, offset: 0, readKey },
  { kind: "shared", path: "b", attributes: {}, size: 700, block: 0, offset: 616, readKey },
  { kind: "shared", path: "c", attributes: {}, size: 30_000, block: 1, offset: 0, readKey },
  { kind: "inline", path: "index.html", attributes: {}, bytes: new Uint8Array(0) },
];
/** Bytes of an entry behind its attributes, by its kind, if it does not stand in the table. */
const REST_BYTES: readonly (number | undefined)[] = [undefined, undefined, 32, 38];

function table(list: readonly TableEntry[]): Uint8Array {
  const content = concat(TABLE_HEADER, ...list.map(encodeEntry));
  return rightTotals(concat(new Uint8Array(TOTALS_BYTES).fill(9, 0, 1), content));
}

/** Writes the totals of the entries as far as they can be read. */
function rightTotals(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= TOTALS_BYTES) return bytes;
  const totals = { files: 0, children: 0, shared: 0, bytes: 0 };
  const reader = new Reader(bytes.subarray(TOTALS_BYTES + 1), "table");
  try {
    while (reader.remaining > 0) {
      const kind = reader.u8("kind");
      const pathBytes = reader.u16("path length");
      const attributesBytes = reader.u8("attributes length");
      reader.bytes(pathBytes, "path");
      const size = reader.u64("size");
      reader.bytes(attributesBytes, "attributes");
      const rest = reader.bytes(REST_BYTES[kind] ?? size, "rest");
      totals.files += 1;
      totals.bytes += size;
      if (kind === 2) totals.children += 1;
      if (kind === 3) totals.shared = new Reader(rest, "place").u32("block") + 1;
    }
  } catch {
    // What cannot be read stays wrong.
  }
  const result = bytes.slice();
  const writer = new Writer(result.subarray(1, TOTALS_BYTES)).u16(totals.files % 2 ** 16);
  writer.u16(totals.children % 2 ** 16).u16(totals.shared % 2 ** 16);
  writer.u16(Math.floor(totals.bytes / 2 ** 32) % 2 ** 16);
  writer.u32(totals.bytes % 2 ** 32);
  return result;
}

/** Input: bytes that arrive at once u8 | files u16 | children u16 | shared blocks u16 | bytes u48 | table. */
const folderTable: FuzzTarget = {
  name: "table",
  covers: ["decodeTable"],
  maxBytes: 4000,
  words: ["../", "CON", "/", "\u00e9", "e\u0301", "A", "."],
  seeds: () => [table(entries), table([]), table(entries.slice(0, 1)), table(entries.slice(2, 3))],
  repair: rightTotals,
  async run(bytes) {
    if (bytes.length < TOTALS_BYTES) return;
    const reader = new Reader(bytes, "totals");
    const piece = reader.u8("piece") + 1;
    const totals = {
      files: reader.u16("files"),
      children: reader.u16("children"),
      shared: reader.u16("shared"),
      bytes: reader.u16("high") * 2 ** 32 + reader.u32("low"),
    };
    const content = reader.bytes(reader.remaining, "content");
    const decoded = await resolvedOrRefused(["BAD_ENCODING"], () =>
      all(decodeTable(inPieces(content, piece), totals)),
    );
    if (decoded === undefined) return;
    mustReencode(content, concat(TABLE_HEADER, ...decoded.map(encodeEntry)));
    const sorted = decoded.every(({ path }, at) => at === 0 || comparePaths(decoded[at - 1]!.path, path) < 0);
    must(sorted, "paths are not in order");
    must(decoded.length === totals.files, "another number of files than the root says");
  },
};

/** Input: offset u16 | size u16 | flags u8: 1 seals a piece there | bytes at the start of the block. */
const sharedPiece: FuzzTarget = {
  name: "piece",
  covers: ["openPiece"],
  maxBytes: 600,
  seeds: () => [Uint8Array.of(0, 5, 0, 100, 1, 7, 7), Uint8Array.of(0x7e, 0xf0, 0, 1, 0), new Uint8Array(40)],
  run(bytes) {
    if (bytes.length < 5) return;
    const head = new Reader(bytes, "piece");
    const [offset, size, flags] = [head.u16("offset"), head.u16("size"), head.u8("flags")];
    const block = new Uint8Array(BLOCK_BYTES);
    block.set(head.bytes(head.remaining, "start"));
    const content = noise("piece", 64).slice(0, Math.min(size, 64));
    const sealed = sealPiece(crypto, readKey, content);
    const isThere = (flags & 1) !== 0 && offset + sealed.length <= BLOCK_BYTES;
    if (isThere) block.set(sealed, offset);
    const opened = decodedOrRefused(["CRYPTO_FAILED", "BAD_ENCODING"], () =>
      openPiece(crypto, readKey, block, offset, size),
    );
    must((opened !== undefined) === (isThere && size <= 64), "a piece opens exactly where it was sealed");
    if (opened !== undefined) must(equalBytes(opened, content), "a piece opens to other bytes");
  },
};

/** Input: attributes as they stand in a table or root. */
const attributes = canonicalTarget({
  name: "attributes",
  covers: ["decodeAttributes"],
  maxBytes: 200,
  codes: ["BAD_ENCODING"],
  words: ["text/html", "a/b", "/"],
  seeds: () => [
    encodeAttributes({ modified: 1 }),
    encodeAttributes({ mediaType: "text/html" }),
    encodeAttributes({ modified: 253_402_300_799, mediaType: "image/svg+xml" }),
  ],
  decode(bytes) {
    const reader = new Reader(bytes, "attributes");
    const decoded = decodeAttributes(reader, bytes.length);
    reader.finish();
    return decoded;
  },
  encode: encodeAttributes,
});

async function* inPieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const utf8Text = canonicalTarget({
  name: "utf8",
  covers: ["readUtf8"],
  maxBytes: 200,
  codes: ["BAD_ENCODING"],
  words: ["é", "€", "𝄞", "\u0000"],
  seeds: () => [utf8("aé€𝄞")],
  decode: (bytes) => ({ text: readUtf8(new Reader(bytes, "text"), bytes.length, "text") }),
  encode({ text }, input) {
    must(equalBytes(new TextEncoder().encode(text), input), "another text than the platform reads");
    return utf8(text);
  },
});

/** What stands in blocks. */
export const FORMAT_TARGETS: readonly FuzzTarget[] = [
  rootPublic,
  rootPrivate,
  root,
  index,
  folderTable,
  sharedPiece,
  attributes,
  utf8Text,
];
