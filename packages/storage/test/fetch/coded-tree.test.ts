import { type BlockId, UmbelError } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sampleBlock } from "../../../../test/support/blocks.ts";
import { MemoryBlockNetwork } from "../../../../test/support/memory-block-network.ts";
import { sampleBytes } from "../../../../test/support/publishing.ts";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { createVirtualClock } from "../../../../test/support/virtual-clock.ts";
import type { BlockNetwork } from "../../src/block/block-network.ts";
import { blockIdOf } from "../../src/block/location.ts";
import { createPace } from "../../src/client/pace.ts";
import { createErasureCode, type ErasureCode } from "../../src/erasure/erasure-code.ts";
import type { FetchContext } from "../../src/fetch/block-getter.ts";
import { CodedTree } from "../../src/fetch/coded-tree.ts";
import type { Coding } from "../../src/format/coding.ts";
import { crossSegmentOf, type Segment, segmentOf } from "../../src/format/segments.ts";
import type { RootTree } from "../../src/format/trees.ts";
import { GET_TRIES } from "../../src/limits.ts";
import type { BlockSink } from "../../src/publish/block-sink.ts";
import { TreeWriter } from "../../src/publish/tree-writer.ts";

const verifyKey = sampleBytes(32, "verify");
const SMALL: Coding = { segmentData: 4, segmentParity: 2, crossSegments: 1 };
/** As many leaves as make cross segments. */
const WITH_CROSS = 80;

interface Written {
  readonly network: MemoryBlockNetwork;
  readonly root: RootTree;
  readonly leaves: readonly Uint8Array[];
}

async function written(
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

function contextOf(network: BlockNetwork, more: Partial<FetchContext> = {}): FetchContext {
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

function treeOf({ network, root }: Pick<Written, "network" | "root">): CodedTree {
  return new CodedTree(contextOf(network), { tree: "content", root, verifyKey });
}

function lose(network: MemoryBlockNetwork, ids: Iterable<BlockId>): void {
  for (const id of ids) network.blocks.delete(`0:${id}`);
}

async function readAll(tree: CodedTree): Promise<Uint8Array[]> {
  const count = tree.levels[0]?.data ?? 0;
  const blocks = tree.dataBlocks(0, count - 1, undefined);
  const read: Uint8Array[] = [];
  for (let i = 0; i < count; i++) read.push(await blocks(i));
  return read;
}

function expectSame(read: readonly Uint8Array[], leaves: readonly Uint8Array[]): void {
  expect(read.length).toBe(leaves.length);
  for (const [i, block] of read.entries()) expect(Buffer.compare(block, leaves[i] as Uint8Array)).toBe(0);
}

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
    let waiting = 0;
    const gated: BlockNetwork = {
      get: async (get, options) => {
        if (!ids.includes(get.id)) {
          waiting++;
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
    while (waiting === 0) await new Promise((resolve) => setImmediate(resolve));
    const second = blocks(15);
    await new Promise((resolve) => setImmediate(resolve));
    open();
    expectSame(await Promise.all([first, second]), [all.leaves[12], all.leaves[15]] as Uint8Array[]);
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

describe("a block that takes too long", () => {
  const createTiming = () => {
    const clock = createVirtualClock();
    return { clock, timers: clock };
  };
  const stuckAt = (all: Written, stuck: BlockId): BlockNetwork => ({
    get: (get, options) => {
      if (get.id !== stuck) return all.network.get(get, options);
      return new Promise((_, reject) =>
        options?.signal?.addEventListener("abort", () => reject(new UmbelError("ABORTED", "stopped"))),
      );
    },
    put: all.network.put.bind(all.network),
    getSlot: all.network.getSlot.bind(all.network),
    putSlot: all.network.putSlot.bind(all.network),
    close() {},
  });

  it("is decoded from others that are wanted anyway, and from parity", async () => {
    const all = await written(8, SMALL);
    const timing = createTiming();
    const network = stuckAt(all, await treeOf(all).dataId(0, 1));
    const tree = new CodedTree(contextOf(network, { timing }), {
      tree: "content",
      root: all.root,
      verifyKey,
    });
    const blocks = tree.dataBlocks(0, 7, undefined);
    const waiting = blocks(1);
    await blocks(0);
    expect(all.network.gets.length).toBe(1);
    await timing.clock.advance(60_000);
    expect(Buffer.compare(await waiting, all.leaves[1] as Uint8Array)).toBe(0);
  });

  it("is not asked for any longer once it was decoded", async () => {
    const all = await written(4, SMALL);
    const timing = createTiming();
    const signals: ({ readonly aborted: boolean } | undefined)[] = [];
    const inner = stuckAt(all, await treeOf(all).dataId(0, 1));
    const network: BlockNetwork = {
      ...inner,
      get: (get, options) => {
        signals.push(options?.signal);
        return inner.get(get, options);
      },
    };
    const tree = new CodedTree(contextOf(network, { timing }), {
      tree: "content",
      root: all.root,
      verifyKey,
    });
    const blocks = tree.dataBlocks(0, 3, undefined);
    const waiting = blocks(1);
    await blocks(0);
    expect(signals.map((signal) => signal?.aborted)).toEqual([false, false]);
    await timing.clock.advance(60_000);
    await waiting;
    expect(signals.every((signal) => signal?.aborted)).toBe(true);
    expectSame(await Promise.all([0, 1, 2, 3].map(blocks)), all.leaves);
  });

  it("is waited for when decoding would cost a range many blocks that it does not want", async () => {
    const all = await written(64, { segmentData: 64, segmentParity: 8, crossSegments: 0 });
    const timing = createTiming();
    const network = stuckAt(all, await treeOf(all).dataId(0, 1));
    const tree = new CodedTree(contextOf(network, { timing }), {
      tree: "content",
      root: all.root,
      verifyKey,
    });
    void tree.dataBlocks(0, 1, undefined)(1);
    await new Promise((resolve) => setImmediate(resolve));
    await timing.clock.advance(60_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(all.network.gets.length).toBe(0);
    expect(timing.clock.pending).toBe(1);
  });

  it("leaves no timer behind once everything is here", async () => {
    const all = await written(8, SMALL);
    const timing = createTiming();
    const tree = new CodedTree(contextOf(all.network, { timing }), {
      tree: "content",
      root: all.root,
      verifyKey,
    });
    expectSame(await readAll(tree), all.leaves);
    expect(timing.clock.pending).toBe(0);
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
