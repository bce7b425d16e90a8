import { BLOCK_BYTES, type BlockId } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sampleBytes } from "../../../../test/support/publishing.ts";
import { CHUNK_BYTES } from "../../src/block/block.ts";
import { blockIdFromBytes } from "../../src/block/location.ts";
import { MAX_MODIFIED_SECONDS } from "../../src/format/attributes.ts";
import type { Child } from "../../src/format/children.ts";
import { type Coding, DEFAULT_CODING } from "../../src/format/coding.ts";
import { encodeRoot, openRoot, openRootPublic } from "../../src/format/root.ts";
import {
  FILE_INLINE_BYTES,
  INLINE_CHILDREN,
  ROOT_CONTENT_IDS,
  ROOT_SHARED_IDS,
  ROOT_SPARE_BYTES,
  TABLE_INLINE_BYTES,
} from "../../src/format/root-geometry.ts";
import type { Root, RootContent } from "../../src/format/root-private.ts";
import { MAX_FILE_BYTES } from "../../src/format/tree-shape.ts";
import type { RootTree } from "../../src/format/trees.ts";
import { MAX_FOLDER_ENTRIES } from "../../src/limits.ts";
import { type Forged, forgeRoot, readKey, verifyKey } from "./forge.ts";

const id = (i: number): BlockId => blockIdFromBytes(sampleBytes(32, `id ${i}`));
const ids = (count: number) => Array.from({ length: count }, (_, i) => id(i));
const idBytes = (count: number) => Array.from({ length: count }, (_, i) => sampleBytes(32, `id ${i}`));
const child = (i: number): Child => ({ rootId: id(i), verifyKey: sampleBytes(32, `child ${i}`) });
const children = (count: number) => Array.from({ length: count }, (_, i) => child(i));
const inline = (length: number) => ({ kind: "inline", bytes: sampleBytes(length) }) as const;
const PLAIN: Coding = { segmentData: 128, segmentParity: 0, crossSegments: 0 };
const treeOf = (leaves: number, count: number, coding: Coding = DEFAULT_CODING): RootTree => ({
  ...{ leaves, coding },
  topIds: ids(count),
});
const tree = (size: number, count: number, coding?: Coding, leaves = Math.ceil(size / CHUNK_BYTES)) =>
  ({ kind: "tree", size, tree: treeOf(leaves, count, coding) }) as const;
const file = (name: string | undefined, content: RootContent): Root => ({
  ...{ kind: "file", name, attributes: {}, content },
});
const ALONE = { children: { kind: "inline", list: [] }, shared: undefined } as const;

