import { CELL_BYTES, SERVICE } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { ACCEPTED_LINK_IDLE_MS, LINK_IDLE_MS, MAX_CONSTANT_RATE_LINKS } from "../../src/limits.ts";
import type { ConstantRate } from "../../src/link/constant-rate.ts";
import type { Circuit } from "../../src/node/overlay.ts";
import { createRelays } from "../support/relays.ts";

const RATE: ConstantRate = { cells: 2, intervalMs: 100 };
const CALL = { maxResponseBytes: 100_000, timeout: 60_000 };
type Relay = Awaited<ReturnType<ReturnType<typeof createRelays>["relay"]>>;

/** Three relays that answer with 20,000 bytes, the first of them with `places` for constant rates. */
async function threeRelays(places?: number) {
  const seen: { from: string; to: string; bytes: number; at: number }[] = [];
  const world = createRelays("constant rate links", {
    latency: () => 5,
    observe: ({ from, to, bytes }) => seen.push({ from, to, bytes: bytes.length, at: world.clock.now() }),
  });
  const first = await world.relay(places === undefined ? {} : { constantRateLinks: places });
  const relays: readonly Relay[] = [first, await world.relay(), await world.relay()];
  for (const { node } of relays)
    node.serve(SERVICE.BLOCKS, { maxRequestBytes: 100_000, handle: () => new Uint8Array(20_000) });
  const run = <Value>(promise: Promise<Value>) => world.clock.complete(promise, { limit: 120_000 });
  const path = relays.map(({ descriptor }) => descriptor);
  return { world, relays, path, seen, run, guard: first };
}

const isBuilt = (circuit: object): circuit is Circuit => "call" in circuit;
const connectionsOf = (world: ReturnType<typeof createRelays>, host: string) =>
  world.memory.connections().filter(({ from }) => from === host).length;

