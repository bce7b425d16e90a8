import {
  type CryptoProvider,
  type Descriptor,
  decodeDescriptor,
  descriptorHash,
  isUmbelError,
  type Millis,
  type NetworkParameters,
  type NodeId,
  periodAt,
} from "@umbel/core";
import { MAX_DIRECTORY_CONFLICTS, MAX_DIRECTORY_NODES } from "../limits.ts";
import { createDescriptorSet, type DescriptorSet } from "./digest.ts";

/** What became of a descriptor: refused covers bad, of another network or period, in conflict, and over the cap. */
export type Admission = "added" | "known" | "refused";

/** How a descriptor came: sent by its node or a peer unasked, or asked for. Only pushed ones are passed on at once. */
export type Arrival = "pushed" | "pulled";

/** Two descriptors that one node signed for one period: evidence against it. */
export interface Conflict {
  readonly kept: Descriptor;
  readonly other: Descriptor;
}

/**
 * A node's set of verified descriptors, of the current period and the next (docs/spec/06-directory.md). It reads no
 * clock: the current period is that of the last `admit` or `prune`.
 */
export interface Directory {
  readonly network: NetworkParameters;
  /** Descriptors of the current period. */
  readonly size: number;
  /** The current period. */
  readonly period: number;
  /** Verifies and adds a descriptor. `unixNow` in milliseconds since 1970. */
  admit(bytes: Uint8Array, unixNow: Millis, arrival?: Arrival): Admission;
  /** The node's descriptor of the current period. */
  get(nodeId: NodeId): Descriptor | undefined;
  /** All of the current period in order of node ids; the same array until it changes. */
  all(): readonly Descriptor[];
  /** The descriptors of a period, undefined unless it is the current or the next. */
  set(period: number): DescriptorSet | undefined;
  /** Evidence against nodes, of the periods held. */
  conflicts(): readonly Conflict[];
  /** Calls `listener` after each addition; the result ends that. */
  onAdded(listener: (descriptor: Descriptor, arrival: Arrival) => void): () => void;
  /** Makes the period of `unixNow` the current one and forgets others but the next. */
  prune(unixNow: Millis): void;
  /** Forgets all descriptors and all evidence. */
  forget(): void;
}

export interface DirectoryOptions {
  readonly crypto: CryptoProvider;
  readonly network: NetworkParameters;
  /** Descriptors per period; MAX_DIRECTORY_NODES when absent. */
  readonly capacity?: number | undefined;
}

interface PeriodSet {
  readonly descriptors: DescriptorSet;
  readonly conflicts: Map<NodeId, Conflict>;
}

export function createDirectory(options: DirectoryOptions): Directory {
  const { crypto, network, capacity = MAX_DIRECTORY_NODES } = options;
  const listeners = new Set<(descriptor: Descriptor, arrival: Arrival) => void>();
  const sets = new Map<number, PeriodSet>();
  let current = 0;

  function prune(unixNow: Millis): void {
    current = periodAt(network, unixNow);
    for (const period of sets.keys()) {
      if (period !== current && period !== current + 1) sets.delete(period);
    }
    for (const period of [current, current + 1]) {
      if (!sets.has(period)) {
        sets.set(period, { descriptors: createDescriptorSet(crypto), conflicts: new Map() });
      }
    }
  }

  function admit(bytes: Uint8Array, unixNow: Millis, arrival: Arrival = "pushed"): Admission {
    prune(unixNow);
    const hash = descriptorHash(crypto, bytes);
    for (const { descriptors } of sets.values()) if (descriptors.hasHash(hash)) return "known";
    const descriptor = decodeOrNothing(crypto, network, bytes);
    const set = descriptor && sets.get(descriptor.period);
    if (descriptor === undefined || set === undefined) return "refused";
    const kept = set.descriptors.get(descriptor.nodeId);
    if (kept !== undefined) {
      if (set.conflicts.size < MAX_DIRECTORY_CONFLICTS && !set.conflicts.has(descriptor.nodeId)) {
        set.conflicts.set(descriptor.nodeId, { kept, other: descriptor });
      }
      return "refused";
    }
    if (set.descriptors.size >= capacity) return "refused";
    set.descriptors.add(descriptor);
    for (const listener of listeners) listener(descriptor, arrival);
    return "added";
  }

  return {
    network,
    get size() {
      return sets.get(current)?.descriptors.size ?? 0;
    },
    get period() {
      return current;
    },
    admit,
    get: (nodeId) => sets.get(current)?.descriptors.get(nodeId),
    all: () => sets.get(current)?.descriptors.all() ?? [],
    set: (period) => sets.get(period)?.descriptors,
    conflicts: () => [...sets.values()].flatMap((set) => [...set.conflicts.values()]),
    onAdded(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    prune,
    forget: () => sets.clear(),
  };
}

function decodeOrNothing(
  crypto: CryptoProvider,
  network: NetworkParameters,
  bytes: Uint8Array,
): Descriptor | undefined {
  try {
    return decodeDescriptor(crypto, network, bytes);
  } catch (error) {
    if (isUmbelError(error, "BAD_ENCODING", "CRYPTO_FAILED")) return undefined;
    throw error;
  }
}
