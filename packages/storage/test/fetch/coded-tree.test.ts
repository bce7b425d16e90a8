import type { BlockId } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryBlockNetwork } from "../../../../test/support/memory-block-network.ts";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import type { BlockNetwork } from "../../src/block/block-network.ts";
import { blockIdOf } from "../../src/block/location.ts";
import { createErasureCode, type ErasureCode } from "../../src/erasure/erasure-code.ts";
import { CodedTree } from "../../src/fetch/coded-tree.ts";
import { crossSegmentOf, type Segment, segmentOf } from "../../src/format/segments.ts";
import { GET_TRIES } from "../../src/limits.ts";
import {
  contextOf,
  expectSame,
  lose,
  readAll,
  SMALL,
  treeOf,
  verifyKey,
  type Written,
  written,
} from "./written-tree.ts";

/** As many leaves as make cross segments. */
const WITH_CROSS = 80;
const NOT_FOUND = { code: "NOT_FOUND" };

describe("a coded tree is read", () => {
  it("without a single block of parity while nothing is missing", async () => {
    const all = await written(50, SMALL);
    expectSame(await readAll(treeOf(all)), all.leaves);
    expect(all.network.gets.length).toBe(50);
  });

  it("whatever is lost of any segment of any level, up to its parity", async () => {
    const codings = fc.record({
      segmentData: fc.integer({ min: 1, max: 9 }),
      segmentParity: fc.integer({ min: 1, max: 4 }),
      crossSegments: fc.constant(0),
    });
    await fc.assert(
      fc.asyncProperty(codings, fc.integer({ min: 1, max: 60 }), fc.nat(), async (coding, count, seed) => {
        const all = await written(count, coding);
        const random = createSeededRandom(seed);
        const tree = treeOf(all);
        const lost: BlockId[] = [];
        for (const [level, shape] of tree.levels.entries()) {
          for (let index = 0; index < shape.segments; index++) {
            const segment = segmentOf(shape, index);
            lost.push(...some(await tree.segmentIds(level, segment), segment.parity, random));
          }
        }
        lose(all.network, lost);
        expectSame(await readAll(treeOf(all)), all.leaves);
      }),
      { numRuns: 25 },
    );
  });

  it("with index blocks lost, which are decoded like data", async () => {
    const all = await written(700, { segmentData: 64, segmentParity: 16, crossSegments: 0 });
    const tree = treeOf(all);
    expect(tree.levels.length).toBe(2);
    lose(all.network, (await tree.segmentIds(1, segmentOf(tree.levels[1] as never, 0))).slice(0, 1));
    const again = treeOf(all);
    const blocks = again.dataBlocks(0, 0, undefined);
    expect(Buffer.compare(await blocks(0), all.leaves[0] as Uint8Array)).toBe(0);
  });

  it("one block alone, by as many others of its segment as decode it", async () => {
    const all = await written(40, SMALL);
    const tree = treeOf(all);
    lose(all.network, [await tree.dataId(0, 5)]);
    all.network.gets.length = 0;
    expect(Buffer.compare(await tree.dataBlocks(0, 5, undefined)(5), all.leaves[5] as Uint8Array)).toBe(0);
    // The lost one once, then three data blocks and parity; with loss in sight, one or two to spare.
    expect(all.network.gets.length).toBeLessThanOrEqual(1 + 4 + 2);
  });

  it("not at all when a segment lacks more than its parity: the error says how much and what to do", async () => {
    const all = await written(12, { ...SMALL, crossSegments: 0 });
    const tree = treeOf(all);
    const segment = segmentOf(tree.levels[0] as never, 1);
    const ids = await tree.segmentIds(0, segment);
    lose(all.network, ids.slice(0, segment.parity + 1));
    await expect(readAll(treeOf(all))).rejects.toMatchObject({
      ...NOT_FOUND,
      message: expect.stringMatching(
        /^1 too few of blocks 5 to 8 of 12 were found in the network \(3 of the 4 that are needed\), after 3 tries; try again later; umbel repair /,
      ),
    });
    expect(all.network.gets.filter(({ id }) => id === ids[0]).length).toBe(GET_TRIES);
  });

  it("after a second look, when too much was not found at the first one", async () => {
    const all = await written(12, { ...SMALL, crossSegments: 0 });
    const seen = new Set<BlockId>();
    const forgetful = new MemoryBlockNetwork({
      onGet: ({ id }) => (seen.has(id) ? all.network.blocks.get(`0:${id}`) : void seen.add(id)),
    });
    expectSame(await readAll(treeOf({ ...all, network: forgetful })), all.leaves);
  });

  it("never with blocks that parity makes and the index does not know", async () => {
    const good = createErasureCode();
    const wrong: ErasureCode = {
      ...good,
      encode: (data, parity) => good.encode(data, parity).map((row) => row.map((byte) => byte ^ 1)),
      accumulate: (target, row, column, source) =>
        good.accumulate(target, row, column, column === 1 ? target : source),
    };
    const all = await written(8, { ...SMALL, crossSegments: 0 }, wrong);
    const tree = treeOf(all);
    lose(all.network, [await tree.dataId(0, 0)]);
    await expect(readAll(tree)).rejects.toMatchObject({ code: "BAD_ENCODING" });
  });

  it("not further than the signal allows", async () => {
    const all = await written(8, SMALL);
    const blocks = treeOf(all).dataBlocks(0, 7, AbortSignal.abort());
    await expect(blocks(0)).rejects.toMatchObject({ code: "ABORTED" });
  });
});

