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
import { encodeRoot } from "../../src/format/root.ts";
import type { Root, RootContent } from "../../src/format/root-private.ts";
import { encodeEntry, TABLE_HEADER } from "../../src/format/table.ts";
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

  data(index: number, chunk: Uint8Array): BlockId {
    return this.store(
      sealChunk(nodeProvider, sealKeyOf(nodeProvider, readKey, "data"), at(BLOCK_KIND.data, 0, index), chunk),
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

const BROKEN = { code: "BAD_ENCODING" };

describe("a publisher that breaks the format is found out", () => {
  it("with bytes behind the end of the last block", async () => {
    const publisher = new HostilePublisher();
    const size = CHUNK_BYTES - 1;
    const topIds = [publisher.data(0, sampleBytes(CHUNK_BYTES))];
    const root: Root = { kind: "file", name: undefined, content: { kind: "tree", size, topIds } };
    await expect(publisher.read(root)).rejects.toMatchObject({
      ...BROKEN,
      message: expect.stringContaining("padding"),
    });
  });

  it("with an index block that is not canonical", async () => {
    const publisher = new HostilePublisher();
    const leaves = 769;
    expect(treeShape(leaves, 768)).toEqual([769, 1]);
    const topIds = [publisher.index(0, sampleBytes(CHUNK_BYTES))];
    const root: Root = {
      kind: "file",
      name: undefined,
      content: { kind: "tree", size: leaves * CHUNK_BYTES, topIds },
    };
    await expect(publisher.read(root)).rejects.toMatchObject({
      ...BROKEN,
      message: expect.stringContaining("index"),
    });
  });

  const folder = (rootId: BlockId, verifyKey: Uint8Array): Root => ({
    ...{ kind: "folder", name: undefined, files: 1, bytes: 9000 },
    content: {
      kind: "inline",
      bytes: concat(TABLE_HEADER, encodeEntry({ kind: "root", path: "a", size: 9000, readKey: childKey })),
    },
    children: { kind: "inline", list: [{ rootId, verifyKey }] },
  });
  const fileOf = (content: RootContent): Uint8Array =>
    encodeRoot(nodeProvider, childKey, { kind: "file", name: "a", content });
  const inline = (length: number): RootContent => ({ kind: "inline", bytes: sampleBytes(length) });

  it("with a child whose verify key is not that of its read key", async () => {
    const publisher = new HostilePublisher();
    const id = publisher.store(fileOf(inline(9000)));
    await expect(publisher.read(folder(id, sampleBytes(32, "other")))).rejects.toMatchObject(BROKEN);
    await publisher.read(folder(id, childVerifyKey));
  });

  it("with a file that has another size than its folder says", async () => {
    const publisher = new HostilePublisher();
    const id = publisher.store(fileOf(inline(9001)));
    await expect(publisher.read(folder(id, childVerifyKey))).rejects.toMatchObject(BROKEN);
  });

  it("with a folder where its folder says that there is a file", async () => {
    const publisher = new HostilePublisher();
    const inner: Root = {
      ...{ kind: "folder", name: undefined, files: 0, bytes: 0 },
      ...{ content: { kind: "inline", bytes: sampleBytes(9000) }, children: { kind: "inline", list: [] } },
    };
    const id = publisher.store(encodeRoot(nodeProvider, childKey, inner));
    await expect(publisher.read(folder(id, childVerifyKey))).rejects.toMatchObject(BROKEN);
  });
});
