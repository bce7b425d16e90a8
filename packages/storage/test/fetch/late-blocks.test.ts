import { type BlockId, UmbelError } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { createVirtualClock } from "../../../../test/support/virtual-clock.ts";
import type { BlockNetwork } from "../../src/block/block-network.ts";
import { CodedTree } from "../../src/fetch/coded-tree.ts";
import {
  contextOf,
  expectSame,
  readAll,
  SMALL,
  treeOf,
  verifyKey,
  type Written,
  written,
} from "./written-tree.ts";

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
