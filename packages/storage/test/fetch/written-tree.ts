import type { BlockId } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { expect } from "vitest";
import { sampleBlock } from "../../../../test/support/blocks.ts";
import { MemoryBlockNetwork } from "../../../../test/support/memory-block-network.ts";
import { sampleBytes } from "../../../../test/support/publishing.ts";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import type { BlockNetwork } from "../../src/block/block-network.ts";
import { blockIdOf } from "../../src/block/location.ts";
import { createPace } from "../../src/client/pace.ts";
import { createErasureCode, type ErasureCode } from "../../src/erasure/erasure-code.ts";
import type { FetchContext } from "../../src/fetch/block-getter.ts";
import { CodedTree } from "../../src/fetch/coded-tree.ts";
import type { Coding } from "../../src/format/coding.ts";
import type { RootTree } from "../../src/format/trees.ts";
import type { BlockSink } from "../../src/publish/block-sink.ts";
import { TreeWriter } from "../../src/publish/tree-writer.ts";

/** Of the trees that `written` makes. */
export const verifyKey: Uint8Array = sampleBytes(32, "verify");
/** Small enough for a test to lose whole groups. */
export const SMALL: Coding = { segmentData: 4, segmentParity: 2, crossSegments: 1 };

/** A tree of sample blocks, and where they lie. */
export interface Written {
  readonly network: MemoryBlockNetwork;
  readonly root: RootTree;
  readonly leaves: readonly Uint8Array[];
}

/** Writes a tree of `count` sample blocks. */
export async function written(
  count: number,
  coding: Coding,
  code: ErasureCode = createErasureCode(),
): Promise<Written> {
  const network = new MemoryBlockNetwork();
  const put = async (block: Uint8Array) => {
    const id = blockIdOf(nodeProvider, block);
    network.blocks.set(`0:${id}`, block);
    return id;
  };
  const sink: BlockSink = { add: put, addRoot: put };
  const writer = new TreeWriter({ crypto: nodeProvider, code, coding, sink }, "content", verifyKey);
  const leaves = Array.from({ length: count }, (_, i) => sampleBlock(i).block);
  for (const leaf of leaves) await writer.addLeaf(leaf);
  return { network, root: await writer.finish(), leaves };
}

/** What a reader needs beside its tree. */
export function contextOf(network: BlockNetwork, more: Partial<FetchContext> = {}): FetchContext {
  return {
    crypto: nodeProvider,
    random: createSeededRandom("read"),
    network,
    ahead: 8,
    signal: undefined,
    erasure: () => createErasureCode(),
    timing: undefined,
    pace: createPace(),
    onBlock() {},
    ...more,
  };
}

/** A reader of a written tree. */
export function treeOf({ network, root }: Pick<Written, "network" | "root">): CodedTree {
  return new CodedTree(contextOf(network), { tree: "content", root, verifyKey });
}

/** Lets blocks disappear. */
export function lose(network: MemoryBlockNetwork, ids: Iterable<BlockId>): void {
  for (const id of ids) network.blocks.delete(`0:${id}`);
}

/** All leaves, one after the other. */
export async function readAll(tree: CodedTree): Promise<Uint8Array[]> {
  const count = tree.levels[0]?.data ?? 0;
  const blocks = tree.dataBlocks(0, count - 1, undefined);
  const read: Uint8Array[] = [];
  for (let i = 0; i < count; i++) read.push(await blocks(i));
  return read;
}

/** Compares blocks without printing them. */
export function expectSame(read: readonly Uint8Array[], leaves: readonly Uint8Array[]): void {
  expect(read.length).toBe(leaves.length);
  for (const [i, block] of read.entries()) expect(Buffer.compare(block, leaves[i] as Uint8Array)).toBe(0);
}
