import { type BlockId, concat } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import { MemoryBlockNetwork } from "../../../../test/support/memory-block-network.ts";
import { collect, sampleBytes } from "../../../../test/support/publishing.ts";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import {
  BLOCK_KIND,
  type BlockKind,
  CHUNK_BYTES,
  sealChunk,
  sealKeyOf,
  verifyKeyOf,
} from "../../src/block/block.ts";
import { blockIdOf } from "../../src/block/location.ts";
import { openReference } from "../../src/fetch/fetch.ts";
import type { Coding } from "../../src/format/coding.ts";
import { fillerKeyOf, sealPiece, sharedBlock } from "../../src/format/piece.ts";
import { encodeRoot } from "../../src/format/root.ts";
import { ROOT_CONTENT_IDS } from "../../src/format/root-geometry.ts";
import type { Root, RootContent } from "../../src/format/root-private.ts";
import { encodeEntry, TABLE_HEADER } from "../../src/format/table.ts";
import type { TableEntry } from "../../src/format/table-entry.ts";
import { treeShape } from "../../src/format/tree-shape.ts";

const readKey = sampleBytes(32, "hostile");
const childKey = sampleBytes(32, "child");
const childVerifyKey = verifyKeyOf(nodeProvider, childKey);

/** A publisher that seals whatever it likes: ids and tags are right, what they cover need not be. */
class HostilePublisher {
  readonly network = new MemoryBlockNetwork();

  store(block: Uint8Array): BlockId {
    const id = blockIdOf(nodeProvider, block);
    for (const copy of [0, 1, 2]) this.network.blocks.set(`${copy}:${id}`, block);
    return id;
  }

  data(index: number, chunk: Uint8Array, key = readKey): BlockId {
    return this.store(
      sealChunk(nodeProvider, sealKeyOf(nodeProvider, key, "data"), at(BLOCK_KIND.data, 0, index), chunk),
    );
  }

  index(index: number, chunk: Uint8Array): BlockId {
    const key = sealKeyOf(nodeProvider, verifyKeyOf(nodeProvider, readKey), "index");
    return this.store(sealChunk(nodeProvider, key, at(BLOCK_KIND.index, 1, index), chunk));
  }

  async open(root: Root) {
    const rootId = this.store(encodeRoot(nodeProvider, readKey, root));
    const random = createSeededRandom(0);
    return openReference({
      crypto: nodeProvider,
      random,
      network: this.network,
      reference: { rootId, readKey },
    });
  }

  /** Reads everything of what the root describes. */
  async read(root: Root): Promise<void> {
    const opened = await this.open(root);
    if (opened.kind === "file") await collect(opened.content());
    else for await (const entry of opened.entries()) await collect(entry.content());
  }
}

function at(kind: BlockKind, level: number, index: number) {
  return { kind, level, index };
}

/** No parity: nothing may come to the help of a block that is wrong. */
const PLAIN: Coding = { segmentData: 128, segmentParity: 0, crossSegments: 0 };

function treeFile(size: number, leaves: number, topIds: readonly BlockId[]): Root {
  const content: RootContent = { kind: "tree", size, tree: { leaves, coding: PLAIN, topIds } };
  return { kind: "file", name: undefined, attributes: {}, content };
}

const BROKEN = { code: "BAD_ENCODING" };

