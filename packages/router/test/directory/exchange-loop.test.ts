import { type Descriptor, periodStart, silentLogger } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import type { Directory } from "../../src/directory/directory.ts";
import { type DirectoryExchange, startDirectoryExchange } from "../../src/directory/exchange-loop.ts";
import { decodeDirectoryRequest } from "../../src/directory/exchange-messages.ts";
import { FLOOD_DELAY_MS, FLOOD_FANOUT, MAX_FLOOD_QUEUE, RECONCILE_MAX_MS } from "../../src/limits.ts";
import type { BootstrapEntry } from "../../src/node/overlay.ts";
import { describedNode, describedNodes, network, PERIOD } from "../support/descriptors.ts";
import { createDirectoryWorld, type DirectoryWorld } from "../support/directories.ts";

const nodes = describedNodes(26);
const [first, second, third] = nodes as [Descriptor, Descriptor, Descriptor];

interface Running {
  readonly directory: Directory;
  readonly exchange: DirectoryExchange;
  isReady: boolean;
}

interface Start {
  readonly bootstrap?: readonly BootstrapEntry[];
  readonly self?: () => readonly Uint8Array[];
  readonly seed?: string;
}

const entry = (node: Descriptor): BootstrapEntry => ({ url: node.addresses[0]!.url, nodeId: node.nodeId });

function start(world: DirectoryWorld, node: Descriptor, options: Start = {}): Running {
  const directory = world.node(node, []);
  const { bootstrap = [], self = () => [node.bytes], seed = "" } = options;
  const exchange = startDirectoryExchange({
    directory,
    calls: world.calls,
    bootstrap,
    self,
    ownNodeId: node.nodeId,
    timers: world.clock,
    random: createSeededRandom(`${seed}${node.nodeId}`),
    clock: world.clock,
    log: silentLogger,
  });
  const running: Running = { directory, exchange, isReady: false };
  void exchange.ready.then(() => {
    running.isReady = true;
  });
  return running;
}

