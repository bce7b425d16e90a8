import {
  createNetwork,
  nobleProvider as crypto,
  type Descriptor,
  MAIN_NETWORK,
  type NetworkParameters,
  type NodeId,
} from "@umbel/core";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import {
  decodeGuardFile,
  encodeGuardFile,
  type GuardLists,
  type SampledGuard,
} from "../../src/path/guard-file.ts";
import { createGuards, type Guards } from "../../src/path/guards.ts";
import type { GuardStore } from "../../src/path/kept-guards.ts";
import { type KnownNodes, knownNodes } from "./known-nodes.ts";

const main = createNetwork(crypto, MAIN_NETWORK);
const DAY_MS = 86_400_000;
/** The day that a guard world begins with. */
export const TODAY = 20_500;

/** A store in memory that counts, and that several guards may share. */
export interface MemoryStore extends GuardStore {
  bytes: Uint8Array | undefined;
  loads: number;
  saves: number;
}

/** Guards over a directory and a store that a test fills, on a day that it sets. */
export interface GuardTestWorld {
  readonly directory: KnownNodes;
  readonly store: MemoryStore;
  day: number;
  /** Guards as after a start of the process. */
  start(options?: { seed?: string; ownNodeId?: NodeId }): Guards;
  lists(): GuardLists;
  /** Puts these guards into the file. */
  put(guards: readonly Partial<SampledGuard>[]): void;
}

export function guardWorld(nodes: readonly Descriptor[], network: NetworkParameters = main): GuardTestWorld {
  const directory = knownNodes(nodes);
  const store = memoryStore();
  const clock = { now: () => 0, unixNow: () => w.day * DAY_MS + 5 };
  const w: GuardTestWorld = {
    directory,
    store,
    day: TODAY,
    start: ({ seed = "guards", ownNodeId } = {}) =>
      createGuards({ store, directory, network, random: createSeededRandom(seed), clock, crypto, ownNodeId }),
    lists: () =>
      store.bytes === undefined
        ? { guards: [], secondGuards: [] }
        : decodeGuardFile(crypto, network, store.bytes),
    put(guards) {
      const all = guards.map((guard) => ({ ...UNUSED, ...guard }) as SampledGuard);
      store.bytes = encodeGuardFile(crypto, network, { guards: all, secondGuards: [] });
    },
  };
  return w;
}

const UNUSED = {
  sampledDay: TODAY,
  confirmedDay: undefined,
  absentDay: undefined,
  attempts: 0,
  successes: 0,
};

/** Holds bytes; one update runs at a time, as with a lock on a file. */
export function memoryStore(): MemoryStore {
  let last: Promise<void> = Promise.resolve();
  const store: MemoryStore = {
    bytes: undefined,
    loads: 0,
    saves: 0,
    async load() {
      store.loads += 1;
      return store.bytes;
    },
    update(change) {
      const updated = last.then(async () => {
        const changed = change(store.bytes);
        await Promise.resolve();
        if (changed === undefined) return;
        store.saves += 1;
        store.bytes = changed;
      });
      last = updated.catch(() => undefined);
      return updated;
    },
  };
  return store;
}

/** The ids of a list, in its order. */
export function idsOf(list: readonly { readonly nodeId: NodeId }[]): NodeId[] {
  return list.map(({ nodeId }) => nodeId);
}

/** The guards in use, in order: found by reporting one after the other. Leaves all unreachable at `now`. */
export async function inOrder(guards: Guards, now = 0): Promise<NodeId[]> {
  const found: NodeId[] = [];
  for (;;) {
    const guard = await guards.current(now).catch(() => undefined);
    if (guard === undefined) return found;
    found.push(guard.nodeId);
    guards.report(guard.nodeId, "unreachable", now);
  }
}
