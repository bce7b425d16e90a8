import {
  type Descriptor,
  decodeDescriptor,
  familyOf,
  isUmbelError,
  type LastingKeys,
  type NodeId,
  nodeIdOf,
  parseAddress,
  puzzleSlot,
  SERVICE,
  UmbelError,
} from "@umbel/core";
import {
  type BootstrapEntry,
  createDirectory,
  createDirectoryService,
  type Directory,
  type HopResponder,
  OverlayNode,
  startDirectoryExchange,
} from "@umbel/router";
import { ENDPOINT_MEMORY_CACHE_BYTES, REPAIR_BYTES_PER_SECOND } from "../limits.ts";
import { createByteRate } from "../repair/byte-rate.ts";
import { type HolderRepair, startHolderRepair } from "../repair/holder-repair.ts";
import { createPresence, presentDirectory } from "../repair/presence.ts";
import { createRepairCalls } from "../repair/repair-calls.ts";
import { createSpareItems } from "../repair/spare-items.ts";
import { createEndpoint } from "../service/endpoint.ts";
import { createHolder, type Holder } from "../service/holder.ts";
import type { StoreDirectory } from "../service/store-directory.ts";
import type { BlockStore } from "../store/block-store.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { storeDirectoryOf } from "./directory-view.ts";
import { faultLog } from "./fault-log.ts";
import { createHopKeyring, type HopKeyStore } from "./hop-keys.ts";
import { createLastingDescriptors, type DescriptorStore } from "./lasting-descriptors.ts";
import type { WorldPorts } from "./ports.ts";

/** What a node that serves others is made with. */
export interface NodeOptions extends WorldPorts {
  readonly keys: LastingKeys;
  readonly hopKeys: HopKeyStore;
  /** Where to listen: `ws://host:port`, port 0 for any. */
  readonly listen: string;
  /** What others dial; the address listened on when absent. */
  readonly announce?: string | undefined;
  readonly bootstrap: readonly BootstrapEntry[];
  /** True to be a hop of circuits and an endpoint for them. */
  readonly relay: boolean;
  /** 0 to MAX_CAPACITY_CLASS. */
  readonly capacityClass: number;
  /** A phrase that all nodes of one operator share; undefined for a node that has no others. */
  readonly family?: string | undefined;
  /** Clients that are granted a constant rate at once; MAX_CONSTANT_RATE_LINKS when absent. */
  readonly constantRateLinks?: number | undefined;
  /** Bytes that all queues may hold together; the router's default when absent. */
  readonly queueBytes?: number | undefined;
  /** The blocks it holds; undefined for a node without the store role. The node does not close it. */
  readonly store: BlockStore | undefined;
  readonly descriptors: DescriptorStore;
  /** Answers hop handshakes; in line when absent. The node does not end it. */
  readonly responder?: HopResponder | undefined;
}

