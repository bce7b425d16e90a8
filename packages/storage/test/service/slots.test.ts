import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { decodeGetReply, decodePutReply, encodeBlockMessage } from "@umbel/storage";
import { describe, expect, it } from "vitest";
import { HOLDER_HEDGE_MS, SLOT_KEPT_EDITIONS } from "../../src/limits.ts";
import { createSlotKeeper } from "../../src/service/slot-keeper.ts";
import { type Slot, slotRank } from "../../src/slot/slot.ts";
import { createMemoryStore } from "../../src/store/memory-store.ts";
import { slot } from "../slot/slots.ts";
import { createHolderNetwork, overCircuit, type TestNode } from "./holder-network.ts";

const edition = (sequence: number, fill = 0) => slot({ sequence, fill });
const { id } = edition(1);
const same = (found: Uint8Array | undefined, expected: Slot) =>
  found !== undefined && Buffer.compare(found, expected.bytes) === 0;

describe("a slot keeper", () => {
  function create(maxBlocks = 100) {
    const store = createMemoryStore({ maxBytes: maxBlocks * 32_512 });
    const keeper = createSlotKeeper(nodeProvider, store);
    const offer = (block: Slot, copy: 0 | 1 | 2 = 0) => keeper.offer(id, copy, block.bytes);
    return { store, keeper, offer };
  }

  it("keeps what the rules keep, and serves what they serve", async () => {
    const { keeper, offer, store } = create();
    const forks = [edition(3, 1), edition(3, 2)].sort(slotRank) as [Slot, Slot];
    for (const block of [edition(1), forks[1], edition(2), forks[0]]) expect(await offer(block)).toBe("kept");
    expect(same(await keeper.serve(id, 0, false), forks[0])).toBe(true);
    expect(same(await keeper.serve(id, 0, true), forks[1])).toBe(true);
    expect(same(await keeper.serve(id, 2, false), edition(2))).toBe(true);
    expect(await keeper.serve(id, 2, true)).toBeUndefined();
    expect(await keeper.serve(id, 9, false)).toBeUndefined();
    expect((await keeper.all(id)).length).toBe(4);
    expect(store.usedBytes()).toBe(4 * 32_512);
  });

  it("lets go of the oldest number past the cap, and refuses a step back beyond it", async () => {
    const { offer, store } = create();
    for (let number = 1; number <= SLOT_KEPT_EDITIONS + 1; number++) {
      expect(await offer(edition(number))).toBe("kept");
      expect(store.usedBytes()).toBe(Math.min(number, SLOT_KEPT_EDITIONS) * 32_512);
    }
    expect(await offer(edition(1))).toBe("refused");
    expect(await offer(edition(2))).toBe("kept");
  });

  it("refuses what is not signed for the slot, and keeps nothing of it", async () => {
    const { keeper, store } = create();
    const { bytes } = edition(1);
    const altered = bytes.slice();
    altered[2000]! ^= 1;
    for (const wrong of [altered, bytes.subarray(1), new Uint8Array(0)]) {
      expect(await keeper.offer(id, 0, wrong)).toBe("refused");
    }
    expect(await store.slot(id)).toBeUndefined();
  });

  it("keeps each copy number that a block was offered under", async () => {
    const { offer, store } = create();
    await offer(edition(1), 2);
    expect(await offer(edition(1), 0)).toBe("kept");
    expect((await store.slot(id))?.copies).toEqual([0, 2]);
    expect(store.usedBytes()).toBe(32_512);
  });

  it("writes nothing for a block that it keeps under the same copy number", async () => {
    const { offer, store } = create();
    await offer(edition(1), 2);
    let writes = 0;
    const change = store.changeSlot.bind(store);
    store.changeSlot = (...given) => {
      writes++;
      return change(...given);
    };
    expect([await offer(edition(1), 2), writes]).toEqual(["kept", 0]);
    expect([await offer(edition(1), 1), writes]).toEqual(["kept", 1]);
    expect([await offer(edition(2), 1), writes]).toEqual(["kept", 2]);
  });

  it("loses none of those that come at once", async () => {
    const { keeper, offer } = create();
    const blocks = Array.from({ length: SLOT_KEPT_EDITIONS }, (_, at) => edition(at + 1));
    await Promise.all(blocks.map((block) => offer(block)));
    expect((await keeper.all(id)).length).toBe(SLOT_KEPT_EDITIONS);
  });

  it("does not serve a block that came back damaged, and takes it again", async () => {
    const { keeper, offer, store } = create();
    await offer(edition(1));
    const { slotBlock } = store;
    store.slotBlock = async () => new Uint8Array(32_512);
    expect(await keeper.serve(id, 0, false)).toBeUndefined();
    expect(await offer(edition(1))).toBe("kept");
    store.slotBlock = slotBlock;
    expect(same(await keeper.serve(id, 0, false), edition(1))).toBe(true);
    expect(store.usedBytes()).toBe(32_512);
  });

  it("says that it is full", async () => {
    const { offer } = create(1);
    expect(await offer(edition(1))).toBe("kept");
    expect(await offer(edition(2))).toBe("full");
  });
});

