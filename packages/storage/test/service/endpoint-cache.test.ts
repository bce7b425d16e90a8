import type { RandomSource } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import type { CircuitToken } from "@umbel/router";
import { createMemoryStore, decodeGetReply, decodePutReply, encodeBlockMessage } from "@umbel/storage";
import { describe, expect, it } from "vitest";
import { sampleBlock } from "../../../../test/support/blocks.ts";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { createVirtualClock } from "../../../../test/support/virtual-clock.ts";
import { ENDPOINT_ABSENT_MS, ENDPOINT_REQUESTS_PER_CACHED, ENDPOINT_SEEN_MS } from "../../src/limits.ts";
import { createEndpointCache } from "../../src/service/endpoint-cache.ts";
import { CACHED_BLOCKS, createHolderNetwork, overCircuit, type TestNode } from "./holder-network.ts";

const { id, block } = sampleBlock(1);

const CACHE = 0;
const PASS = 1;

/** Gives these 32-bit numbers, one at each draw; throws when something draws beyond them. */
function scripted(draws: readonly number[]): RandomSource & { left(): number } {
  const left = [...draws];
  return {
    bytes(length) {
      const value = left.shift();
      if (value === undefined || length !== 4) throw new Error("a draw that the test does not expect");
      return Uint8Array.of(0, 0, 0, value);
    },
    left: () => left.length,
  };
}

/**
 * A network with the block at its holders, and an endpoint far from it; `asked` counts the calls to others since it was last read.
 * `draws` are those for caching, in turn; one that is not among them is an error.
 */
async function create({ isPut = true, draws = [] as readonly number[] } = {}) {
  const random = scripted(draws);
  const network = createHolderNetwork(12, 100, random);
  const nodes = network.byDistance(id);
  const endpoint = nodes.at(-1) as TestNode;
  const ask = (payload: Uint8Array, circuit: number) =>
    network.clock.complete(
      Promise.resolve(endpoint.endpoint.handle({ payload, origin: overCircuit(circuit) })),
      { limit: 60_000 },
    );
  const get = async (circuit: number, bypassCaches = false, wanted = id) =>
    decodeGetReply(await ask(encodeBlockMessage({ op: "get", id: wanted, copy: 0, bypassCaches }), circuit));
  const put = async (circuit: number, given = sampleBlock(1)) =>
    decodePutReply(await ask(encodeBlockMessage({ op: "put", ...given, copy: 0 }), circuit));
  let before = 0;
  const asked = () => {
    const calls = nodes.reduce((sum, node) => sum + node.calls, 0);
    const since = calls - before;
    before = calls;
    return since;
  };
  if (isPut) await put(99);
  asked();
  const cached = () => endpoint.store.cachedCount();
  return { network, nodes, endpoint, get, put, asked, cached, drawsLeft: random.left };
}
const same = (found: Uint8Array | undefined) => found !== undefined && Buffer.compare(found, block) === 0;