/** A node that relays, is an endpoint, and, with a store, a holder. */
export interface Node {
  readonly nodeId: NodeId;
  /** The address it listens on. */
  readonly url: string;
  readonly directory: Directory;
  readonly overlay: OverlayNode;
  /** Resolves when the node has joined: its bootstrap nodes, if any, know it and it knows what they know. */
  readonly ready: Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a node. Its roles share the links and the public directory, nothing else. Throws IN_USE or BAD_INPUT for the address, and
 * what the stores throw.
 */
export async function startNode(options: NodeOptions): Promise<Node> {
  const { crypto, random, clock, timers, log, network, keys } = options;
  const nodeId = nodeIdOf(crypto, keys.identity.publicKey);
  const hopKeys = await createHopKeyring({ crypto, random, network, clock, store: options.hopKeys, log });
  const directory = createDirectory({ crypto, network });
  const overlay = new OverlayNode({
    ...options,
    credentials: () => ({ linkKey: keys.linkKey, identity: keys.identity, features: 0 }),
    nodeId,
    hop: {
      nodeId,
      keys: () => (options.relay ? hopKeys.inForce() : []),
      puzzleSlot: () => puzzleSlot(clock.unixNow()),
      resolve: (id, attached) => nextHop(options, directory, id, attached),
    },
    constantRateLinks: options.relay ? options.constantRateLinks : 0,
    lookUp: (id) => directory.get(id),
    onFault: faultLog(log),
  });
  const stopServing = serve(options, overlay, directory, nodeId);
  const url = await overlay.listen(options.listen);
  try {
    const self = await createLastingDescriptors({
      ...{ crypto, network, clock, log, ownId: nodeId },
      keys: (period) => {
        const hopKey = hopKeys.of(period);
        return hopKey && { ...keys, hopKey };
      },
      content: contentOf(options, url),
      store: options.descriptors,
    });
    const exchange = startDirectoryExchange({
      ...{ directory, timers, random, clock, log, self },
      calls: overlay,
      bootstrap: options.bootstrap,
      ownNodeId: nodeId,
    });
    const stop = async (): Promise<void> => {
      exchange.stop();
      await stopServing();
      await overlay.stop();
    };
    return { nodeId, url, directory, overlay, ready: exchange.ready, stop };
  } catch (error) {
    await stopServing();
    await overlay.stop();
    throw error;
  }
}

function contentOf(options: NodeOptions, url: string) {
  const address = parseAddress(options.announce ?? url);
  if (address.host.text === "0.0.0.0" || address.host.text === "::") {
    throw new UmbelError(
      "BAD_INPUT",
      "this node listens on every address: say with --announce which one others dial",
    );
  }
  return {
    roles: { relay: options.relay, store: options.store !== undefined },
    capacityClass: options.capacityClass,
    versions: { min: 1, max: 1 },
    family: options.family === undefined ? undefined : familyOf(options.crypto, options.family),
    addresses: [address],
  };
}

/** What ends with the node beside its overlay is in the result. */
function serve(
  options: NodeOptions,
  overlay: OverlayNode,
  directory: Directory,
  nodeId: NodeId,
): () => Promise<void> {
  const { crypto, clock, timers, random, store } = options;
  const view = storeDirectoryOf(crypto, directory);
  const keeping = store && keep(options, store, overlay, view, nodeId);
  const holder = keeping?.holder;
  overlay.serve(SERVICE.DIRECTORY, createDirectoryService(directory, clock));
  if (holder !== undefined) overlay.serve(SERVICE.HOLDER, holder.service);
  const stop = async (): Promise<void> => keeping?.repair.stop();
  if (!options.relay) return stop;
  const endpoint = createEndpoint({
    ...{ crypto, clock, timers, random },
    calls: overlay,
    directory: view,
    ownId: nodeId,
    localHolder: holder?.port,
    cache: store ?? createMemoryStore(MEMORY_CACHE),
  });
  overlay.serve(SERVICE.BLOCKS, endpoint);
  return stop;
}

/** A holder, and what keeps its blocks at others. Both judge who is responsible by the nodes that are present. */
function keep(
  options: NodeOptions,
  store: BlockStore,
  calls: OverlayNode,
  view: StoreDirectory,
  ownId: NodeId,
): { readonly holder: Holder; readonly repair: HolderRepair } {
  const { crypto, clock, timers, random, log, network } = options;
  const presence = createPresence(clock);
  const directory = presentDirectory(view, presence);
  const spares = createSpareItems();
  const holder = createHolder({ crypto, store, directory, ownId, spares });
  const rate = createByteRate(clock, timers, REPAIR_BYTES_PER_SECOND);
  const repair = startHolderRepair({
    ...{ crypto, clock, timers, random, log, ownId, directory, presence, spares },
    wholeDirectory: view,
    calls: createRepairCalls({ crypto, calls, store, slots: holder.slots, rate }),
    period: network.descriptorPeriodMs,
  });
  return { holder, repair };
}

const MEMORY_CACHE = { maxBytes: ENDPOINT_MEMORY_CACHE_BYTES, maxCacheBytes: ENDPOINT_MEMORY_CACHE_BYTES };

/** An attached descriptor is used for this EXTEND and not kept: who builds circuits does not fill directories. */
function nextHop(
  options: NodeOptions,
  directory: Directory,
  id: NodeId,
  attached: Uint8Array | undefined,
): Descriptor | undefined {
  const known = directory.get(id);
  if (known !== undefined || attached === undefined) return known?.roles.relay ? known : undefined;
  try {
    const descriptor = decodeDescriptor(options.crypto, options.network, attached);
    const usable =
      descriptor.nodeId === id && descriptor.period === directory.period && descriptor.roles.relay;
    return usable ? descriptor : undefined;
  } catch (error) {
    if (isUmbelError(error)) return undefined;
    throw error;
  }
}
