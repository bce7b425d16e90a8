import { type BlockId, concat } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import { MemoryBlockNetwork } from "../../../../test/support/memory-block-network.ts";
import { collect, sampleBytes } from "../../../../test/support/publishing.ts";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { BLOCK_KIND, CHUNK_BYTES, sealChunk, sealKeyOf } from "../../src/block/block.ts";
import { blockIdOf } from "../../src/block/location.ts";
import { openReference } from "../../src/fetch/fetch.ts";
import type { Coding } from "../../src/format/coding.ts";
import { sealPiece, sharedBlock } from "../../src/format/piece.ts";
import { encodeRoot } from "../../src/format/root.ts";
import type { FolderRoot, Root } from "../../src/format/root-private.ts";
import { encodeEntry, TABLE_HEADER } from "../../src/format/table.ts";
import type { TableEntry } from "../../src/format/table-entry.ts";
import { treeLevels } from "../../src/format/trees.ts";
import { MAX_FOLDER_PATHS_BYTES } from "../../src/limits.ts";

/** No parity: nothing may come to the help of a block that is wrong. */
const PLAIN: Coding = { segmentData: 128, segmentParity: 0, crossSegments: 0 };
const readKey = sampleBytes(32, "hostile");
const pieceKey = sampleBytes(32, "piece");

function store(network: MemoryBlockNetwork, block: Uint8Array): BlockId {
  const id = blockIdOf(nodeProvider, block);
  for (const copy of [0, 1, 2]) network.blocks.set(`${copy}:${id}`, block);
  return id;
}

async function open(root: Root, network = new MemoryBlockNetwork()) {
  const rootId = store(network, encodeRoot(nodeProvider, readKey, root));
  const random = createSeededRandom(0);
  return openReference({ crypto: nodeProvider, random, network, reference: { rootId, readKey } });
}

/** Reads everything of what the root describes. */
async function read(root: Root, network?: MemoryBlockNetwork): Promise<void> {
  const opened = await open(root, network);
  if (opened.kind === "file") await collect(opened.content());
  else for await (const entry of opened.entriesAhead()) await collect(entry.content());
}

const small = (path: string, bytes = sampleBytes(3)): TableEntry => ({
  ...{ kind: "inline", path, attributes: {}, bytes },
});

/** A folder with these entries, and whatever else a test says of it. */
function folderOf(entries: readonly TableEntry[], said: Partial<FolderRoot> = {}): FolderRoot {
  const sizes = entries.map((entry) => (entry.kind === "inline" ? entry.bytes.length : entry.size));
  return {
    ...{ kind: "folder", name: undefined, files: entries.length, shared: undefined },
    bytes: sizes.reduce((sum, size) => sum + size, 0),
    content: { kind: "inline", bytes: concat(TABLE_HEADER, ...entries.map(encodeEntry)) },
    children: { kind: "inline", list: [] },
    ...said,
  };
}

const BROKEN = { code: "BAD_ENCODING" };