const ROOTS: Readonly<Record<string, Root>> = {
  "an empty file": file(undefined, inline(0)),
  "a file in its root": file("ä b.txt", inline(1000)),
  "a file with its attributes": {
    ...{ kind: "file", name: "a", content: inline(10) },
    attributes: { modified: 1_700_000_000, mediaType: "text/html" },
  },
  "the longest file in its root, with all that can be said of it": {
    ...{ kind: "file", name: "n".repeat(255), content: inline(FILE_INLINE_BYTES) },
    attributes: { modified: MAX_MODIFIED_SECONDS, mediaType: `${"t".repeat(63)}/${"s".repeat(63)}` },
  },
  "the shortest file in blocks": file(undefined, tree(FILE_INLINE_BYTES + 1, 6)),
  "the longest file that needs no index": file("f", tree(640 * CHUNK_BYTES, 790)),
  "a file of 1016 blocks": file("f", tree(1016 * CHUNK_BYTES, 2, PLAIN)),
  "a file in more blocks than its bytes need": file("f", tree(9 * CHUNK_BYTES, 16, PLAIN, 16)),
  "the longest file": file("f", tree(MAX_FILE_BYTES, 266, PLAIN)),
  "an empty folder": {
    ...{ kind: "folder", name: "site", files: 0, bytes: 0, ...ALONE },
    content: inline(1),
  },
  "a folder with all that a root holds": {
    ...{ kind: "folder", name: "n".repeat(255), files: 170, bytes: 12345 },
    content: tree(ROOT_CONTENT_IDS * CHUNK_BYTES, ROOT_CONTENT_IDS, PLAIN),
    children: { kind: "inline", list: children(INLINE_CHILDREN) },
    shared: treeOf(64, ROOT_SHARED_IDS, PLAIN),
  },
  "a folder with the longest table in its root": {
    ...{ kind: "folder", name: "n".repeat(255), files: 170, bytes: 12345 },
    content: inline(TABLE_INLINE_BYTES),
    children: { kind: "inline", list: children(INLINE_CHILDREN) },
    shared: treeOf(64, ROOT_SHARED_IDS, PLAIN),
  },
  "a folder with as many children as there may be": {
    ...{
      kind: "folder",
      name: undefined,
      files: MAX_FOLDER_ENTRIES,
      bytes: MAX_FILE_BYTES,
      shared: undefined,
    },
    content: tree(1016 * CHUNK_BYTES, 2, PLAIN),
    children: { kind: "tree", count: MAX_FOLDER_ENTRIES, tree: treeOf(197, 1, PLAIN) },
  },
  "a folder with trees of several codings": {
    ...{ kind: "folder", name: undefined, files: 65_003, bytes: 5 },
    content: tree(2 * CHUNK_BYTES, 7),
    children: { kind: "tree", count: 65_000, tree: treeOf(129, 1, PLAIN) },
    shared: treeOf(3, 5, { segmentData: 3, segmentParity: 2, crossSegments: 4 }),
  },
};

it("a root has room for the most that each of its parts may need", () => {
  for (const spare of Object.values(ROOT_SPARE_BYTES)) expect(spare).toBeGreaterThanOrEqual(0);
});

describe("a root reads back", () => {
  for (const [title, root] of Object.entries(ROOTS)) {
    it(`of ${title}`, () => {
      const block = encodeRoot(nodeProvider, readKey, root);
      expect(block.length).toBe(BLOCK_BYTES);
      expect(openRoot(nodeProvider, readKey, block)).toEqual(root);
    });
  }
});

describe("who has the verify key alone", () => {
  it("sees ids and children of a folder", () => {
    const root = ROOTS["a folder with all that a root holds"] as Root;
    const seen = openRootPublic(nodeProvider, verifyKey, encodeRoot(nodeProvider, readKey, root));
    expect(seen).toEqual({
      content: treeOf(ROOT_CONTENT_IDS, ROOT_CONTENT_IDS, PLAIN),
      children: { kind: "inline", list: children(INLINE_CHILDREN) },
      shared: treeOf(64, ROOT_SHARED_IDS, PLAIN),
    });
  });

  it("sees nothing of a file in its root: neither bytes, name, size nor kind", () => {
    const nothing = { content: undefined, ...ALONE };
    for (const title of ["an empty file", "a file in its root", "an empty folder"]) {
      const block = encodeRoot(nodeProvider, readKey, ROOTS[title] as Root);
      expect(openRootPublic(nodeProvider, verifyKey, block)).toEqual(nothing);
    }
  });

  it("cannot read", () => {
    const block = encodeRoot(nodeProvider, readKey, ROOTS["a file in its root"] as Root);
    expect(() => openRoot(nodeProvider, verifyKey, block)).toThrowError(
      expect.objectContaining({ code: "CRYPTO_FAILED" }),
    );
  });
});