describe("a client that wants a constant rate", () => {
  it("has a circuit over the guard, and every record to and from it has one size and its time", async () => {
    const { world, path, seen, run, guard } = await threeRelays();
    const client = world.client(undefined, { constantRate: () => RATE });
    const circuit = await run(client.node.buildCircuit(path));
    if (!isBuilt(circuit)) throw new Error("not built");
    expect((await run(circuit.call(SERVICE.BLOCKS, new Uint8Array(30_000), CALL))).length).toBe(20_000);
    for (const [from, to] of [
      [client.host, guard.host],
      [guard.host, client.host],
    ]) {
      const records = seen
        .filter((one) => one.from === from && one.to === to)
        .slice(from === guard.host ? 1 : 2);
      expect(new Set(records.map(({ bytes }) => bytes))).toEqual(new Set([2 * CELL_BYTES + 16]));
      expect(new Set(records.slice(1).map(({ at }, index) => at - records[index]!.at))).toEqual(
        new Set([100]),
      );
    }
  });

  it("dials anew where a link without it stands, and keeps off that one", async () => {
    const { world, path, seen, run, guard } = await threeRelays();
    let rate: ConstantRate | undefined;
    const client = world.client(undefined, { constantRate: () => rate });
    const { nodeId } = guard.descriptor;
    await run(client.node.call(nodeId, SERVICE.BLOCKS, new Uint8Array(9), CALL));
    expect(connectionsOf(world, client.host)).toBe(1);
    rate = RATE;
    const both = await run(Promise.all([client.node.buildCircuit(path), client.node.buildCircuit(path)]));
    expect(both.every(isBuilt)).toBe(true);
    expect(connectionsOf(world, client.host)).toBeLessThanOrEqual(2);
    // What is said to the node directly now rides inside, too.
    const before = seen.length;
    await run(client.node.call(nodeId, SERVICE.BLOCKS, new Uint8Array(20_000), CALL));
    const sizes = seen.slice(before).filter(({ from, to }) => from === client.host || to === client.host);
    expect(new Set(sizes.map(({ bytes }) => bytes))).toEqual(new Set([2 * CELL_BYTES + 16]));
  });

  it("keeps its link without circuits while it wants it, and lets it go when it does not", async () => {
    const { world, path, run } = await threeRelays();
    let rate: ConstantRate | undefined = RATE;
    const client = world.client(undefined, { constantRate: () => rate });
    const circuit = await run(client.node.buildCircuit(path));
    if (!isBuilt(circuit)) throw new Error("not built");
    circuit.close();
    await world.clock.advance(2 * ACCEPTED_LINK_IDLE_MS);
    expect(connectionsOf(world, client.host)).toBe(1);
    rate = undefined;
    await world.clock.advance(LINK_IDLE_MS);
    expect(connectionsOf(world, client.host)).toBe(0);
  });

  it("gets no circuit over a guard that grants none, and hears why", async () => {
    const { world, path, seen, run, guard } = await threeRelays(0);
    let refused = 0;
    const client = world.client(undefined, { constantRate: () => RATE, onRateRefused: () => refused++ });
    expect(await run(client.node.buildCircuit(path))).toMatchObject({ hops: 0 });
    expect(refused).toBe(1);
    await world.clock.advance(100);
    expect(connectionsOf(world, client.host)).toBe(0);
    // The handshake, and nothing behind it.
    expect(seen.filter(({ from, to }) => from === client.host && to === guard.host)).toHaveLength(2);
    const plain = world.client();
    expect(isBuilt(await run(plain.node.buildCircuit(path)))).toBe(true);
  });

  it.each<[string, ConstantRate, boolean]>([
    ["as much as may be granted", { cells: 15, intervalMs: 59 }, true],
    ["more", { cells: 15, intervalMs: 58 }, false],
    ["records at the shortest interval", { cells: 1, intervalMs: 50 }, true],
    ["records more often", { cells: 1, intervalMs: 49 }, false],
  ])("and asks for %s: %o, is served: %s", async (_, rate, isServed) => {
    const { world, path, run } = await threeRelays();
    const client = world.client(undefined, { constantRate: () => rate });
    expect(isBuilt(await run(client.node.buildCircuit(path)))).toBe(isServed);
  });
});

describe("a guard", () => {
  it("grants as many clients a constant rate as its operator says, and the next one when a place is free", async () => {
    const { world, path, run } = await threeRelays(2);
    const refused: number[] = [];
    const clients = [0, 1, 2].map((n) =>
      world.client(undefined, { constantRate: () => RATE, onRateRefused: () => refused.push(n) }),
    );
    const built = [];
    for (const { node } of clients) built.push(isBuilt(await run(node.buildCircuit(path))));
    expect({ built, refused }).toEqual({ built: [true, true, false], refused: [2] });
    await clients[0]!.node.stop();
    await world.clock.advance(100);
    expect(isBuilt(await run(clients[2]!.node.buildCircuit(path)))).toBe(true);
  });

  it("never grants more than the cap, whatever its operator says", async () => {
    const { world, path, run } = await threeRelays(10 * MAX_CONSTANT_RATE_LINKS);
    const slow: ConstantRate = { cells: 1, intervalMs: 1000 };
    for (let n = 0; n <= MAX_CONSTANT_RATE_LINKS; n++) {
      const { node } = world.client(undefined, { constantRate: () => slow });
      const direct = node.buildCircuit(path.slice(0, 1));
      expect(isBuilt(await run(direct))).toBe(n < MAX_CONSTANT_RATE_LINKS);
    }
  });

  it("ends the link of a client that asks although no place was left when it was answered", async () => {
    const { world, path, run } = await threeRelays(1);
    // Both shake hands at once: both are told of the one place.
    const clients = [
      world.client(undefined, { constantRate: () => RATE }),
      world.client(undefined, { constantRate: () => RATE }),
    ];
    const built = await run(Promise.all(clients.map(({ node }) => node.buildCircuit(path))));
    expect(built.filter(isBuilt)).toHaveLength(1);
  });
});