describe("the directory exchange", () => {
  it("brings every node to the same directory within seconds when all start at once", async () => {
    const world = createDirectoryWorld();
    const bootstrap = [entry(first), entry(second)];
    const running = nodes.map((node) => start(world, node, { bootstrap }));
    const isWhole = () =>
      running.every(({ directory, isReady }) => isReady && directory.size === nodes.length);
    await world.clock.runUntil(isWhole, { limit: 10_000, what: "a whole directory everywhere" });
  });

  it("tells the others of a late node within a few seconds", async () => {
    const world = createDirectoryWorld();
    const running = nodes.slice(0, 20).map((node) => start(world, node, { bootstrap: [entry(first)] }));
    await world.clock.advance(600_000);
    const late = start(world, nodes[25]!, { bootstrap: [entry(first)] });
    const isKnown = () => running.every(({ directory }) => directory.get(nodes[25]!.nodeId) !== undefined);
    await world.clock.runUntil(isKnown, { limit: 5000, what: "the late node known everywhere" });
    expect(late.directory.size).toBe(21);
  });

  it("falls silent but for one request a minute when nothing changes", async () => {
    const world = createDirectoryWorld();
    for (const node of nodes.slice(0, 10)) start(world, node, { bootstrap: [entry(first)] });
    await world.clock.advance(600_000);
    const before = world.requests;
    await world.clock.advance(10 * RECONCILE_MAX_MS);
    expect((world.requests - before) / 10).toBeLessThan(10 * 1.4);
    expect((world.requests - before) / 10).toBeGreaterThan(10 * 0.7);
  });

  it("does the same thing twice from the same seed", async () => {
    const trace = async (seed: string): Promise<readonly string[]> => {
      const world = createDirectoryWorld();
      for (const node of nodes.slice(0, 8)) start(world, node, { bootstrap: [entry(first)], seed });
      await world.clock.advance(30_000);
      return world.called;
    };
    expect(await trace("a")).toEqual(await trace("a"));
    expect(await trace("a")).not.toEqual(await trace("b"));
  });

  it("asks itself never, though it stands among its bootstrap nodes", async () => {
    const world = createDirectoryWorld();
    const withoutId = { url: first.addresses[0]!.url, nodeId: undefined };
    const alone = start(world, first, { bootstrap: [entry(first), withoutId] });
    await world.clock.advance(300_000);
    expect(alone.isReady).toBe(true);
    expect(world.called).not.toContain(first.nodeId);
  });

  it("is ready when two bootstrap nodes have answered, and not before", async () => {
    const world = createDirectoryWorld();
    for (const node of [first, second, third]) world.node(node);
    const running = start(world, nodes[9]!, { bootstrap: [entry(first), entry(second), entry(third)] });
    await world.clock.settle();
    expect(running.isReady).toBe(false);
    await world.clock.advance(500);
    expect(running.isReady).toBe(true);
    expect(running.directory.size).toBeGreaterThanOrEqual(3);
  });

  it("is ready with one when the others fail, and tries those again with growing pauses", async () => {
    const world = createDirectoryWorld();
    world.node(first);
    const running = start(world, nodes[9]!, { bootstrap: [entry(first), entry(second)] });
    world.replace(second, undefined);
    await world.clock.advance(500);
    expect(running.isReady).toBe(true);
    const asked = () => world.called.filter((id) => id === second.nodeId).length;
    await world.clock.advance(20_000);
    const early = asked();
    expect(early).toBeGreaterThanOrEqual(4);
    await world.clock.advance(20_000);
    expect(asked() - early).toBeLessThanOrEqual(4);
    world.node(second, [second, third]);
    await world.clock.runUntil(() => running.directory.get(third.nodeId) !== undefined, { limit: 80_000 });
  });

  it("waits for a bootstrap node that starts later", async () => {
    const world = createDirectoryWorld();
    const running = start(world, second, { bootstrap: [entry(first)] });
    await world.clock.advance(120_000);
    expect(running.isReady).toBe(false);
    start(world, first);
    await world.clock.runUntil(() => running.isReady, { limit: 80_000 });
    expect(running.directory.size).toBe(2);
  });

  it("joins again when it has lost everybody", async () => {
    const world = createDirectoryWorld();
    let period = PERIOD;
    const self = (index: number) => () => [describedNode(index, { period }).bytes];
    start(world, first, { self: self(0) });
    const running = start(world, second, { bootstrap: [entry(first)], self: self(1) });
    await world.clock.advance(1000);
    expect(running.directory.size).toBe(2);
    period += 3;
    world.clock.stepUnix(3 * network.descriptorPeriodMs);
    await world.clock.runUntil(() => running.directory.size === 2 && running.directory.period === period, {
      limit: 3 * RECONCILE_MAX_MS,
    });
  });

  it("has everybody's next descriptor when a period begins, and turns to it at once", async () => {
    const world = createDirectoryWorld();
    const next = periodStart(network, PERIOD + 1);
    const running = nodes.slice(0, 6).map((node, index) =>
      start(world, node, {
        bootstrap: [entry(first)],
        self: () => {
          const isLate = world.clock.unixNow() > next - 3_600_000;
          return isLate ? [describedNode(index, { period: PERIOD + 1 }).bytes] : [node.bytes];
        },
      }),
    );
    await world.clock.advance(next - world.clock.unixNow() - 1);
    expect(running.map(({ directory }) => [directory.period, directory.size])).toEqual(
      running.map(() => [PERIOD, 6]),
    );
    await world.clock.advance(2);
    expect(running.map(({ directory }) => [directory.period, directory.size])).toEqual(
      running.map(() => [PERIOD + 1, 6]),
    );
  });

  it("passes a pushed descriptor on once, to three at most", async () => {
    const world = createDirectoryWorld();
    for (const node of nodes.slice(1, 9)) world.node(node);
    const running = start(world, first);
    for (const node of nodes.slice(1, 9))
      running.directory.admit(node.bytes, world.clock.unixNow(), "pulled");
    await world.clock.advance(200);
    const before = world.payloads.length;
    running.directory.admit(nodes[20]!.bytes, world.clock.unixNow());
    running.directory.admit(nodes[20]!.bytes, world.clock.unixNow());
    running.directory.admit(nodes[21]!.bytes, world.clock.unixNow(), "pulled");
    await world.clock.advance(200);
    const pushes = world.payloads.slice(before).map((payload) => decodeDirectoryRequest(payload));
    expect(pushes).toEqual(Array(3).fill({ kind: "push", descriptors: [nodes[20]!.bytes] }));
  });

  it("passes no more than its cap on at once", async () => {
    const world = createDirectoryWorld();
    const many = describedNodes(MAX_FLOOD_QUEUE + 30, 1000);
    const running = start(world, first);
    for (const { bytes } of many) running.directory.admit(bytes, world.clock.unixNow());
    await world.clock.advance(FLOOD_DELAY_MS);
    const sent = world.payloads
      .filter(([, kind]) => kind === 2)
      .reduce((sum, [, , count]) => sum + count!, 0);
    expect(sent).toBe(FLOOD_FANOUT * MAX_FLOOD_QUEUE);
  });

  it("goes on after its own descriptor could not be had for once", async () => {
    const world = createDirectoryWorld();
    world.node(first, [first, third]);
    let calls = 0;
    const self = () => {
      if (++calls === 2) throw new Error("planted");
      return [second.bytes];
    };
    const running = start(world, second, { self });
    running.directory.admit(first.bytes, world.clock.unixNow(), "pulled");
    await world.clock.runUntil(() => running.directory.get(third.nodeId) !== undefined, { limit: 10_000 });
    expect(calls).toBeGreaterThan(2);
  });

  it("does nothing more after it was stopped", async () => {
    const world = createDirectoryWorld();
    world.node(first);
    const running = start(world, second, { bootstrap: [entry(first), entry(third)] });
    await world.clock.advance(3000);
    running.exchange.stop();
    await world.clock.advance(1000);
    const before = world.requests;
    running.directory.admit(nodes[20]!.bytes, world.clock.unixNow());
    await world.clock.advance(600_000);
    expect(world.requests).toBe(before);
    expect(world.clock.pending).toBe(0);
  });
});
