import {
  createNetwork,
  type Descriptor,
  type DescriptorContent,
  generateNodeKeys,
  LOCAL_NETWORK,
  type NetworkParameters,
  type NodeKeys,
  parseAddress,
  periodStart,
  signDescriptor,
} from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";

/** The network of these tests. */
export const network: NetworkParameters = createNetwork(nodeProvider, LOCAL_NETWORK);
/** The period that `describedNode` signs for unless told otherwise. */
export const PERIOD = 20_454;
/** A moment in the middle of PERIOD. */
export const NOON = periodStart(network, PERIOD) + network.descriptorPeriodMs / 2;

export interface NodeTraits extends Partial<DescriptorContent> {
  readonly url?: string;
}

/** The keys of test node `index`. */
export function keysOf(index: number): NodeKeys {
  return generateNodeKeys(nodeProvider, createSeededRandom(`node ${index}`));
}

/** The descriptor of test node `index`, on an address prefix of its own. */
export function describedNode(index: number, traits: NodeTraits = {}): Descriptor {
  const { url = `ws://${1 + (index >> 8)}.${index & 255}.0.1:7000`, ...content } = traits;
  return signDescriptor(nodeProvider, network, keysOf(index), {
    period: PERIOD,
    roles: { relay: true, store: true },
    capacityClass: 0,
    versions: { min: 1, max: 1 },
    family: undefined,
    addresses: [parseAddress(url)],
    ...content,
  });
}

/** `count` nodes from `first` on. */
export function describedNodes(count: number, first = 0): Descriptor[] {
  return Array.from({ length: count }, (_, at) => describedNode(first + at));
}
