import { type Descriptor, parseAddress } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { directoryCall } from "../../src/directory/bootstrap.ts";
import type { Directory } from "../../src/directory/directory.ts";
import { type Reconciled, reconcile } from "../../src/directory/exchange.ts";
import { encodeSyncResponse } from "../../src/directory/exchange-messages.ts";
import { MAX_SYNC_DESCRIPTOR_BYTES, MAX_SYNC_ROUNDS } from "../../src/limits.ts";
import type { Service } from "../../src/node/overlay.ts";
import { describedNode, describedNodes, PERIOD } from "../support/descriptors.ts";
import { createDirectoryWorld, type DirectoryWorld } from "../support/directories.ts";

const nodes = describedNodes(260);
const peer = nodes[0]!;
const some = (count: number, first = 0) => nodes.slice(first, first + count);

describe("a reconciliation", () => {
  it.each([0, 1, 8, 127, 128])("fills an empty directory with %i nodes in one round trip", async (count) => {
    const world = createDirectoryWorld();
    world.node(peer, some(count));
    const client = world.client();
    expect(await reconciled(world, client, false)).toEqual({ agreed: count === 0, added: count, pushed: 0 });
    expect(world.requests).toBe(1);
    expect(client.size).toBe(count);
  });

  it("fills an empty directory with 260 nodes in few round trips", async () => {
    const world = createDirectoryWorld();
    const full = world.node(peer, nodes);
    const client = world.client();
    await reconciled(world, client, false);
    expect(client.all()).toEqual(full.all());
    expect(world.requests).toBeLessThanOrEqual(4);
  });

  it("leaves for the next request what does not fit a response", async () => {
    const world = createDirectoryWorld();
    const url = (index: number, at: number) => `ws://${index}.example.org:1/${"p".repeat(90)}${at}`;
    const large = Array.from({ length: 320 }, (_, index) =>
      describedNode(index, { addresses: [0, 1, 2, 3].map((at) => parseAddress(url(index, at))) }),
    );
    const bytes = large.reduce((sum, each) => sum + each.bytes.length, 0);
    expect(bytes).toBeGreaterThan(MAX_SYNC_DESCRIPTOR_BYTES);
    const full = world.node(peer, large);
    const client = world.client();
    await reconciled(world, client, false);
    expect(client.all()).toEqual(full.all());
    expect(world.requests).toBe(3);
  });

  it.each([
    [some(5), some(5, 5)],
    [some(40), some(60, 20)],
    [some(128), some(1, 200)],
    [some(150), some(150, 100)],
    [some(260), some(255, 5)],
    [some(200), []],
    [[], some(200)],
  ])("makes two directories the same, both sides learning (case %#)", async (own, theirs) => {
    const world = createDirectoryWorld();
    const far = world.node(peer, theirs);
    const near = admitted(world, own);
    const union = new Set([...own, ...theirs]).size;
    const outcome = await reconciled(world, near, true);
    expect(outcome).toEqual({ agreed: false, added: union - own.length, pushed: union - theirs.length });
    expect(near.all()).toEqual(far.all());
    expect(near.size).toBe(union);
    expect(await reconciled(world, near, true)).toEqual({ agreed: true, added: 0, pushed: 0 });
  });

  it("costs one request when nothing differs", async () => {
    const world = createDirectoryWorld();
    world.node(peer, nodes);
    expect((await reconciled(world, admitted(world, nodes), true)).agreed).toBe(true);
    expect(world.requests).toBe(1);
  });

  it("covers the next period too", async () => {
    const world = createDirectoryWorld();
    const next = describedNode(3, { period: PERIOD + 1 });
    world.node(peer, [peer, next]);
    const client = world.client();
    await reconciled(world, client, false);
    expect(client.set(PERIOD + 1)?.all()).toEqual([next]);
  });

  it("of a client sends nothing that the node lacks", async () => {
    const world = createDirectoryWorld();
    const far = world.node(peer, [peer]);
    expect((await reconciled(world, admitted(world, some(9)), false)).pushed).toBe(0);
    expect(far.size).toBe(1);
  });

  it("takes nothing from a node whose clock is two periods off", async () => {
    const world = createDirectoryWorld();
    world.node(peer, some(4));
    const ahead = { now: world.clock.now, unixNow: () => world.clock.unixNow() + 2 * 86_400_000 };
    const client = world.client();
    const call = directoryCall(world.calls, peer.nodeId);
    await world.clock.complete(reconcile({ directory: client, clock: ahead, call, push: true }), {
      limit: 1e4,
    });
    expect(client.size).toBe(0);
  });

  it("is not led astray by a conflict: each keeps what it had", async () => {
    const world = createDirectoryWorld();
    const [mine, theirs] = [1, 2].map((capacityClass) => describedNode(7, { capacityClass })) as [
      Descriptor,
      Descriptor,
    ];
    const far = world.node(peer, [theirs]);
    const near = admitted(world, [mine]);
    expect(await reconciled(world, near, true)).toEqual({ agreed: false, added: 0, pushed: 1 });
    expect([near.get(mine.nodeId), far.get(mine.nodeId)]).toEqual([mine, theirs]);
    expect([near.conflicts().length, far.conflicts().length]).toEqual([1, 1]);
  });

  it("ignores descriptors that do not verify", async () => {
    const world = createDirectoryWorld();
    const forged = nodes[1]!.bytes.slice();
    forged[forged.length - 1]! ^= 1;
    lying(world, () =>
      encodeSyncResponse([
        { kind: "items", wanted: [], descriptors: [forged, nodes[2]!.bytes] },
        { kind: "same" },
      ]),
    );
    const client = world.client();
    expect((await reconciled(world, client, false)).added).toBe(1);
    expect(client.size).toBe(1);
  });

  it.each<[string, string, () => Uint8Array]>([
    ["nonsense", "BAD_ENCODING", () => Uint8Array.of(1, 2, 3)],
    ["only later", "PROTOCOL_VIOLATION", () => encodeSyncResponse([{ kind: "later" }, { kind: "later" }])],
  ])("with a peer that says %s fails with %s", async (_, code, say) => {
    const world = createDirectoryWorld();
    lying(world, say);
    await expect(reconciled(world, world.client(), false)).rejects.toMatchObject({ code });
  });

  it("ends with a peer that splits for ever", async () => {
    const world = createDirectoryWorld();
    const parts = Array.from({ length: 16 }, () => ({ count: 1000, digest: new Uint8Array(32) }));
    lying(world, (payload) =>
      encodeSyncResponse(Array.from({ length: payload[2]! }, () => ({ kind: "split" as const, parts }))),
    );
    await expect(reconciled(world, world.client(), false)).rejects.toMatchObject({
      code: "PROTOCOL_VIOLATION",
    });
    expect(world.requests).toBe(MAX_SYNC_ROUNDS);
  });
});

describe("the directory service", () => {
  it("refuses a request that is not canonical", async () => {
    const world = createDirectoryWorld();
    world.node(peer);
    await expect(
      world.clock.complete(directoryCall(world.calls, peer.nodeId)(Uint8Array.of(1, 9)), { limit: 1000 }),
    ).rejects.toMatchObject({ code: "BAD_ENCODING" });
  });
});

function admitted(world: DirectoryWorld, descriptors: readonly Descriptor[]): Directory {
  const directory = world.client();
  for (const { bytes } of descriptors) directory.admit(bytes, world.clock.unixNow());
  return directory;
}

function lying(world: DirectoryWorld, say: (payload: Uint8Array) => Uint8Array): void {
  const service: Service = { maxRequestBytes: 1e6, handle: ({ payload }) => say(payload) };
  world.replace(peer, service);
}

function reconciled(world: DirectoryWorld, directory: Directory, push: boolean): Promise<Reconciled> {
  const call = directoryCall(world.calls, peer.nodeId);
  return world.clock.complete(reconcile({ directory, clock: world.clock, call, push }), { limit: 60_000 });
}
