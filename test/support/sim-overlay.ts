import {
  type CryptoProvider,
  createNetwork,
  generateNodeKeys,
  LOCAL_NETWORK,
  type Logger,
  type NodeKeys,
  silentLogger,
} from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import type { GuardStore, Tap } from "@umbel/router";
import {
  type BlockStore,
  type Client,
  type ClientOptions,
  createMemoryHopKeys,
  createMemoryStore,
  type DescriptorStore,
  type HopKeyStore,
  type Node,
  startClient,
  startNode,
} from "@umbel/storage";
import type { SimHost } from "./sim-host.ts";
import { createSimNetwork, type SimNetwork, type SimNetworkOptions } from "./sim-network.ts";

/** A simulated node: what survives a crash (keys, blocks, descriptors) and the process that runs now. */
export interface SimNode {
  /** `127.<number>.0.1`. */
  readonly name: string;
  readonly number: number;
  readonly keys: NodeKeys;
  readonly hopKeys: HopKeyStore;
  readonly store: BlockStore;
  node: Node;
}

export interface SimOverlayOptions extends SimNetworkOptions {
  readonly nodes: number;
  /** The first so many nodes are bootstrap nodes for everybody. 3 when absent. */
  readonly bootstraps?: number;
  /** Sees what each role instance of a node is told. */
  readonly tap?: (name: string) => Tap;
  /** The block store of a node; one in memory when absent. */
  readonly store?: (number: number) => BlockStore;
  /** The crypto provider of a node, for nodes that lie. */
  readonly crypto?: (number: number) => CryptoProvider;
}

/** A whole network of real nodes in one process, under virtual time. */
export interface SimOverlay {
  readonly sim: SimNetwork;
  readonly nodes: readonly SimNode[];
  /** Starts a client on a host of its own. */
  client(name?: string, tap?: Tap, options?: Partial<ClientOptions>): Promise<Client>;
  /** Starts a crashed node again, on the same keys and blocks. */
  restart(node: SimNode): Promise<void>;
  /** Lets virtual time pass until `promise` is settled. */
  run<Value>(promise: Promise<Value>, limit?: number): Promise<Value>;
}

/** A fault that a node would survive fails a test. */
const strictLogger: Logger = {
  ...silentLogger,
  error(event) {
    throw new Error(`logged as an error: ${event}`);
  },
};

const PORT = 7470;
const STORE_BYTES = 256 * 2 ** 20;

/** Starts the nodes and waits until every directory holds every node. */
export async function createSimOverlay(options: SimOverlayOptions): Promise<SimOverlay> {
  const sim = createSimNetwork(options);
  const network = createNetwork(nodeProvider, LOCAL_NETWORK);
  const nodes: SimNode[] = [];
  const bootstrapCount = Math.min(options.bootstraps ?? 3, options.nodes);
  const bootstrap = Array.from({ length: bootstrapCount }, (_, i) => ({
    url: `ws://127.${i + 1}.0.1:${PORT}`,
    nodeId: undefined,
  }));
  const run = <Value>(promise: Promise<Value>, limit = 600_000): Promise<Value> =>
    sim.clock.complete(promise, { limit });
  const world = (host: SimHost, tap: Tap | undefined, crypto: CryptoProvider = nodeProvider) => ({
    crypto,
    random: host.random,
    clock: host.clock,
    timers: host.timers,
    transport: host.transport,
    log: strictLogger,
    network,
    tap,
  });
  const start = (
    host: SimHost,
    keys: NodeKeys,
    hopKeys: HopKeyStore,
    store: BlockStore,
    descriptors: DescriptorStore,
  ): Promise<Node> =>
    startNode({
      ...world(host, options.tap?.(host.name), options.crypto?.(Number(host.name.split(".")[1]))),
      keys,
      hopKeys,
      listen: `ws://${host.name}:${PORT}`,
      bootstrap,
      relay: true,
      capacityClass: 1,
      store,
      descriptors,
    });

  for (let number = 1; number <= options.nodes; number++) {
    const host = sim.host(`127.${number}.0.1`);
    const keys = generateNodeKeys(nodeProvider, host.random);
    const store = options.store?.(number) ?? createMemoryStore({ maxBytes: STORE_BYTES });
    const hopKeys = createMemoryHopKeys();
    const node = await run(start(host, keys, hopKeys, store, memoryDescriptors()));
    nodes.push({ name: host.name, number, keys, hopKeys, store, node });
  }
  const isComplete = (): boolean => nodes.every(({ node }) => node.directory.size === options.nodes);
  await sim.clock.runUntil(isComplete, { limit: 600_000, what: "every directory holds every node" });

  return {
    sim,
    nodes,
    run,
    client(name = "198.51.100.77", tap, more = {}) {
      return run(startClient({ ...world(sim.host(name), tap), bootstrap, guards: memoryGuards(), ...more }));
    },
    async restart(crashed) {
      const host = sim.restart(crashed.name);
      crashed.node = await run(
        start(host, crashed.keys, crashed.hopKeys, crashed.store, memoryDescriptors()),
      );
    },
  };
}

/** Guards that last as long as the test. */
export function memoryGuards(): GuardStore {
  let held: Uint8Array | undefined;
  return {
    load: async () => held,
    async update(change) {
      held = change(held) ?? held;
    },
  };
}

function memoryDescriptors(): DescriptorStore {
  const held = new Map<number, Uint8Array>();
  return {
    load: async (period) => held.get(period),
    async save(period, bytes) {
      held.set(period, bytes);
    },
  };
}
