import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { BLOCK_BYTES, concat } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import { BLOCK_KIND, sealChunk, sealKeyOf, verifyKeyOf } from "../../src/block/block.ts";
import { blockIdFromBytes, blockIdOf, locationOf } from "../../src/block/location.ts";
import { createErasureCode } from "../../src/erasure/erasure-code.ts";
import type { Coding } from "../../src/format/coding.ts";
import { encodeIndex } from "../../src/format/index-block.ts";
import { fillerKeyOf, sealPiece, sharedBlock } from "../../src/format/piece.ts";
import { encodeRoot } from "../../src/format/root.ts";
import type { Root } from "../../src/format/root-private.ts";
import { encodeEntry, TABLE_HEADER } from "../../src/format/table.ts";
import type { RootTree } from "../../src/format/trees.ts";
import { TreeWriter } from "../../src/publish/tree-writer.ts";
import { RecordingSink } from "../publish/recording-sink.ts";

/*
 * The encoders are frozen: a change of any byte fails here. Inputs: bytes(n, s) is the byte i -> (i * 7 + s) mod 256.
 * If a format must change, it gets a new version or kind, and these vectors stay.
 */
const bytes = (length: number, start: number) =>
  Uint8Array.from({ length }, (_, i) => (i * 7 + start) & 0xff);
const id = (start: number) => blockIdFromBytes(bytes(32, start));
const readKey = bytes(32, 1);
const verifyKey = verifyKeyOf(nodeProvider, readKey);
const key = sealKeyOf(nodeProvider, readKey, "data");
const data = sealChunk(
  nodeProvider,
  key,
  { kind: BLOCK_KIND.data, level: 0, index: 2 ** 40 + 3 },
  bytes(1000, 2),
);
const index = sealChunk(
  nodeProvider,
  sealKeyOf(nodeProvider, verifyKey, "index"),
  { kind: BLOCK_KIND.index, level: 1, index: 4 },
  encodeIndex([id(3), id(4), id(5)]),
);
const file: Root = {
  ...{ kind: "file", name: "ä.txt", content: { kind: "inline", bytes: bytes(300, 6) } },
  attributes: { modified: 1_700_000_000, mediaType: "text/plain" },
};
const coding: Coding = { segmentData: 3, segmentParity: 1, crossSegments: 1 };
const large: Root = {
  ...{ kind: "file", name: undefined, attributes: {} },
  content: {
    ...{ kind: "tree", size: 70_000 },
    tree: { leaves: 4, coding, topIds: Array.from({ length: 10 }, (_, i) => id(7 + i)) },
  },
};
const piece = sealPiece(nodeProvider, bytes(32, 14), bytes(600, 15));
const shared = sharedBlock(nodeProvider, fillerKeyOf(nodeProvider, verifyKey), 0, [piece]);
const table = concat(
  TABLE_HEADER,
  encodeEntry({ kind: "inline", path: "a/ü", attributes: {}, bytes: bytes(20, 10) }),
  encodeEntry({
    ...{ kind: "root", path: "b", size: 70_000, readKey: bytes(32, 11) },
    attributes: { modified: 1_700_000_001, mediaType: "image/png" },
  }),
  encodeEntry({
    ...{ kind: "shared", path: "c", attributes: {}, size: 600, block: 0, offset: 0 },
    readKey: bytes(32, 14),
  }),
);
/** One block, and the four of its parity. */
const oneBlock: RootTree = { leaves: 1, coding, topIds: [id(16), id(17), id(18), id(19), id(20)] };
const folder: Root = {
  ...{ kind: "folder", name: "site", files: 3, bytes: 70_620 },
  content: { kind: "inline", bytes: table },
  children: { kind: "inline", list: [{ rootId: id(12), verifyKey: bytes(32, 13) }] },
  shared: oneBlock,
};
/** 65 children stand in a list of their own. */
const manyChildren: Root = {
  ...{ kind: "folder", name: undefined, files: 65, bytes: 65 * 70_000, shared: undefined },
  content: { kind: "inline", bytes: bytes(1, 21) },
  children: { kind: "tree", count: 65, tree: oneBlock },
};

/** A tree of 60 leaves by the coding above: 20 segments, a cross segment of 3 blocks and their parity, and an index level. */
async function writtenTree() {
  const sink = new RecordingSink();
  const tools = { crypto: nodeProvider, code: createErasureCode(), coding, sink };
  const writer = new TreeWriter(tools, "shared", verifyKey);
  for (let i = 0; i < 60; i++) await writer.addLeaf(bytes(BLOCK_BYTES, 22 + i));
  const { topIds } = await writer.finish();
  const at = (purpose: string, lane: string) =>
    sink.blocks.filter((sunk) => sunk.purpose === purpose && sunk.lane === lane).map(({ block }) => block);
  const parity = at("parity", "data");
  return {
    topIds,
    blocks: sink.blocks.length,
    firstParity: blockVector(parity[0]!),
    firstCross: blockVector(parity.at(-4)!),
    crossParity: blockVector(parity.at(-1)!),
    index: blockVector(at("index", "roots")[0]!),
    indexParity: blockVector(at("parity", "roots")[0]!),
  };
}

const hex = (value: Uint8Array) => Buffer.from(value).toString("hex");
const blockVector = (block: Uint8Array) => ({
  first32: hex(block.subarray(0, 32)),
  last16: hex(block.subarray(-16)),
  sha256: createHash("sha256").update(block).digest("hex"),
  id: blockIdOf(nodeProvider, block),
});

const MADE: Readonly<Record<string, unknown>> = {
  verifyKey: hex(verifyKey),
  data: blockVector(data),
  index: blockVector(index),
  fileRoot: blockVector(encodeRoot(nodeProvider, readKey, file)),
  largeFileRoot: blockVector(encodeRoot(nodeProvider, readKey, large)),
  folderRoot: blockVector(encodeRoot(nodeProvider, readKey, folder)),
  manyChildrenRoot: blockVector(encodeRoot(nodeProvider, readKey, manyChildren)),
  sharedBlock: blockVector(shared),
  tree: await writtenTree(),
  table: hex(table),
  locations: ([0, 1, 2] as const).map((copy) => hex(locationOf(nodeProvider, id(3), copy))),
};

describe("the encoders write what they wrote when they were frozen", () => {
  const frozen = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8"));
  for (const [name, made] of Object.entries(MADE)) it(name, () => expect(made).toEqual(frozen[name]));
  it("and every vector is made", () => expect(Object.keys(frozen)).toEqual(Object.keys(MADE)));
});
