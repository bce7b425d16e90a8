import type { Descriptor, NetworkParameters, NodeId, RandomSource } from "@umbel/core";
import { UmbelError } from "@umbel/core";

/** The directory as path selection sees it: the descriptors of the current period. */
export interface PathDirectory {
  all(): readonly Descriptor[];
  get(nodeId: NodeId): Descriptor | undefined;
}

/** Hops of a circuit that a client builds for itself. */
export type HopCount = 3 | 4 | 5 | 6;

export interface PathRequest {
  readonly directory: PathDirectory;
  /** The first hop, chosen by the guards. */
  readonly guard: Descriptor;
  readonly hops: HopCount;
  readonly network: NetworkParameters;
  readonly random: RandomSource;
  /** Nodes that are never hops of this path. */
  readonly exclude: ReadonlySet<NodeId>;
  /** Nodes that failed lately: used only where a position has no other candidate. */
  readonly avoid: ReadonlySet<NodeId>;
  /** The same for the endpoint alone. */
  readonly avoidEndpoints: ReadonlySet<NodeId>;
}

/**
 * Chooses a path, guard first and endpoint last, of exactly `hops` relays of which no two conflict. The endpoint is drawn
 * first (against the given guard), then the middles. Throws NO_PATH with the rule that failed and the number of relays.
 */
export function selectPath(_request: PathRequest): readonly Descriptor[] {
  throw new UmbelError("INTERNAL", "path selection is being written");
}

/**
 * True when two nodes must not stand on one path: the same node, the same family, or any address of one in the prefix
 * (IPv4 /16, IPv6 /32, DNS name) of any address of the other.
 */
export function conflicts(_a: Descriptor, _b: Descriptor, _network: NetworkParameters): boolean {
  throw new UmbelError("INTERNAL", "path selection is being written");
}