describe("a publisher that breaks the format is found out", () => {
  it("with bytes behind the end of the last block", async () => {
    const publisher = new HostilePublisher();
    const size = CHUNK_BYTES - 1;
    const topIds = [publisher.data(0, sampleBytes(CHUNK_BYTES))];
    const root = treeFile(size, 1, topIds);
    await expect(publisher.read(root)).rejects.toMatchObject({
      ...BROKEN,
      message: expect.stringContaining("padding"),
    });
  });

  it("with an index block that is not canonical", async () => {
    const publisher = new HostilePublisher();
    const leaves = ROOT_CONTENT_IDS + 1;
    expect(treeShape(leaves, ROOT_CONTENT_IDS, PLAIN).map(({ data }) => data)).toEqual([leaves, 1]);
    const root = treeFile(leaves * CHUNK_BYTES, leaves, [publisher.index(0, sampleBytes(CHUNK_BYTES))]);
    await expect(publisher.read(root)).rejects.toMatchObject({
      ...BROKEN,
      message: expect.stringContaining("index"),
    });
  });

  const SIZE = 40_000;
  const folder = (rootId: BlockId, verifyKey: Uint8Array): Root => ({
    ...{ kind: "folder", name: undefined, files: 1, bytes: SIZE, shared: undefined },
    content: tableOf({ kind: "root", path: "a", attributes: {}, size: SIZE, readKey: childKey }),
    children: { kind: "inline", list: [{ rootId, verifyKey }] },
  });
  const tableOf = (...entries: readonly TableEntry[]): RootContent => ({
    kind: "inline",
    bytes: concat(TABLE_HEADER, ...entries.map(encodeEntry)),
  });
  const child = (publisher: HostilePublisher, size: number): BlockId => {
    const topIds = [0, 1].map((index) =>
      publisher.data(index, sampleBytes(index === 0 ? CHUNK_BYTES : size - CHUNK_BYTES), childKey),
    );
    return publisher.store(encodeRoot(nodeProvider, childKey, treeFile(size, 2, topIds)));
  };

  it("with a child whose verify key is not that of its read key", async () => {
    const publisher = new HostilePublisher();
    const id = child(publisher, SIZE);
    await expect(publisher.read(folder(id, sampleBytes(32, "other")))).rejects.toMatchObject(BROKEN);
    await publisher.read(folder(id, childVerifyKey));
  });

  it("with a file that has another size than its folder says", async () => {
    const publisher = new HostilePublisher();
    const id = child(publisher, SIZE + 1);
    await expect(publisher.read(folder(id, childVerifyKey))).rejects.toMatchObject(BROKEN);
  });

  it("with a folder where its folder says that there is a file", async () => {
    const publisher = new HostilePublisher();
    const inner: Root = {
      ...{ kind: "folder", name: undefined, files: 0, bytes: 0, shared: undefined },
      content: { kind: "inline", bytes: sampleBytes(9000) },
      children: { kind: "inline", list: [] },
    };
    const id = publisher.store(encodeRoot(nodeProvider, childKey, inner));
    await expect(publisher.read(folder(id, childVerifyKey))).rejects.toMatchObject(BROKEN);
  });

  it("with small files that are not what the table says, and only those", async () => {
    const publisher = new HostilePublisher();
    const keys = [sampleBytes(32, "first"), sampleBytes(32, "second")] as const;
    const pieces = keys.map((key) => sealPiece(nodeProvider, key, sampleBytes(600)));
    const fillerKey = fillerKeyOf(nodeProvider, verifyKeyOf(nodeProvider, readKey));
    const id = publisher.store(sharedBlock(nodeProvider, fillerKey, 0, pieces));
    const entry = (path: string, offset: number, readKey: Uint8Array): TableEntry => ({
      ...{ kind: "shared", path, attributes: {}, size: 600, block: 0, offset, readKey },
    });
    const opened = await publisher.open({
      ...{ kind: "folder", name: undefined, files: 2, bytes: 1200 },
      content: tableOf(entry("right", 0, keys[0]), entry("wrong", 616, keys[0])),
      children: { kind: "inline", list: [] },
      shared: { leaves: 1, coding: PLAIN, topIds: [id] },
    });
    if (opened.kind !== "folder") throw new Error("not a folder");
    for await (const file of opened.entries()) {
      const read = collect(file.content());
      if (file.path === "right") expect(await read).toEqual(sampleBytes(600));
      else await expect(read).rejects.toMatchObject({ code: "CRYPTO_FAILED" });
    }
  });
});
