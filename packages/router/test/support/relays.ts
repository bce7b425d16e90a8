import {
  createNetwork,
  type Descriptor,
  generateNodeKeys,
  LOCAL_NETWORK,
  type NodeId,
  parseAddress,
  periodAt,
  signDescriptor,
} from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { createVirtualClock } from "../../../../test/support/virtual-clock.ts";
import type { HopResponder } from "../../src/node/hop-responder.ts";
import { OverlayNode, type OverlayNodeOptions } from "../../src/node/overlay-node.ts";
import type { Tap } from "../../src/node/tap.ts";
import { createMemoryNetwork, type MemoryNetworkOptions } from "../../src/transport/memory-transport.ts";

/** Relays and clients on one memory network under virtual time. Every node knows every descriptor, without a directory. */
export function createRelays(seed: string, hooks: Omit<MemoryNetworkOptions, "timers"> = {}) {
  const clock = createVirtualClock();
  const random = createSeededRandom(seed);
  const network = createNetwork(nodeProvider, LOCAL_NETWORK);
  const memory = createMemoryNetwork({ timers: clock, ...hooks });
  const known = new Map<NodeId, Descriptor>();
  let hosts = 0;

  const common = (host: string) => ({
    crypto: nodeProvider,
    random,
    network,
    transport: memory.transportFor(host),
    clock,
    timers: clock,
    lookUp: (id: NodeId) => known.get(id),
  });

  return {
    clock,
    memory,
    known,
    async relay(
      options: {
        tap?: Tap;
        knows?: (id: NodeId) => boolean;
        responder?: HopResponder;
        constantRateLinks?: number;
      } = {},
    ) {
      hosts += 1;
      const host = `127.${hosts}.0.1`;
      const keys = generateNodeKeys(nodeProvider, random);
      const descriptor = signDescriptor(nodeProvider, network, keys, {
        period: periodAt(network, clock.unixNow()),
        roles: { relay: true, store: true },
        capacityClass: 1,
        versions: { min: 1, max: 1 },
        family: undefined,
        addresses: [parseAddress(`ws://${host}:9001`)],
      });
      known.set(descriptor.nodeId, descriptor);
      const node = new OverlayNode({
        ...common(host),
        credentials: () => ({ linkKey: keys.linkKey, identity: keys.identity, features: 0 }),
        nodeId: descriptor.nodeId,
        hop: {
          nodeId: descriptor.nodeId,
          keys: () => [keys.hopKey],
          resolve: (id, attached) =>
            attached === undefined && options.knows?.(id) === false ? undefined : known.get(id),
        },
        tap: options.tap,
        responder: options.responder,
        constantRateLinks: options.constantRateLinks,
      });
      await node.listen(`ws://${host}:9001`);
      return { node, host, descriptor };
    },
    client(tap?: Tap, options: Pick<OverlayNodeOptions, "constantRate" | "onRateRefused"> = {}) {
      hosts += 1;
      const host = `127.${hosts}.0.1`;
      const { linkKey } = generateNodeKeys(nodeProvider, random);
      const credentials = () => ({ linkKey, features: 0 });
      const anonymous = { credentials, nodeId: undefined, hop: undefined };
      const node = new OverlayNode({ ...common(host), ...anonymous, tap, ...options });
      return { node, host };
    },
  };
}
