import { BLOCK_BYTES } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { naiveTree } from "../../../../test/support/naive/coded-tree.ts";
import { sampleBytes } from "../../../../test/support/publishing.ts";
import { sealChunk, sealKeyOf } from "../../src/block/block.ts";
import { blockIdBytes, blockIdFromBytes } from "../../src/block/location.ts";
import { createErasureCode } from "../../src/erasure/erasure-code.ts";
import type { Coding } from "../../src/format/coding.ts";
import { encodeIndex } from "../../src/format/index-block.ts";
import { maskParity, parityMaskKey } from "../../src/format/parity-mask.ts";
import { type Level, segmentsOf } from "../../src/format/segments.ts";
import { TREES, type TreeName, treeLevels } from "../../src/format/trees.ts";
import { TreeWriter } from "../../src/publish/tree-writer.ts";
import { RecordingSink } from "./recording-sink.ts";

const verifyKey = sampleBytes(32, "verify key");
const code = createErasureCode();
/** Blocks that differ everywhere, made once. */
const LEAVES = Array.from({ length: 300 }, (_, i) => sampleBytes(BLOCK_BYTES, `leaf ${i}`));

async function write(tree: TreeName, coding: Coding, count: number) {
  const sink = new RecordingSink();
  const writer = new TreeWriter({ crypto: nodeProvider, code, coding, sink }, tree, verifyKey);
  for (const leaf of LEAVES.slice(0, count)) await writer.addLeaf(leaf);
  return { root: await writer.finish(), sunk: sink.blocks };
}

function naive(tree: TreeName, { segmentData, segmentParity, crossSegments }: Coding, count: number) {
  const { number, indexKind, topIds } = TREES[tree];
  const key = sealKeyOf(nodeProvider, verifyKey, "index");
  return naiveTree({
    leaves: LEAVES.slice(0, count),
    coding: [segmentData, segmentParity, crossSegments],
    ...{ verifyKey, number, topIds },
    sealIndex: (level, index, ids) =>
      sealChunk(nodeProvider, key, { kind: indexKind, level, index }, encodeIndex(ids.map(blockIdFromBytes))),
  });
}

async function expectSame(tree: TreeName, coding: Coding, count: number): Promise<void> {
  const { root, sunk } = await write(tree, coding, count);
  const expected = naive(tree, coding, count);
  expect(root.topIds.map((id) => Buffer.from(blockIdBytes(id)))).toEqual(expected.topIds);
  const text = (block: Uint8Array) => Buffer.from(block.subarray(0, 20)).toString("hex");
  const purposeOf = (level: number, isParity: boolean) => {
    if (isParity) return "parity";
    return level === 0 && tree !== "children" ? "data" : "index";
  };
  const wanted = expected.blocks.map(({ level, isParity, block }) => {
    const lane = level === 0 && tree !== "children" ? "data" : "roots";
    return `${text(block)} ${purposeOf(level, isParity)} ${lane}`;
  });
  expect(sunk.map(({ block, purpose, lane }) => `${text(block)} ${purpose} ${lane}`).sort()).toEqual(
    wanted.sort(),
  );
}

describe("a tree that is written while it flows", () => {
  const coding = fc.record({
    segmentData: fc.integer({ min: 1, max: 6 }),
    segmentParity: fc.integer({ min: 0, max: 6 }),
    crossSegments: fc.integer({ min: 0, max: 2 }),
  });
  const tree = fc.constantFrom<TreeName[]>("content", "children", "shared");

  it("is the tree of its definition, of any size and coding", { timeout: 30_000 }, async () => {
    await fc.assert(fc.asyncProperty(tree, coding, fc.integer({ min: 1, max: 70 }), expectSame), {
      numRuns: 20,
    });
  });

  it("where groups end: at one block before, at and behind each border", { timeout: 30_000 }, async () => {
    const tiny: Coding = { segmentData: 1, segmentParity: 1, crossSegments: 1 };
    for (const count of [15, 16, 127, 128, 129, 130, 257]) await expectSame("shared", tiny, count);
    const pairs: Coding = { segmentData: 2, segmentParity: 0, crossSegments: 2 };
    for (const count of [30, 31, 32, 255, 256, 257]) await expectSame("content", pairs, count);
  });

  it("by the default coding has all its parity, and gives every block away in an order of its own alone", async () => {
    const coding: Coding = { segmentData: 128, segmentParity: 32, crossSegments: 1 };
    for (const count of [1, 2, 128, 129]) await expectSame("content", coding, count);
    const [first, second] = [await write("content", coding, 130), await write("content", coding, 130)];
    expect(first.sunk.map(({ id }) => id)).toEqual(second.sunk.map(({ id }) => id));
  });

  it("gives a segment's parity away as soon as two more full ones are there, so that it holds no more", async () => {
    const coding: Coding = { segmentData: 4, segmentParity: 1, crossSegments: 0 };
    const sink = new RecordingSink();
    const writer = new TreeWriter({ crypto: nodeProvider, code, coding, sink }, "content", verifyKey);
    const counts: number[] = [];
    for (const leaf of LEAVES.slice(0, 14)) {
      await writer.addLeaf(leaf);
      counts.push(sink.blocks.length);
    }
    expect(counts).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 15, 16]);
  });

  it("is made whole from any blocks of a segment, as many as its data, with the verify key alone", async () => {
    const leaves = fc.integer({ min: 1, max: 30 });
    const losses = fc.array(fc.nat(1000), { minLength: 20, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(tree, coding, leaves, losses, async (name, how, count, lost) => {
        const { root, sunk } = await write(name, how, count);
        const [level] = treeLevels(name, root) as [Level];
        fc.pre(level.ids === root.topIds.length);
        const blocks = new Map(sunk.map(({ id, block }) => [id, block]));
        const maskKey = parityMaskKey(nodeProvider, verifyKey, name);
        for (const { kind, index, firstData, firstId, data, parity } of segmentsOf(level)) {
          if (kind === "cross") continue;
          const stored = root.topIds.slice(firstId, firstId + data + parity).map((id) => blocks.get(id));
          const left = stored.map((block, at) => {
            const position = { use: "dataParity", level: 0, segment: index, row: at - data } as const;
            return at < data ? block : maskParity(nodeProvider, maskKey, position, block as Uint8Array);
          });
          for (let i = 0; i < parity; i++) left[(lost[i % lost.length] as number) % left.length] = undefined;
          const found = code.decode(data, left);
          for (const [j, block] of found.entries()) {
            if (Buffer.compare(block, LEAVES[firstData + j] as Uint8Array) !== 0)
              expect.fail("another block");
          }
        }
      }),
      { numRuns: 20 },
    );
  });

  it("refuses a coding by which a tree would never end", () => {
    const coding: Coding = { segmentData: 1, segmentParity: 64, crossSegments: 0 };
    const make = () =>
      new TreeWriter({ crypto: nodeProvider, code, coding, sink: new RecordingSink() }, "shared", verifyKey);
    expect(make).toThrowError(expect.objectContaining({ code: "BAD_INPUT" }));
  });
});
