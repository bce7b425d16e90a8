import { BLOCK_BYTES, type BlockId, concat, encodeBase32, equalBytes, Reader, Writer } from "@umbel/core";
import {
  BLOCK_KIND,
  CHUNK_BYTES,
  type ChunkPosition,
  comparePaths,
  decodeIndex,
  decodePrivate,
  decodePublic,
  decodeTable,
  encodeEntry,
  encodeIndex,
  encodePrivate,
  encodePublic,
  openBytes,
  openChunk,
  openRoot,
  openRootPublic,
  type Root,
  type RootPublic,
  sealChunk,
  sealKeyOf,
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

const publicParts: readonly RootPublic[] = [
  { contentLeaves: 0, contentIds: [], children: noChildren },
  { contentLeaves: 2, contentIds: [id("first"), id("second")], children: { kind: "inline", list: children } },
  {
    contentLeaves: 0,
    contentIds: [],
    children: { kind: "tree", count: 700, topIds: [id("top"), id("next")] },
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
  [{ kind: "file", name: "a name", content: inline }, publicParts[0]!],
  [
    {
      kind: "folder",
      name: undefined,
      files: 5,
      bytes: 4000,
      content: { kind: "tree", size: CHUNK_BYTES + 1, topIds: publicParts[1]!.contentIds },
      children: publicParts[1]!.children,
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

const TOTALS_BYTES = 1 + 2 + 2 + 6;
const entries: readonly TableEntry[] = [
  { kind: "inline", path: "a/b.txt", bytes: noise("small", 20) },
  { kind: "root", path: "a/größer.bin", size: 9000, readKey },
  { kind: "inline", path: "index.html", bytes: new Uint8Array(0) },
];

function table(list: readonly TableEntry[]): Uint8Array {
  const content = concat(TABLE_HEADER, ...list.map(encodeEntry));
  return rightTotals(concat(new Uint8Array(TOTALS_BYTES).fill(9, 0, 1), content));
}

/** Writes the totals of the entries as far as they can be read. */
function rightTotals(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= TOTALS_BYTES) return bytes;
  const totals = { files: 0, children: 0, bytes: 0 };
  const reader = new Reader(bytes.subarray(TOTALS_BYTES + 1), "table");
  try {
    while (reader.remaining > 0) {
      const isRoot = reader.u8("kind") === 2;
      reader.bytes(reader.u16("path length"), "path");
      const size = reader.u64("size");
      reader.bytes(isRoot ? 32 : size, "rest");
      totals.files += 1;
      totals.bytes += size;
      if (isRoot) totals.children += 1;
    }
  } catch {
    // What cannot be read stays wrong.
  }
  const result = bytes.slice();
  const writer = new Writer(result.subarray(1, TOTALS_BYTES)).u16(totals.files % 2 ** 16);
  writer.u16(totals.children % 2 ** 16).u16(Math.floor(totals.bytes / 2 ** 32) % 2 ** 16);
  writer.u32(totals.bytes % 2 ** 32);
  return result;
}

/** Input: bytes that arrive at once u8 | files u16 | children u16 | bytes u48 | table. */
const folderTable: FuzzTarget = {
  name: "table",
  covers: ["decodeTable"],
  maxBytes: 4000,
  words: ["../", "CON", "/", "\u00e9", "e\u0301", "A", "."],
  seeds: () => [table(entries), table([]), table(entries.slice(0, 1))],
  repair: rightTotals,
  async run(bytes) {
    if (bytes.length < TOTALS_BYTES) return;
    const reader = new Reader(bytes, "totals");
    const piece = reader.u8("piece") + 1;
    const totals = {
      files: reader.u16("files"),
      children: reader.u16("children"),
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
  utf8Text,
];