describe("a hostile folder is refused", () => {
  it.each([
    ["leads out of the folder", ["../x"]],
    ["leads out of the folder from inside", ["a/../../x"]],
    ["begins at the root of the disk", ["/etc/passwd"]],
    ["begins with a drive", ["c:/x"]],
    ["has a backslash", ["..\\x"]],
    ["has an empty name", ["a//b"]],
    ["is a device on Windows", ["a/con.txt"]],
    ["ends with a dot, which Windows drops", ["index.html."]],
    ["turns the direction of text", ["a\u202etxt.exe"]],
    ["is not in form NFC", ["e\u0301"]],
    ["is deeper than 64 names", [Array(65).fill("d").join("/")]],
    ["has a name longer than 255 bytes", ["n".repeat(256)]],
    ["is there twice", ["a", "a"]],
    ["is another one but for case", ["README", "readme"]],
    ["is a folder of another but for case", ["Docs/x", "docs"]],
    ["is a folder of another", ["a", "a/b"]],
    ["is not in order", ["b", "a"]],
  ])("with a path that %s", async (_, paths) => {
    await expect(read(folderOf(paths.map((path) => small(path))))).rejects.toMatchObject(BROKEN);
  });

  it("with sizes or counts of files that do not add up", async () => {
    const entries = [small("a"), small("b")];
    for (const said of [{ bytes: 5 }, { bytes: 2 ** 52 }, { files: 1 }, { files: 3 }, { files: 100_000 }]) {
      await expect(read(folderOf(entries, said))).rejects.toMatchObject(BROKEN);
    }
    await read(folderOf(entries));
  });

  it("with a million files, before a reader sees one of them", async () => {
    const network = new MemoryBlockNetwork();
    await expect(open(folderOf([small("a")], { files: 1_000_000 }), network)).rejects.toMatchObject(BROKEN);
    expect(network.gets.length).toBe(0);
  });

  it("with more bytes of names than a reader holds, and no further than to there", async () => {
    const name = "n".repeat(240);
    const paths = Array.from(
      { length: 20_000 },
      (_, i) => `${String(i).padStart(6, "0")}${name}/${name}/${name}`,
    );
    const entries = paths.map((path) => small(path, new Uint8Array(0)));
    const table = concat(TABLE_HEADER, ...entries.map(encodeEntry));
    const network = new MemoryBlockNetwork();
    const root = folderOf(entries, { content: treeOf(network, table) });
    const opened = await open(root, network);
    if (opened.kind !== "folder") throw new Error("not a folder");
    let bytes = 0;
    const attempt = async () => {
      for await (const { path } of opened.entries()) bytes += path.length;
    };
    await expect(attempt()).rejects.toMatchObject({
      ...BROKEN,
      message: expect.stringContaining("too long together"),
    });
    expect(bytes).toBeLessThan(MAX_FOLDER_PATHS_BYTES);
  });

  it("with a small file that lies in a block that there is not, or not where it says", async () => {
    const network = new MemoryBlockNetwork();
    const piece = sealPiece(nodeProvider, pieceKey, sampleBytes(1_000));
    const block = sharedBlock(nodeProvider, sampleBytes(32, "filler"), 0, [piece]);
    const shared = { leaves: 1, coding: PLAIN, topIds: [store(network, block)] };
    const entry = (number: number, offset: number, size = 1_000): TableEntry => ({
      ...{ kind: "shared", path: "a", attributes: {}, block: number, offset, size, readKey: pieceKey },
    });
    await read(folderOf([entry(0, 0)], { shared }), network);
    for (const wrong of [entry(1, 0), entry(0, 16), entry(2 ** 32 - 1, 0)]) {
      await expect(read(folderOf([wrong], { shared }), network)).rejects.toMatchObject(BROKEN);
    }
    await expect(read(folderOf([entry(0, 0)]), network)).rejects.toMatchObject(BROKEN);
    const longer = folderOf([entry(0, 0, 1_001)], { shared });
    await expect(read(longer, network)).rejects.toMatchObject({ code: "CRYPTO_FAILED" });
  });
});

it("a file that is said to be far larger than its blocks costs a reader a few of them", async () => {
  const network = new MemoryBlockNetwork();
  const size = Number.MAX_SAFE_INTEGER;
  const leaves = Math.ceil(size / CHUNK_BYTES);
  const levels = treeLevels("content", { leaves, coding: PLAIN });
  const id = store(network, sampleBytes(CHUNK_BYTES + 16));
  const topIds = Array.from({ length: levels.at(-1)?.ids ?? 0 }, () => id);
  const content = { kind: "tree", size, tree: { leaves, coding: PLAIN, topIds } } as const;
  await expect(
    read({ kind: "file", name: undefined, attributes: {}, content }, network),
  ).rejects.toMatchObject({
    code: "CRYPTO_FAILED",
  });
  expect(network.gets.length).toBeLessThan(80);
});

/** The blocks of a folder's table. */
function treeOf(network: MemoryBlockNetwork, bytes: Uint8Array): FolderRoot["content"] {
  const topIds: BlockId[] = [];
  const key = sealKeyOf(nodeProvider, readKey, "data");
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    const position = { kind: BLOCK_KIND.data, level: 0, index: topIds.length };
    topIds.push(store(network, sealChunk(nodeProvider, key, position, bytes.subarray(at, at + CHUNK_BYTES))));
  }
  return { kind: "tree", size: bytes.length, tree: { leaves: topIds.length, coding: PLAIN, topIds } };
}
