import { BLOCK_BYTES, type BlockId, type NodeId } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import type { RequestOrigin } from "@umbel/router";
import {
  type BlockCopy,
  type BlockStore,
  createHolder,
  createMemoryStore,
  decodeGetReply,
  decodeHaveReply,
  decodePutReply,
  encodeBlockMessage,
  encodeHaveMessage,
} from "@umbel/storage";
import { describe, expect, it } from "vitest";
import { sampleBlock } from "../../../../test/support/blocks.ts";
import { createHolderNetwork, overCircuit, type TestNode } from "./holder-network.ts";

const { id, block } = sampleBlock(1);
const relay = "node-0" as NodeId;
const overLink: RequestOrigin = { via: "link", peer: relay };
const getRequest = encodeBlockMessage({ op: "get", id, copy: 0, bypassCaches: false });
const putRequest = (copy: BlockCopy = 0) => encodeBlockMessage({ op: "put", id, copy, block });

async function ask(node: Pick<TestNode, "holder">, payload: Uint8Array, origin = overLink) {
  return node.holder.service.handle({ payload, origin });
}

describe("a holder", () => {
  it("stores a block it is responsible for and gives it back", async () => {
    const node = createHolderNetwork(20).byDistance(id)[0] as TestNode;
    expect(decodeGetReply(await ask(node, getRequest))).toBeUndefined();
    expect(decodePutReply(await ask(node, putRequest()))).toBe(1);
    expect(decodePutReply(await ask(node, putRequest()))).toBe(1);
    expect(Buffer.compare(decodeGetReply(await ask(node, getRequest)) ?? Buffer.of(), block)).toBe(0);
    expect(node.holder.counters).toMatchObject({ stored: 1, served: 1, refused: 0 });
  });

  it("keeps the copy number of a put for repair", async () => {
    const node = createHolderNetwork(6).byDistance(id, 2)[0] as TestNode;
    await ask(node, putRequest(2));
    for await (const entry of node.store.entries()) expect(entry).toEqual({ id, copies: [2] });
  });

  it("takes blocks as one of the three nearest or the three next, and no further out", async () => {
    const network = createHolderNetwork(20);
    const taken: number[] = [];
    for (const node of network.byDistance(id)) taken.push(decodePutReply(await ask(node, putRequest())));
    expect(taken).toEqual([...Array(6).fill(1), ...Array(14).fill(0)]);
  });

  it("refuses bytes that are not the id's", async () => {
    const node = createHolderNetwork(3).byDistance(id)[0] as TestNode;
    const altered = putRequest();
    altered[altered.length - 1] = (altered.at(-1) as number) ^ 1;
    expect(decodePutReply(await ask(node, altered))).toBe(0);
    expect(node.store.count()).toBe(0);
    expect(node.holder.counters.refused).toBe(1);
  });

  it.each<[string, RequestOrigin]>([
    ["a circuit", overCircuit(1)],
    ["a link without identity", { via: "link", peer: undefined }],
    ["a link of a node that is not in the directory", { via: "link", peer: "stranger" as NodeId }],
  ])("answers nobody over %s", async (_what, origin) => {
    const node = createHolderNetwork(3).byDistance(id)[0] as TestNode;
    for (const request of [getRequest, putRequest()]) {
      await expect(ask(node, request, origin)).rejects.toMatchObject({ code: "PROTOCOL_VIOLATION" });
    }
    expect(node.store.count()).toBe(0);
  });

  it("says no when its store is full", async () => {
    const network = createHolderNetwork(3, 1);
    const other = sampleBlock(2);
    const node = network.byDistance(id)[0] as TestNode;
    await node.store.put(other.id, 0, other.block);
    expect(decodePutReply(await ask(node, putRequest()))).toBe(0);
    expect(node.holder.counters.full).toBe(1);
  });

  it("says which blocks it has under a copy number", async () => {
    const node = createHolderNetwork(3).byDistance(id)[0] as TestNode;
    await ask(node, putRequest(1));
    const ids = [sampleBlock(2).id, id];
    const have = async (copy: BlockCopy) =>
      decodeHaveReply(await ask(node, encodeHaveMessage({ op: "have", copy, ids })), ids.length);
    expect(await have(1)).toEqual([false, true]);
    expect(await have(0)).toEqual([false, false]);
    const request = encodeHaveMessage({ op: "have", copy: 1, ids });
    await expect(ask(node, request, overCircuit(1))).rejects.toMatchObject({ code: "PROTOCOL_VIOLATION" });
  });

  it("lets go of a block for which it is a near miss when it has no room for one of its own", async () => {
    const network = createHolderNetwork(20, 1);
    const node = network.byDistance(id)[0] as TestNode;
    const nearMiss = Array.from({ length: 200 }, (_, at) => sampleBlock(at + 10)).find(({ id: other }) =>
      network.nearestTo(other).nearMisses.includes(node.id),
    );
    if (nearMiss === undefined) throw new Error("no sample is a near miss");
    const request = encodeBlockMessage({ op: "put", ...nearMiss, copy: 0 });
    expect(decodePutReply(await ask(node, request))).toBe(1);
    expect(decodePutReply(await ask(node, putRequest()))).toBe(1);
    expect([await node.store.has(id), await node.store.has(nearMiss.id)]).toEqual([true, false]);
    expect(decodePutReply(await ask(node, request))).toBe(0);
    expect(await node.store.has(id)).toBe(true);
  });

  it.each<[string, (block: Uint8Array) => Uint8Array]>([
    ["altered", (given) => given.fill(1, 0, 1)],
    ["shortened", (given) => given.subarray(0, BLOCK_BYTES - 1)],
  ])("answers not found for a block that was %s on its disk, and takes it anew", async (_what, damage) => {
    const { directory, byDistance } = createHolderNetwork(3);
    const ownId = (byDistance(id)[0] as TestNode).id;
    const store = createMemoryStore({ maxBytes: 10 * BLOCK_BYTES });
    const get = store.get.bind(store);
    const broken: BlockStore = Object.assign(store, {
      async get(wanted: BlockId) {
        const found = await get(wanted);
        return found && damage(found);
      },
    });
    const holder = createHolder({ crypto: nodeProvider, store: broken, directory, ownId });
    expect(decodePutReply(await ask({ holder }, putRequest()))).toBe(1);
    expect(decodeGetReply(await ask({ holder }, getRequest))).toBeUndefined();
    expect(holder.counters).toMatchObject({ corrupt: 1, served: 0 });
    expect(decodePutReply(await ask({ holder }, putRequest()))).toBe(1);
    expect(holder.counters.stored).toBe(2);
  });

  it("rejects what is no block message", async () => {
    const node = createHolderNetwork(3).byDistance(id)[0] as TestNode;
    await expect(ask(node, new Uint8Array(63))).rejects.toMatchObject({ code: "BAD_ENCODING" });
  });
});
