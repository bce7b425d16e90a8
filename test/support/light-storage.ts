import { createHash } from "node:crypto";
import { type NodeId, SERVICE, silentLogger, UmbelError } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import type { CircuitToken, DirectCalls, Service } from "@umbel/router";
import {
  type BlockNetwork,
  type BlockStore,
  createEndpoint,
  createHolder,
  createMemoryStore,
  createPresence,
  createRepairCalls,
  createSpareItems,
  decodeGetReply,
  decodePutReply,
  encodeBlockMessage,
  encodeHaveMessage,
  type Holder,
  type HolderRepair,
  presentDirectory,
  type RepairTimes,
  type StoreDirectory,
  type StoreNode,
  startHolderRepair,
} from "@umbel/storage";
import { createByteRate } from "../../packages/storage/src/repair/byte-rate.ts";
import { createSeededRandom, type SeededRandom } from "./seeded-random.ts";
import { createVirtualClock, type VirtualClock } from "./virtual-clock.ts";

export interface LightStorageOptions {
  readonly seed: string;
  readonly nodes: number;
  /** Blocks that each node has room for; 10,000 when absent. */
  readonly maxBlocks?: number;
  /** True: holders repair. */
  readonly repair?: boolean;
  /** Other times than those of limits.ts. */
  readonly times?: Partial<RepairTimes>;
  /** Bytes per second that one node's repair sends; 2 MiB when absent. */
  readonly repairRate?: number;
}

/** One node of the storage layer: real holder, real endpoint, real repair over a real store in memory. */
export interface LightNode {
  readonly id: NodeId;
  readonly store: BlockStore;
  readonly holder: Holder;
  readonly endpoint: Service;
  readonly repair: HolderRepair | undefined;
  isAlive: boolean;
}

/**
 * The storage layer alone, under virtual time: holders, endpoints and repair are the product's; what is left out is what carries their
 * calls (links, circuits, handshakes) and how the directory is agreed upon. A call takes 20 to 120 ms each way; one to a node that is
 * gone fails after a second.
 */
export interface LightStorage {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly nodes: readonly LightNode[];
  /** Bytes of requests and replies between nodes so far: all, and of these what only asks for a sign of life. */
  readonly traffic: { bytes: number; signsOfLife: number };
  alive(): readonly LightNode[];
  /** Ends nodes at once. Their descriptors stay until `forgetDead`. */
  kill(nodes: readonly LightNode[]): void;
  /** The store nodes of the directory, as all of them have it. */
  known(): readonly StoreNode[];
  /** The period ends: nobody's directory has the dead any more. */
  forgetDead(): void;
  /** Puts and gets through random living endpoints, as a client would, without circuits. */
  network(): BlockNetwork;
  stop(): Promise<void>;
}

