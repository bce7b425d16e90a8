import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import { sampleBytes } from "../../../../test/support/publishing.ts";
import { BLOCK_KIND, CHUNK_BYTES, openChunk, sealKeyOf } from "../../src/block/block.ts";
import { createErasureCode } from "../../src/erasure/erasure-code.ts";
import { DEFAULT_CODING } from "../../src/format/coding.ts";
import { encodeRoot, openRoot } from "../../src/format/root.ts";
import type { RootContent } from "../../src/format/root-private.ts";
import type { SizeClass } from "../../src/format/size-class.ts";
import { contentWriter } from "../../src/publish/content-writer.ts";
import { RecordingSink } from "./recording-sink.ts";

const readKey = sampleBytes(32, "read key");
const code = createErasureCode();

async function write(
  bytes: Uint8Array,
  arrayBytes: number,
  sizeClass: SizeClass = "exact",
  inlineBytes = 1000,
) {
  const sink = new RecordingSink();
  const tools = { crypto: nodeProvider, code, coding: DEFAULT_CODING, sink };
  const writer = contentWriter(tools, readKey, inlineBytes, sizeClass);
  for (let at = 0; at < bytes.length; at += arrayBytes)
    await writer.write(bytes.subarray(at, at + arrayBytes));
  return { content: await writer.finish(), sunk: sink.blocks, size: writer.size };
}

const leavesOf = (content: RootContent) => (content.kind === "tree" ? content.tree.leaves : 0);

describe("content", () => {
  it("of each size around a chunk has as many leaves as its bytes need", async () => {
    const sizes = [0, 1, 1000, 1001, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES];
    const leaves: number[] = [];
    for (const size of sizes) {
      const written = await write(sampleBytes(size), 1024);
      expect(written.size).toBe(size);
      leaves.push(leavesOf(written.content));
    }
    expect(leaves).toEqual([0, 0, 0, 1, 1, 1, 2, 2]);
  });

  it("makes the same blocks in the same order, however its bytes arrive", async () => {
    const bytes = sampleBytes(140 * CHUNK_BYTES + 77);
    const orders: string[] = [];
    for (const arrayBytes of [1000, 65_536, bytes.length]) {
      const { sunk } = await write(bytes, arrayBytes);
      orders.push(sunk.map(({ id, purpose }) => `${id} ${purpose}`).join());
    }
    expect(new Set(orders).size).toBe(1);
  });

  it("of a size class ends in blocks of zeros, and its root opens", async () => {
    const { content, sunk } = await write(sampleBytes(9 * CHUNK_BYTES + 5), 65_536, "power", 30 * 1024);
    expect(leavesOf(content)).toBe(16);
    const data = sunk.filter(({ purpose }) => purpose === "data");
    const key = sealKeyOf(nodeProvider, readKey, "data");
    for (const [index, { block }] of data.entries()) {
      const chunk = openChunk(nodeProvider, key, { kind: BLOCK_KIND.data, level: 0, index }, block);
      expect(chunk?.every((byte) => byte === 0)).toBe(index > 9);
    }
    const root = { kind: "file", name: undefined, attributes: {}, content } as const;
    expect(openRoot(nodeProvider, readKey, encodeRoot(nodeProvider, readKey, root))).toEqual(root);
  });
});
