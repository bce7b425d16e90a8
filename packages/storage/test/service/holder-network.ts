import { createHash } from "node:crypto";
import { type BlockId, type NodeId, type RandomSource, SERVICE, UmbelError } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import type { CircuitToken, DirectCalls, RequestOrigin, Service } from "@umbel/router";
import {
  type BlockCopy,
  type BlockStore,
  createEndpoint,
  createHolder,
  createHolderIndex,
  createMemoryStore,
  type Holder,
  holdersOf,
  locationOf,
  nodesAround,
  type StoreDirectory,
  type StoreNode,
} from "@umbel/storage";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { createVirtualClock } from "../../../../test/support/virtual-clock.ts";

/** How a node treats the calls of others. */
export type Behaviour = "serves" | "is dead" | "stalls" | "lies" | "resets" | "babbles";

export interface TestNode {
  readonly id: NodeId;
  readonly store: BlockStore;
  readonly holder: Holder;
  readonly endpoint: Service;
  behaviour: Behaviour;
  /** Calls that reached it. */
  calls: number;
}

const CALL_MS = 5;
/** Blocks that the endpoint of a node may cache. */
export const CACHED_BLOCKS = 5;

/** A few store nodes that all know each other, with calls between them that take 5 ms of virtual time; `random` is their endpoints'. */
export function createHolderNetwork(
  count: number,
  maxBlocks = 100,
  random: RandomSource = createSeededRandom(1),
) {
  const clock = createVirtualClock();
  const nodes = new Map<NodeId, TestNode>();
  const storeNodes: readonly StoreNode[] = Array.from({ length: count }, (_, at) => ({
    id: `node-${at}` as NodeId,
    position: new Uint8Array(createHash("sha256").update(`position ${at}`).digest()),
  }));
  const directory: StoreDirectory = {
    revision: 1,
    storeNodes: () => storeNodes,
    isRelay: (id) => nodes.has(id),
  };

  const callsOf = (from: NodeId): DirectCalls => ({
    call: (peer, service, payload, options) =>
      new Promise((resolve, reject) => {
        const node = nodes.get(peer as NodeId);
        if (node === undefined || service !== SERVICE.HOLDER) throw new Error("a call to nobody");
        node.calls++;
        const fail = (code: "LINK_CLOSED" | "STREAM_CLOSED" | "TIMED_OUT") =>
          reject(new UmbelError(code, code));
        const timeout = clock.schedule(options.timeout, () => fail("TIMED_OUT"));
        const answer = (bytes: Uint8Array) => {
          timeout.cancel();
          resolve(bytes);
        };
        const handle = async () =>
          node.holder.service.handle({ payload: payload.slice(), origin: { via: "link", peer: from } });
        clock.schedule(CALL_MS, () => {
          if (node.behaviour === "is dead") fail("LINK_CLOSED");
          if (node.behaviour === "resets") fail("STREAM_CLOSED");
          if (node.behaviour === "babbles") answer(new Uint8Array(7));
          if (node.behaviour === "lies") handle().then((reply) => answer(alterLast(reply)), reject);
          if (node.behaviour === "serves") handle().then(answer, () => fail("STREAM_CLOSED"));
        });
      }),
  });
  for (const { id } of storeNodes) {
    const store = createMemoryStore({ maxBytes: maxBlocks * 32_512, maxCacheBytes: CACHED_BLOCKS * 32_512 });
    const holder = createHolder({ crypto: nodeProvider, store, directory, ownId: id });
    const endpoint = createEndpoint({
      crypto: nodeProvider,
      calls: callsOf(id),
      directory,
      ownId: id,
      localHolder: holder.port,
      cache: store,
      random,
      clock,
      timers: clock,
    });
    nodes.set(id, { id, store, holder, endpoint, behaviour: "serves", calls: 0 });
  }

  const index = createHolderIndex(storeNodes);
  /** All nodes, nearest first. */
  const byDistance = (id: BlockId, copy: BlockCopy = 0) =>
    nodesAround(index, locationOf(nodeProvider, id, copy), count).map((node) => nodes.get(node) as TestNode);
  const nearestTo = (id: BlockId, copy: BlockCopy = 0) =>
    holdersOf(index, locationOf(nodeProvider, id, copy));
  return { clock, nodes, directory, byDistance, nearestTo };
}

/** A request over one of the circuits to an endpoint. */
export const overCircuit = (circuit: number): RequestOrigin => ({
  via: "circuit",
  circuit: circuit as CircuitToken,
});

function alterLast(reply: Uint8Array): Uint8Array {
  const altered = reply.slice();
  altered[altered.length - 1] = (altered.at(-1) as number) ^ 1;
  return altered;
}