describe("slots through an endpoint", () => {
  function create() {
    const network = createHolderNetwork(12);
    const nodes = network.byDistance(id, 1);
    const endpoint = nodes.at(-1) as TestNode;
    const ask = (payload: Uint8Array) =>
      network.clock.complete(Promise.resolve(endpoint.endpoint.handle({ payload, origin: overCircuit(1) })), {
        limit: 60_000,
      });
    const get = async (sequence = 0, rank: 0 | 1 = 0) =>
      decodeGetReply(await ask(encodeBlockMessage({ op: "getSlot", id, copy: 1, sequence, rank })));
    const put = async ({ bytes }: Pick<Slot, "bytes">) =>
      decodePutReply(await ask(encodeBlockMessage({ op: "putSlot", id, copy: 1, slot: bytes })));
    const kept = async () =>
      Promise.all(nodes.map(async ({ holder }) => (await holder.slots.all(id)).length));
    return { ...network, nodes, get, put, kept };
  }

  it("are kept by the three holders of the location, and come back", async () => {
    const { get, put, kept } = create();
    expect(await get()).toBeUndefined();
    expect(await put(edition(1))).toBe(3);
    expect(await kept()).toEqual([1, 1, 1, ...Array(9).fill(0)]);
    expect(same(await get(), edition(1))).toBe(true);
  });

  it("are the newest that any of three holders has, and both of one number, wherever they lie", async () => {
    const { get, put, nodes } = create();
    await put(edition(1));
    const forks = [edition(2, 1), edition(2, 2)].sort(slotRank) as [Slot, Slot];
    await nodes[2]?.holder.slots.offer(id, 1, forks[0].bytes);
    await nodes[0]?.holder.slots.offer(id, 1, forks[1].bytes);
    expect(same(await get(), forks[0])).toBe(true);
    expect(same(await get(0, 1), forks[1])).toBe(true);
    expect(same(await get(1), edition(1))).toBe(true);
  });

  it("are never cached", async () => {
    const { get, put, nodes } = create();
    await put(edition(1));
    for (let round = 0; round < 3; round++) await get();
    await nodes[1]?.holder.slots.offer(id, 1, edition(2).bytes);
    expect(same(await get(), edition(2))).toBe(true);
  });

  it("are not passed on when they are not the slot's", async () => {
    const { put, nodes, get } = create();
    const altered = edition(1).bytes.slice();
    altered[3000]! ^= 1;
    expect(await put({ bytes: altered })).toBe(0);
    expect(nodes.every(({ calls }) => calls === 0)).toBe(true);
    await put(edition(1));
    for (const at of [0, 1]) (nodes[at] as TestNode).behaviour = "lies";
    expect(same(await get(), edition(1))).toBe(true);
  });

  it("are not waited for long where one holder is silent", async () => {
    const { put, get, nodes, clock } = create();
    await put(edition(1));
    (nodes[0] as TestNode).behaviour = "stalls";
    const start = clock.now();
    expect(same(await get(), edition(1))).toBe(true);
    expect(clock.now() - start).toBeLessThan(HOLDER_HEDGE_MS + 50);
  });

  it("are refused by nodes far from the location", async () => {
    const { nodes } = create();
    const origin = { via: "link", peer: (nodes[0] as TestNode).id } as const;
    const payload = encodeBlockMessage({ op: "putSlot", id, copy: 1, slot: edition(1).bytes });
    const answers = await Promise.all(
      nodes.map(async ({ holder }) => decodePutReply(await holder.service.handle({ payload, origin }))),
    );
    expect(answers).toEqual([...Array(6).fill(1), ...Array(6).fill(0)]);
  });
});