export function createLightStorage(options: LightStorageOptions): LightStorage {
  const clock = createVirtualClock();
  const random = createSeededRandom(options.seed);
  const byId = new Map<NodeId, LightNode>();
  const all: readonly StoreNode[] = Array.from({ length: options.nodes }, (_, at) => ({
    id: `node ${at}` as NodeId,
    position: new Uint8Array(createHash("sha256").update(`${options.seed} position ${at}`).digest()),
  }));
  let known = all;
  let revision = 1;
  const directory: StoreDirectory = {
    get revision() {
      return revision;
    },
    storeNodes: () => known,
    isRelay: (id) => byId.has(id),
  };
  const traffic = { bytes: 0, signsOfLife: 0 };
  for (const { id } of all) byId.set(id, startNode(id));

  function callsOf(from: NodeId): DirectCalls {
    const delays = random.fork(`delays of ${from}`);
    const oneWay = () => 20 + 100 * delays.fraction();
    return {
      async call(peer, service, payload, { signal }) {
        const node = byId.get(peer as NodeId);
        if (service !== SERVICE.HOLDER) throw new Error("a call to no holder");
        await later(node?.isAlive ? oneWay() : 1000);
        if (node === undefined || !node.isAlive) throw new UmbelError("LINK_CLOSED", "gone");
        const isSign = payload.length === SIGN_OF_LIFE.length && payload[1] === SIGN_OF_LIFE[1];
        const count = (bytes: number) => {
          traffic.bytes += bytes;
          if (isSign) traffic.signsOfLife += bytes;
        };
        count(payload.length);
        const reply = await answerOf(node, payload, from);
        count(reply.length);
        await later(oneWay());
        if (signal?.aborted) throw new UmbelError("ABORTED", "stopped");
        return reply;
      },
    };
  }

  function startNode(id: NodeId): LightNode {
    const store = createMemoryStore({ maxBytes: (options.maxBlocks ?? 10_000) * 33_280 });
    const presence = createPresence(clock);
    const present = presentDirectory(directory, presence);
    const spares = createSpareItems();
    const holder = createHolder({ crypto: nodeProvider, store, directory: present, ownId: id, spares });
    const calls = callsOf(id);
    const common = { crypto: nodeProvider, ownId: id, clock, timers: clock };
    const rate = createByteRate(clock, clock, options.repairRate ?? 2 * 2 ** 20);
    return {
      ...{ id, store, holder, isAlive: true },
      endpoint: createEndpoint({ ...common, calls, directory, random, localHolder: holder.port }),
      repair: options.repair
        ? startHolderRepair({
            ...{
              ...common,
              presence,
              spares,
              directory: present,
              wholeDirectory: directory,
              log: silentLogger,
              times: options.times,
            },
            random: random.fork(`repair of ${id}`),
            calls: createRepairCalls({ crypto: nodeProvider, calls, store, slots: holder.slots, rate }),
            period: 86_400_000,
          })
        : undefined,
    };
  }

  const later = (ms: number) => new Promise<void>((resolve) => void clock.schedule(ms, resolve));
  const alive = () => [...byId.values()].filter(({ isAlive }) => isAlive);
  return {
    ...{ clock, random, traffic, alive, nodes: [...byId.values()] },
    known: () => known,
    kill(nodes) {
      for (const node of nodes) {
        node.isAlive = false;
        void node.repair?.stop();
      }
    },
    forgetDead() {
      known = all.filter(({ id }) => byId.get(id)?.isAlive);
      revision++;
    },
    network: () => clientOf(alive, random.fork("client")),
    async stop() {
      const stopped = Promise.all(alive().map(({ repair }) => repair?.stop()));
      await clock.complete(stopped, { limit: 60_000 });
    },
  };
}

const SIGN_OF_LIFE = encodeHaveMessage({ op: "have", copy: 0, ids: [] });

async function answerOf(node: LightNode, payload: Uint8Array, from: NodeId): Promise<Uint8Array> {
  try {
    return await node.holder.service.handle({
      payload: payload.slice(),
      origin: { via: "link", peer: from },
    });
  } catch {
    throw new UmbelError("STREAM_CLOSED", "reset");
  }
}

function clientOf(alive: () => readonly LightNode[], random: SeededRandom): BlockNetwork {
  const circuit = 1 as CircuitToken;
  const ask = async (payload: Uint8Array): Promise<Uint8Array> => {
    const nodes = alive();
    const node = nodes[Math.floor(random.fraction() * nodes.length)] as LightNode;
    return node.endpoint.handle({ payload, origin: { via: "circuit", circuit } });
  };
  return {
    async get({ id, copy }) {
      const reply = decodeGetReply(
        await ask(encodeBlockMessage({ op: "get", id, copy, bypassCaches: true })),
      );
      return reply?.slice();
    },
    put: async ({ id, copy, block }) =>
      decodePutReply(await ask(encodeBlockMessage({ op: "put", id, copy, block }))),
    async getSlot({ id, copy, sequence = 0, rank = 0 }) {
      const message = encodeBlockMessage({ op: "getSlot", id, copy, sequence, rank });
      return decodeGetReply(await ask(message))?.slice();
    },
    putSlot: async ({ id, copy, slot }) =>
      decodePutReply(await ask(encodeBlockMessage({ op: "putSlot", id, copy, slot }))),
    close() {},
  };
}
