import { BLOCK_BYTES, type BlockId } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sampleBytes } from "../../../../test/support/publishing.ts";
import { CHUNK_BYTES } from "../../src/block/block.ts";
import { blockIdFromBytes } from "../../src/block/location.ts";
import { type Child, INLINE_CHILDREN } from "../../src/format/children.ts";
import { encodeRoot, openRoot, openRootPublic } from "../../src/format/root.ts";
import { FILE_INLINE_BYTES, type Root, TABLE_INLINE_BYTES } from "../../src/format/root-private.ts";
import { MAX_FILE_BYTES, ROOT_CHILDREN_IDS, ROOT_CONTENT_IDS } from "../../src/format/tree-shape.ts";
import { MAX_FOLDER_ENTRIES } from "../../src/limits.ts";
import { type Forged, forgeRoot, readKey, verifyKey } from "./forge.ts";

const id = (i: number): BlockId => blockIdFromBytes(sampleBytes(32, `id ${i}`));
const ids = (count: number) => Array.from({ length: count }, (_, i) => id(i));
const idBytes = (count: number) => Array.from({ length: count }, (_, i) => sampleBytes(32, `id ${i}`));
const child = (i: number): Child => ({ rootId: id(i), verifyKey: sampleBytes(32, `child ${i}`) });
const children = (count: number) => Array.from({ length: count }, (_, i) => child(i));
const inline = (length: number) => ({ kind: "inline", bytes: sampleBytes(length) }) as const;
const tree = (size: number, count: number) => ({ kind: "tree", size, topIds: ids(count) }) as const;
const NO_CHILDREN = { kind: "inline", list: [] } as const;

const ROOTS: Readonly<Record<string, Root>> = {
  "an empty file": { kind: "file", name: undefined, content: inline(0) },
  "a file in its root": { kind: "file", name: "ä b.txt", content: inline(1000) },
  "the longest file in its root, with the longest name": {
    kind: "file",
    name: "n".repeat(255),
    content: inline(FILE_INLINE_BYTES),
  },
  "the shortest file in blocks": { kind: "file", name: undefined, content: tree(FILE_INLINE_BYTES + 1, 1) },
  "a file of 768 blocks": {
    kind: "file",
    name: "f",
    content: tree(ROOT_CONTENT_IDS * CHUNK_BYTES, ROOT_CONTENT_IDS),
  },
  "a file of 1016 blocks": { kind: "file", name: "f", content: tree(1016 * CHUNK_BYTES, 2) },
  "the longest file": { kind: "file", name: "f", content: tree(MAX_FILE_BYTES, 266) },
  "an empty folder": {
    ...{ kind: "folder", name: "site", files: 0, bytes: 0 },
    ...{ content: inline(1), children: NO_CHILDREN },
  },
  "a folder with all that a root holds": {
    ...{ kind: "folder", name: "n".repeat(255), files: 70, bytes: 12345 },
    content: tree(ROOT_CONTENT_IDS * CHUNK_BYTES, ROOT_CONTENT_IDS),
    children: { kind: "inline", list: children(INLINE_CHILDREN) },
  },
  "a folder with the longest table in its root": {
    ...{ kind: "folder", name: "n".repeat(255), files: 70, bytes: 12345 },
    content: inline(TABLE_INLINE_BYTES),
    children: { kind: "inline", list: children(INLINE_CHILDREN) },
  },
  "a folder with as many children as there may be": {
    ...{ kind: "folder", name: undefined, files: MAX_FOLDER_ENTRIES, bytes: MAX_FILE_BYTES },
    content: tree(1016 * CHUNK_BYTES, 2),
    children: { kind: "tree", count: MAX_FOLDER_ENTRIES, topIds: ids(1) },
  },
  "a folder with a long list of children": {
    ...{ kind: "folder", name: undefined, files: 65_000, bytes: 5 },
    content: tree(1016 * CHUNK_BYTES, 2),
    children: { kind: "tree", count: 64_992, topIds: ids(ROOT_CHILDREN_IDS) },
  },
};

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
      contentLeaves: ROOT_CONTENT_IDS,
      contentIds: ids(ROOT_CONTENT_IDS),
      children: { kind: "inline", list: children(INLINE_CHILDREN) },
    });
  });

  it("sees nothing of a file in its root: neither bytes, name, size nor kind", () => {
    const nothing = { contentLeaves: 0, contentIds: [], children: NO_CHILDREN };
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
  const twoBlocks = { leaves: 2, ids: idBytes(2), size: 2 * CHUNK_BYTES };
  const folder = { kind: 2, folder: { files: 1, bytes: 5 }, size: 1, content: Uint8Array.of(1) };
  const HOSTILE: Readonly<Record<string, readonly [Forged, string]>> = {
    "a newer version": [{ publicVersion: 2 }, "root.version: 2 is not known"],
    "a newer private version": [{ privateVersion: 2 }, "root.version: 2 is not known"],
    "an unknown kind": [{ kind: 3 }, "root.kind: 3 is not known"],
    "a coding with parity": [{ coding: [128, 32, 0] }, "root.coding"],
    "a coding with other segments": [{ coding: [127, 0, 0] }, "root.coding"],
    "a coding with cross parity": [{ coding: [128, 0, 1] }, "root.coding"],
    "more blocks than its size has": [{ ...twoBlocks, size: CHUNK_BYTES }, "root.content size"],
    "fewer blocks than its size has": [{ ...twoBlocks, size: 2 * CHUNK_BYTES + 1 }, "root.content size"],
    "blocks for what fits the root": [
      { leaves: 1, ids: idBytes(1), size: FILE_INLINE_BYTES },
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
      content: tree(2 * CHUNK_BYTES, 2),
    });
    expect(openRoot(nodeProvider, readKey, forgeRoot(folder))).toMatchObject({ kind: "folder", files: 1 });
  });

  it("whatever its fields are: it opens, or throws an error of ours", () => {
    const field = fc.oneof(fc.nat(5), fc.nat(70_000), fc.bigInt(0n, 2n ** 64n - 1n));
    const forged = fc.record({
      leaves: field,
      ids: fc.integer({ min: 0, max: 3 }).map(idBytes),
      children: fc.nat(200_000),
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
    { kind: "file", name: "a/b", content: inline(1) },
    { kind: "file", name: "a", content: tree(5 * CHUNK_BYTES, 4) },
    { kind: "file", name: "a", content: tree(5 * CHUNK_BYTES, 6) },
    { kind: "file", name: "a", content: inline(FILE_INLINE_BYTES + 1) },
    { kind: "file", name: "a", content: inline(CHUNK_BYTES) },
  ];
  for (const root of bad) {
    expect(() => encodeRoot(nodeProvider, readKey, root)).toThrowError(
      expect.objectContaining({ code: "BAD_ENCODING" }),
    );
  }
});