describe("an endpoint's cache", () => {
  it("is not filled by a PUT, nor by GETs of one circuit alone", async () => {
    const { get, asked, cached } = await create();
    for (let round = 0; round < 3; round++) {
      expect(same(await get(1))).toBe(true);
      expect(asked()).toBe(1);
    }
    expect(cached()).toBe(0);
  });

  it("is filled by the GET of another circuit that is drawn, and answers from then on", async () => {
    const { get, asked, cached, drawsLeft } = await create({ draws: [CACHE] });
    await get(1);
    expect(drawsLeft()).toBe(1);
    await get(2);
    expect([asked(), cached()]).toEqual([2, 1]);
    for (const circuit of [1, 2, 3]) expect(same(await get(circuit))).toBe(true);
    expect([asked(), drawsLeft()]).toEqual([0, 0]);
  });

  it("can be filled by the third or a later circuit when the second was not drawn", async () => {
    const { get, asked, cached } = await create({ draws: [PASS, PASS, CACHE] });
    for (const circuit of [1, 2, 3]) {
      await get(circuit);
      expect(cached()).toBe(0);
    }
    await get(4);
    expect([asked(), cached()]).toEqual([4, 1]);
    expect(same(await get(5))).toBe(true);
    expect(asked()).toBe(0);
  });

  it("draws once however often one circuit asks in a row", async () => {
    const { get, cached, drawsLeft } = await create({ draws: [PASS, CACHE] });
    await get(1);
    for (let round = 0; round < 5; round++) await get(2);
    expect([cached(), drawsLeft()]).toEqual([0, 1]);
    await get(1);
    expect(cached()).toBe(1);
  });

  it("is filled by one in ENDPOINT_REQUESTS_PER_CACHED requests of further circuits", async () => {
    const clock = createVirtualClock();
    const blocks = createMemoryStore({ maxBytes: 2 ** 20, maxCacheBytes: 2 ** 20 });
    const cache = createEndpointCache(nodeProvider, clock, createSeededRandom("one in some"), blocks);
    let filled = 0;
    const further = 4000;
    for (let circuit = 0; circuit <= further; circuit++) {
      cache.found(id, block, circuit as CircuitToken);
      // After one that is cached, the next circuit is a first one.
      if (!(await blocks.dropCached(id))) continue;
      filled++;
      cache.found(id, block, -1 as CircuitToken);
    }
    const expected = further / ENDPOINT_REQUESTS_PER_CACHED;
    expect(filled).toBeGreaterThan(expected * 0.85);
    expect(filled).toBeLessThan(expected * 1.15);
  });

  it("is passed by, neither filled nor counted on, when the request says so", async () => {
    const { get, asked, cached } = await create({ draws: [CACHE] });
    await get(1, true);
    await get(2, true);
    await get(3);
    expect([asked(), cached()]).toEqual([3, 0]);
    await get(4);
    expect(cached()).toBe(1);
    asked();
    expect(same(await get(5, true))).toBe(true);
    expect(asked()).toBe(1);
  });

  it("does not tell holders that it is passed by", async () => {
    const { network, get, endpoint } = await create();
    const holder = network.byDistance(id)[0] as TestNode;
    const seen: Uint8Array[] = [];
    const { handle } = holder.holder.service;
    Object.assign(holder.holder.service, {
      handle: (request: Parameters<typeof handle>[0]) => {
        seen.push(request.payload);
        return handle(request);
      },
    });
    await get(1, true);
    await get(1);
    expect(endpoint).not.toBe(holder);
    expect(seen).toHaveLength(2);
    expect(seen[0]).toEqual(seen[1]);
  });

  it("forgets a circuit after a while", async () => {
    const { network, get, cached } = await create();
    await get(1);
    await network.clock.advance(ENDPOINT_SEEN_MS);
    await get(2);
    expect(cached()).toBe(0);
  });

  it("does not serve a cached block that came back damaged, and drops it", async () => {
    const { get, endpoint, asked, cached } = await create({ draws: [CACHE] });
    await get(1);
    await get(2);
    asked();
    endpoint.store.getCached = async () => block.slice().fill(0, 5, 6);
    expect(same(await get(3))).toBe(true);
    expect([asked(), cached()]).toEqual([1, 0]);
  });

  it("holds no more blocks than it has room for", async () => {
    const { get, put, cached } = await create({ draws: new Array(CACHED_BLOCKS + 1).fill(CACHE) });
    for (let number = 1; number <= CACHED_BLOCKS + 1; number++) {
      const sample = sampleBlock(number);
      await put(9, sample);
      for (const circuit of [1, 2]) expect(await get(circuit, false, sample.id)).toBeDefined();
      expect(cached()).toBe(Math.min(number, CACHED_BLOCKS));
    }
  });

  it("is apart from what its node holds for others", async () => {
    const { get, endpoint, cached } = await create({ draws: [CACHE] });
    await get(1);
    await get(2);
    expect(cached()).toBe(1);
    expect(endpoint.store.count()).toBe(0);
    const payload = encodeBlockMessage({ op: "get", id, copy: 0, bypassCaches: false });
    const origin = { via: "link", peer: endpoint.id } as const;
    expect(decodeGetReply(await endpoint.holder.service.handle({ payload, origin }))).toBeUndefined();
  });
});

describe("an endpoint remembers that nobody has a block", () => {
  it("for under a minute", async () => {
    const { network, get, asked } = await create({ isPut: false });
    expect(await get(1)).toBeUndefined();
    expect(asked()).toBe(6);
    expect(await get(2)).toBeUndefined();
    expect(asked()).toBe(0);
    expect(ENDPOINT_ABSENT_MS).toBeLessThan(60_000);
    await network.clock.advance(ENDPOINT_ABSENT_MS);
    await get(1);
    expect(asked()).toBe(6);
  });

  it("until somebody puts it here, or wants holders to be asked", async () => {
    const { get, put, asked } = await create({ isPut: false });
    await get(1);
    asked();
    await get(1, true);
    expect(asked()).toBe(6);
    await put(2);
    expect(same(await get(1))).toBe(true);
  });

  it("only when each of them said so", async () => {
    const { get, nodes, asked } = await create({ isPut: false });
    (nodes[4] as TestNode).behaviour = "is dead";
    await get(1);
    asked();
    await get(1);
    expect(asked()).toBeGreaterThanOrEqual(6);
  });
});
