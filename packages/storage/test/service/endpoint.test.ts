import type { NodeId } from "@umbel/core";
import { decodeGetReply, decodePutReply, encodeBlockMessage } from "@umbel/storage";
import { describe, expect, it } from "vitest";
import { sampleBlock } from "../../../../test/support/blocks.ts";
import { ENDPOINT_MAX_ACTIVE, HOLDER_HEDGE_MS, HOLDER_PUT_TIMEOUT_MS } from "../../src/limits.ts";
import { type Behaviour, createHolderNetwork, overCircuit, type TestNode } from "./holder-network.ts";

const { id, block } = sampleBlock(1);
const LIMIT = { limit: 60_000 };

/** A network, its nodes from the nearest to the block outwards, and requests through the farthest one. */
function create(count = 12) {
  const network = createHolderNetwork(count);
  const nodes = network.byDistance(id);
  const endpoint = nodes.at(-1) as TestNode;
  const ask = async (node: TestNode, payload: Uint8Array, circuit = 1) =>
    network.clock.complete(
      Promise.resolve(node.endpoint.handle({ payload, origin: overCircuit(circuit) })),
      LIMIT,
    );
  const get = async (through = endpoint, circuit = 1, bypassCaches = false) =>
    decodeGetReply(await ask(through, encodeBlockMessage({ op: "get", id, copy: 0, bypassCaches }), circuit));
  const put = async (through = endpoint) =>
    decodePutReply(await ask(through, encodeBlockMessage({ op: "put", id, copy: 0, block })));
  const behave = (behaviour: Behaviour, ...which: readonly number[]) => {
    for (const at of which) (nodes[at] as TestNode).behaviour = behaviour;
  };
  const stored = () => nodes.map((node) => node.store.count());
  return { ...network, network, nodes, endpoint, ask, get, put, behave, stored };
}
const same = (found: Uint8Array | undefined) => found !== undefined && Buffer.compare(found, block) === 0;

describe("an endpoint's PUT", () => {
  it("puts a block at its three holders and nowhere else", async () => {
    const { put, stored } = create();
    expect(await put()).toBe(3);
    expect(stored()).toEqual([1, 1, 1, ...Array(9).fill(0)]);
  });

  it.each<Behaviour>(["is dead", "resets", "babbles", "stalls"])(
    "puts at the next nearest node what a holder that %s does not take",
    async (behaviour) => {
      const { put, behave, stored, clock } = create();
      behave(behaviour, 0, 2);
      expect(await put()).toBe(3);
      expect(stored()).toEqual([0, 1, 0, 1, 1, ...Array(7).fill(0)]);
      if (behaviour === "stalls") expect(clock.now()).toBeLessThan(HOLDER_PUT_TIMEOUT_MS + 100);
    },
  );

  it("reports how many confirmed when there are not enough nodes", async () => {
    expect(await create(2).put()).toBe(2);
    const { put, behave } = create(7);
    behave("is dead", 0, 1, 2, 3, 4);
    expect(await put()).toBe(1);
    behave("is dead", 5);
    expect(await put()).toBe(0);
  });

  it("passes on nothing that is not the id's block", async () => {
    const { ask, endpoint, stored, nodes } = create();
    const altered = encodeBlockMessage({ op: "put", id, copy: 0, block });
    altered[altered.length - 1] = (altered.at(-1) as number) ^ 1;
    expect(decodePutReply(await ask(endpoint, altered))).toBe(0);
    expect(stored().every((count) => count === 0)).toBe(true);
    expect(nodes.every(({ calls }) => calls === 0)).toBe(true);
  });

  it("stores in its own node, without a call, when that is a holder", async () => {
    const { put, nodes, stored } = create();
    expect(await put(nodes[1])).toBe(3);
    expect(stored().slice(0, 4)).toEqual([1, 1, 1, 0]);
    expect(nodes.map(({ calls }) => calls).slice(0, 3)).toEqual([1, 0, 1]);
  });
});