describe("a segment that is lost altogether comes back", () => {
  const segmentIds = async (all: Written, index: number) => {
    const tree = treeOf(all);
    return tree.segmentIds(0, segmentOf(tree.levels[0] as never, index));
  };

  it("from the others of its group and a cross segment", async () => {
    const all = await written(WITH_CROSS, SMALL);
    for (const index of [0, 7, 18, 19]) {
      const network = copyOf(all.network);
      lose(network, await segmentIds(all, index));
      expectSame(await readAll(treeOf({ ...all, network })), all.leaves);
    }
  });

  it("also to who asks for another of its blocks while it is on its way", async () => {
    const all = await written(WITH_CROSS, SMALL);
    const ids = await segmentIds(all, 3);
    lose(all.network, ids);
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const waiting: BlockId[] = [];
    const gated: BlockNetwork = {
      get: async (get, options) => {
        if (!ids.includes(get.id)) {
          waiting.push(get.id);
          await gate;
        }
        return all.network.get(get, options);
      },
      put: all.network.put.bind(all.network),
      getSlot: all.network.getSlot.bind(all.network),
      putSlot: all.network.putSlot.bind(all.network),
      close() {},
    };
    const tree = new CodedTree(contextOf(gated), { tree: "content", root: all.root, verifyKey });
    const blocks = tree.dataBlocks(0, 15, undefined);
    const first = blocks(12);
    while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const second = blocks(15);
    await new Promise((resolve) => setImmediate(resolve));
    open();
    expectSame(await Promise.all([first, second]), [all.leaves[12], all.leaves[15]] as Uint8Array[]);
    expect(new Set(waiting).size).toBe(waiting.length);
  });

  it("also when the last two are shorter, and others lack as much as their parity", async () => {
    const all = await written(WITH_CROSS - 3, SMALL);
    const tree = treeOf(all);
    const shape = tree.levels[0] as never;
    const random = createSeededRandom("others");
    for (let index = 0; index < 20; index++) {
      const segment = segmentOf(shape, index);
      const ids = await tree.segmentIds(0, segment);
      lose(all.network, index === 3 ? ids : some(ids, segment.parity, random));
    }
    const cross = crossSegmentOf(shape, 0);
    lose(all.network, some(await tree.segmentIds(0, cross), cross.parity, random));
    expectSame(await readAll(treeOf(all)), all.leaves);
  });

  it("not when two of a group are lost and there is one cross segment", async () => {
    const all = await written(WITH_CROSS, SMALL);
    lose(all.network, [...(await segmentIds(all, 2)), ...(await segmentIds(all, 9))]);
    await expect(readAll(treeOf(all))).rejects.toMatchObject(NOT_FOUND);
  });

  it("when two lack different blocks of their columns", async () => {
    const all = await written(WITH_CROSS, SMALL);
    const columns = async (index: number, lost: readonly number[]) => {
      const ids = await segmentIds(all, index);
      return [...lost.map((column) => ids[column] as BlockId), ...ids.slice(4)];
    };
    lose(all.network, [...(await columns(2, [0, 1])), ...(await columns(9, [2, 3]))]);
    expectSame(await readAll(treeOf(all)), all.leaves);
  });

  it("not for who asks without the others", async () => {
    const all = await written(WITH_CROSS, SMALL);
    lose(all.network, await segmentIds(all, 2));
    const tree = treeOf(all);
    const segment = segmentOf(tree.levels[0] as never, 2);
    await expect(tree.recoverSegment(0, segment, { across: false })).rejects.toMatchObject(NOT_FOUND);
    expectSame(await tree.recoverSegment(0, segment), all.leaves.slice(8, 12));
  });
});

describe("repair", () => {
  it("gets all data of a segment, and its parity as it was stored", async () => {
    const all = await written(WITH_CROSS, SMALL);
    const tree = treeOf(all);
    const shape = tree.levels[0] as never;
    const segments: Segment[] = [segmentOf(shape, 4), segmentOf(shape, 19), crossSegmentOf(shape, 0)];
    for (const segment of segments) {
      const ids = await tree.segmentIds(0, segment);
      const data = await tree.recoverSegment(0, segment);
      const blocks = [...data, ...tree.parityBlocks(0, segment, data)];
      expect(blocks.map((block) => blockIdOf(nodeProvider, block))).toEqual(ids);
    }
  });

  it("does not ask for what the caller has", async () => {
    const all = await written(8, SMALL);
    const tree = treeOf(all);
    const segment = segmentOf(tree.levels[0] as never, 0);
    all.network.gets.length = 0;
    const data = await tree.recoverSegment(0, segment, { known: [undefined, ...all.leaves.slice(1, 4)] });
    expectSame(data, all.leaves.slice(0, 4));
    expect(all.network.gets.length).toBe(1);
  });
});

function copyOf(network: MemoryBlockNetwork): MemoryBlockNetwork {
  const copy = new MemoryBlockNetwork();
  for (const [key, block] of network.blocks) copy.blocks.set(key, block);
  return copy;
}

/** `count` of `ids`, which ones the random source says. */
function some(
  ids: readonly BlockId[],
  count: number,
  random: ReturnType<typeof createSeededRandom>,
): BlockId[] {
  const left = [...ids];
  return Array.from(
    { length: count },
    () => left.splice(Math.floor(random.fraction() * left.length), 1)[0] as BlockId,
  );
}
