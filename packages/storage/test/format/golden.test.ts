import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { concat } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import { BLOCK_KIND, sealChunk, sealKeyOf, verifyKeyOf } from "../../src/block/block.ts";
import { blockIdFromBytes, blockIdOf, locationOf } from "../../src/block/location.ts";
import { encodeIndex } from "../../src/format/index-block.ts";
import { encodeRoot } from "../../src/format/root.ts";
import type { Root } from "../../src/format/root-private.ts";
import { encodeEntry, TABLE_HEADER } from "../../src/format/table.ts";

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
const file: Root = { kind: "file", name: "ä.txt", content: { kind: "inline", bytes: bytes(300, 6) } };
const large: Root = {
  ...{ kind: "file", name: undefined },
  content: { kind: "tree", size: 70_000, topIds: [id(7), id(8), id(9)] },
};
const table = concat(
  TABLE_HEADER,
  encodeEntry({ kind: "inline", path: "a/ü", bytes: bytes(20, 10) }),
  encodeEntry({ kind: "root", path: "b", size: 70_000, readKey: bytes(32, 11) }),
);
const folder: Root = {
  ...{ kind: "folder", name: "site", files: 2, bytes: 70_020 },
  content: { kind: "inline", bytes: table },
  children: { kind: "inline", list: [{ rootId: id(12), verifyKey: bytes(32, 13) }] },
};

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
  table: hex(table),
  locations: ([0, 1, 2] as const).map((copy) => hex(locationOf(nodeProvider, id(3), copy))),
};

describe("the encoders write what they wrote when they were frozen", () => {
  const frozen = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8"));
  for (const [name, made] of Object.entries(MADE)) it(name, () => expect(made).toEqual(frozen[name]));
  it("and every vector is made", () => expect(Object.keys(frozen)).toEqual(Object.keys(MADE)));
});