describe("an endpoint's GET", () => {
  it("looks as many nodes further out as of the nearest six are gone, and no further", async () => {
    for (const gone of [3, 4]) {
      const { get, nodes, behave } = create(14);
      behave("is dead", ...[0, 1, 2, 3].slice(0, gone));
      await (nodes[9] as TestNode).store.put(id, 0, block);
      expect(same(await get())).toBe(gone === 4);
    }
  });

  it("does not look further out for nodes that refuse", async () => {
    const { get, nodes, behave } = create(14);
    behave("resets", 0, 1, 2, 3, 4, 5);
    await (nodes[6] as TestNode).store.put(id, 0, block);
    expect(await get()).toBeUndefined();
  });

  it("asks the nearest holder alone when that answers", async () => {
    const { put, get, nodes } = create();
    await put();
    for (const node of nodes) node.calls = 0;
    expect(same(await get())).toBe(true);
    expect(nodes.map(({ calls }) => calls)).toEqual([1, ...Array(11).fill(0)]);
  });

  it("asks its own holder first when that is one of the three, without a call, and the others when it has none", async () => {
    const { put, get, nodes } = create();
    await put();
    for (const node of nodes) node.calls = 0;
    expect(same(await get(nodes[2]))).toBe(true);
    expect(nodes.map(({ calls }) => calls)).toEqual(Array(12).fill(0));
    await (nodes[2] as TestNode).store.remove(id);
    expect(same(await get(nodes[2]))).toBe(true);
    expect(nodes.map(({ calls }) => calls)).toEqual([1, ...Array(11).fill(0)]);
  });

  it("keeps a near miss in its place, its own node too", async () => {
    const { put, get, nodes } = create();
    await put();
    for (const node of nodes) node.calls = 0;
    expect(same(await get(nodes[3]))).toBe(true);
    expect(nodes.map(({ calls }) => calls)).toEqual([1, ...Array(11).fill(0)]);
  });

  it.each<Behaviour>(["is dead", "resets", "babbles", "stalls", "lies"])(
    "gets the block while one holder is left, when the others each %s",
    async (behaviour) => {
      const { put, get, behave } = create();
      await put();
      behave(behaviour, 0, 1);
      expect(same(await get())).toBe(true);
    },
  );

  it("asks the next holder beside one that is silent", async () => {
    const { put, get, behave, clock } = create();
    await put();
    behave("stalls", 0);
    const start = clock.now();
    expect(same(await get())).toBe(true);
    expect(clock.now() - start).toBeLessThan(HOLDER_HEDGE_MS + 50);
  });

  it("finds at a near miss what was put there while holders were dead", async () => {
    const { put, get, behave } = create();
    behave("is dead", 0, 1, 2);
    expect(await put()).toBe(3);
    behave("serves", 0, 1, 2);
    expect(same(await get())).toBe(true);
  });

  it("does not pay for a dead holder twice", async () => {
    const { put, get, behave, nodes } = create();
    await put();
    behave("is dead", 0);
    await get();
    for (const node of nodes) node.calls = 0;
    expect(same(await get())).toBe(true);
    expect(nodes.slice(0, 2).map(({ calls }) => calls)).toEqual([0, 1]);
  });

  it("asks a holder that was unreachable again when nobody else has the block, and first again later", async () => {
    const { put, get, behave, nodes, clock } = create();
    await put();
    behave("is dead", 0, 1, 2);
    expect(await get()).toBeUndefined();
    behave("serves", 0);
    expect(same(await get())).toBe(true);
    await clock.advance(60_000);
    for (const node of nodes) node.calls = 0;
    expect(same(await get())).toBe(true);
    expect((nodes[0] as TestNode).calls).toBe(1);
  });

  it("answers not found, in bounded time, when nobody has it and when nobody answers", async () => {
    const { get, behave, clock } = create();
    expect(await get()).toBeUndefined();
    behave("stalls", 0, 1, 2, 3, 4, 5);
    const start = clock.now();
    expect(await get()).toBeUndefined();
    expect(clock.now() - start).toBeLessThan(20_000);
  });

  it("reads its own node's store, without a call, when that is a holder", async () => {
    const { put, get, nodes, behave } = create();
    await put();
    behave("is dead", 1, 2);
    for (const node of nodes) node.calls = 0;
    expect(same(await get(nodes[0]))).toBe(true);
    expect(nodes.every(({ calls }) => calls === 0)).toBe(true);
  });
});

describe("an endpoint", () => {
  it("answers circuits only", async () => {
    const { endpoint } = create();
    const payload = encodeBlockMessage({ op: "get", id, copy: 0, bypassCaches: false });
    for (const peer of [undefined, "node-0" as NodeId]) {
      await expect(
        endpoint.endpoint.handle({ payload, origin: { via: "link", peer } }),
      ).rejects.toMatchObject({
        code: "PROTOCOL_VIOLATION",
      });
    }
  });

  it("rejects what is no block message", async () => {
    const { endpoint } = create();
    const garbage = endpoint.endpoint.handle({ payload: new Uint8Array(63), origin: overCircuit(1) });
    await expect(garbage).rejects.toMatchObject({ code: "BAD_ENCODING" });
  });

  it("lets a circuit with one request overtake one with many", async () => {
    const { endpoint, clock } = create();
    const payload = encodeBlockMessage({ op: "get", id, copy: 0, bypassCaches: true });
    const done: number[] = [];
    const ask = async (circuit: number) => {
      await endpoint.endpoint.handle({ payload, origin: overCircuit(circuit) });
      done.push(circuit);
    };
    const bulk = Array.from({ length: ENDPOINT_MAX_ACTIVE + 100 }, () => ask(1));
    await clock.complete(Promise.all([...bulk, ask(2)]), LIMIT);
    expect(done.indexOf(2)).toBeGreaterThanOrEqual(0);
    expect(done.indexOf(2)).toBeLessThan(ENDPOINT_MAX_ACTIVE + 10);
  });
});