describe("a root that breaks the format is refused", () => {
  const twoBlocks = { codings: [128, 0, 0], leaves: 2, ids: idBytes(2), size: 2 * CHUNK_BYTES };
  const coded = (...codings: number[]) => ({ ...twoBlocks, codings });
  const folder = { kind: 2, folder: { files: 1, bytes: 5 }, size: 1, content: Uint8Array.of(1) };
  const HOSTILE: Readonly<Record<string, readonly [Forged, string]>> = {
    "a newer version": [{ publicVersion: 2 }, "root.version: 2 is not known"],
    "a newer private version": [{ privateVersion: 2 }, "root.version: 2 is not known"],
    "an unknown kind": [{ kind: 3 }, "root.kind: 3 is not known"],
    "a coding without segments": [coded(0, 0, 0), "root.coding"],
    "a coding of longer segments than any": [coded(129, 0, 0), "root.coding"],
    "a coding of more parity than any": [coded(128, 129, 0), "root.coding"],
    "a coding of more cross segments than any": [coded(128, 0, 5), "root.coding"],
    "a coding by which shared blocks never end": [
      { ...folder, codings: [0, 0, 0, 0, 0, 0, 1, 64, 0], shared: 1, sharedIds: idBytes(65) },
      "root.coding",
    ],
    "a coding for a tree that there is not": [{ codings: [0, 0, 0, 0, 0, 1] }, "root.coding"],
    "attributes of a folder": [
      { ...folder, attributes: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 1) },
      "root.attributes",
    ],
    "attributes of no known kind": [{ attributes: Uint8Array.of(4, 0) }, "root.attributes"],
    "attributes that say nothing": [{ attributes: Uint8Array.of(0) }, "root.attributes"],
    "attributes that are longer than what they say": [
      { attributes: Uint8Array.of(1, ...Array(9).fill(0)) },
      "root.attributes",
    ],
    "attributes that are shorter than what they say": [
      { attributes: Uint8Array.of(1, 0) },
      "root.attributes",
    ],
    "a media type without letters": [{ attributes: Uint8Array.of(2) }, "root.attributes"],
    "a time after all calendars": [
      { attributes: Uint8Array.of(1, 0, 0, 1, 0, 0, 0, 0, 0) },
      "root.modification time",
    ],
    "a media type in capitals": [
      { attributes: Uint8Array.of(2, ...Buffer.from("text/HTML")) },
      "root.media type",
    ],
    "a media type with parameters": [
      { attributes: Uint8Array.of(2, ...Buffer.from("a/b; c=d")) },
      "root.media type",
    ],
    "a file with shared blocks": [
      { codings: [0, 0, 0, 0, 0, 0, 128], shared: 1, sharedIds: idBytes(1) },
      "root.shared",
    ],
    "more shared blocks than its files can fill": [
      { ...folder, codings: [0, 0, 0, 0, 0, 0, 128], shared: 3, sharedIds: idBytes(3) },
      "root.shared",
    ],
    "more shared blocks than any folder has": [
      { ...folder, shared: 2 * MAX_FOLDER_ENTRIES + 1 },
      "root.shared",
    ],
    "padding blocks of no size class": [
      { ...coded(128, 0, 0), leaves: 15, ids: idBytes(15), size: 9 * CHUNK_BYTES },
      "root.content size",
    ],
    "more blocks than its size has": [{ ...twoBlocks, size: CHUNK_BYTES }, "root.content size"],
    "fewer blocks than its size has": [{ ...twoBlocks, size: 2 * CHUNK_BYTES + 1 }, "root.content size"],
    "blocks for what fits the root": [
      { codings: [128], leaves: 1, ids: idBytes(1), size: FILE_INLINE_BYTES },
      "root.content size",
    ],
    "content in the root that is too long for it": [
      { size: FILE_INLINE_BYTES + 1, content: sampleBytes(FILE_INLINE_BYTES + 1) },
      "root.content size",
    ],
    "more content than it has room for": [{ size: CHUNK_BYTES }, "root.content size"],
    "blocks and content in the root": [{ ...twoBlocks, content: sampleBytes(5) }, "root.padding: not zero"],
    "bytes behind its content": [{ size: 1, content: sampleBytes(2) }, "root.padding: not zero"],
    "padding that is not zero": [{ padding: 1 }, "root.padding: not zero"],
    "a size above 2^53 - 1": [{ size: 2n ** 53n }, "root.content size"],
    "more leaves than any file has": [{ leaves: 2n ** 52n }, "root.content leaves"],
    "leaves above 2^53 - 1": [{ leaves: 2n ** 64n - 1n }, "root.content leaves"],
    "a name with a slash": [{ name: Buffer.from("a/b") }, "root.name"],
    "a name that leaves the folder": [{ name: Buffer.from("..") }, "root.name"],
    "a name that is not UTF-8": [{ name: Uint8Array.of(0xc3, 0x28) }, "root.name: not UTF-8"],
    "an overlong name": [{ name: Uint8Array.of(0xc0, 0xaf) }, "root.name: not UTF-8"],
    "a device as its name": [{ name: Buffer.from("NUL") }, "root.name"],
    "a file with children": [{ children: 1, childBytes: sampleBytes(64) }, "root.children"],
    "more children than files": [{ ...folder, children: 2, childBytes: sampleBytes(128) }, "root.children"],
    "more children than any folder has": [{ ...folder, children: MAX_FOLDER_ENTRIES + 1 }, "root.children"],
    "more files than any folder has": [
      { ...folder, folder: { files: MAX_FOLDER_ENTRIES + 1, bytes: 5 } },
      "root.files",
    ],
    "a table in the root that is too long for it": [
      { ...folder, size: TABLE_INLINE_BYTES + 1, content: sampleBytes(TABLE_INLINE_BYTES + 1) },
      "root.content size",
    ],
  };

  for (const [title, [forged, message]] of Object.entries(HOSTILE)) {
    it(`with ${title}`, () => {
      const opening = () => openRoot(nodeProvider, readKey, forgeRoot(forged));
      expect(opening).toThrowError(expect.objectContaining({ code: "BAD_ENCODING" }));
      expect(opening).toThrow(message);
    });
  }

  it("and the forge makes roots that open when nothing is wrong", () => {
    expect(openRoot(nodeProvider, readKey, forgeRoot({}))).toEqual(ROOTS["an empty file"]);
    expect(openRoot(nodeProvider, readKey, forgeRoot(twoBlocks))).toMatchObject({
      content: tree(2 * CHUNK_BYTES, 2, PLAIN),
    });
    expect(openRoot(nodeProvider, readKey, forgeRoot(folder))).toMatchObject({ kind: "folder", files: 1 });
  });

  it("whatever its fields are: it opens, or throws an error of ours", () => {
    const field = fc.oneof(fc.nat(5), fc.nat(70_000), fc.bigInt(0n, 2n ** 64n - 1n));
    const forged = fc.record({
      leaves: field,
      ids: fc.integer({ min: 0, max: 3 }).map(idBytes),
      codings: fc.array(fc.constantFrom(0, 1, 2, 128, 255), { maxLength: 9 }),
      children: fc.nat(200_000),
      shared: fc.nat(5),
      attributes: fc.uint8Array({ maxLength: 12 }),
      childBytes: fc.nat(3).map((count) => sampleBytes(64 * count)),
      kind: fc.nat(3),
      name: fc.uint8Array({ maxLength: 6 }),
      size: field,
    });
    fc.assert(
      fc.property(forged, (fields) => {
        try {
          expect(openRoot(nodeProvider, readKey, forgeRoot(fields as Forged))).toBeDefined();
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^(BAD_ENCODING|CRYPTO_FAILED)$/) });
        }
      }),
      { numRuns: 300 },
    );
  });
});

it("an encoder that is given a root no decoder takes says so", () => {
  const bad: Root[] = [
    file("a/b", inline(1)),
    file("a", tree(5 * CHUNK_BYTES, 4, PLAIN)),
    file("a", tree(5 * CHUNK_BYTES, 6, PLAIN)),
    file("a", tree(5 * CHUNK_BYTES, 5, PLAIN, 6)),
    file("a", tree(5 * CHUNK_BYTES, 5, { ...PLAIN, segmentData: 0 })),
    file("a", inline(FILE_INLINE_BYTES + 1)),
    file("a", inline(CHUNK_BYTES)),
    { ...{ kind: "file", name: "a", content: inline(1) }, attributes: { mediaType: "no type" } },
  ];
  for (const root of bad) {
    expect(() => encodeRoot(nodeProvider, readKey, root)).toThrowError(
      expect.objectContaining({ code: "BAD_ENCODING" }),
    );
  }
});
