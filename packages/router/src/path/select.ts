import {
  type Descriptor,
  equalBytes,
  type NetworkParameters,
  type NodeId,
  prefixGroup,
  type RandomSource,
  shuffled,
  UmbelError,
} from "@umbel/core";
import { MAX_PATH_CHECKS } from "../limits.ts";
import { deferring, drawByWeight, isHop } from "./draw.ts";

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
  /** The second hop is one of these, any of them alike; any relay by weight when absent. Needs at least four hops to stay hidden from the endpoint. */
  readonly secondGuards?: readonly Descriptor[] | undefined;
  /** Nodes that are never hops of this path. */
  readonly exclude: ReadonlySet<NodeId>;
  /** Nodes that failed lately: used only when no path keeps clear of them all. */
  readonly avoid: ReadonlySet<NodeId>;
  /** Endpoints that are used only when no other endpoint is left. Gives way before `avoid` does. */
  readonly avoidEndpoints: ReadonlySet<NodeId>;
}

/**
 * Chooses a path, guard first and endpoint last, of exactly `hops` relays of which no two conflict. The endpoint is drawn
 * first (against the given guard), then the second guard, if any, and the middles from the guard's side (docs/spec/04-circuits.md,
 * Paths).
 * Throws NO_PATH with the rule that failed and the number of nodes.
 */
export function selectPath(request: PathRequest): readonly Descriptor[] {
  const { directory, guard, exclude, avoid } = request;
  const relays = directory.all().filter((node) => isHop(node) && !exclude.has(node.nodeId));
  if (!exclude.has(guard.nodeId)) {
    const fresh = relays.filter((node) => !avoid.has(node.nodeId));
    const path = search(request, fresh, ALL_RULES) ?? search(request, relays, ALL_RULES);
    if (path !== undefined) return path;
  }
  throw new UmbelError("NO_PATH", whyNoPath(request, relays));
}

/**
 * True when two nodes must not stand on one path: the same node, the same family, or any address of one in the prefix
 * (IPv4 /16, IPv6 /32, DNS name) of any address of the other.
 */
export function conflicts(a: Descriptor, b: Descriptor, network: NetworkParameters): boolean {
  return clash(a, b, network, ALL_RULES);
}

interface Rules {
  readonly family: boolean;
  readonly prefix: boolean;
}

const ALL_RULES: Rules = { family: true, prefix: true };

function clash(a: Descriptor, b: Descriptor, network: NetworkParameters, rules: Rules): boolean {
  if (a.nodeId === b.nodeId) return true;
  if (rules.family && a.family !== undefined && b.family !== undefined && equalBytes(a.family, b.family)) {
    return true;
  }
  if (!rules.prefix) return false;
  const groups = a.addresses.map((address) => prefixGroup(address, network));
  return b.addresses.some((address) => groups.includes(prefixGroup(address, network)));
}

/** Depth first: a choice that leaves no completion is undone, so that a small network's only path is found. */
function search(
  request: PathRequest,
  relays: readonly Descriptor[],
  rules: Rules,
): readonly Descriptor[] | undefined {
  const { guard, hops, network, random, avoid, avoidEndpoints, secondGuards } = request;
  const seconds = secondGuards?.filter(({ nodeId }) => relays.some((relay) => relay.nodeId === nodeId));
  let checks = 0;

  /** The nodes for the place that comes next: the endpoint, then the second hop, then the others. */
  function candidates(placed: number): Iterable<Descriptor> {
    if (placed === 2 && seconds !== undefined) return shuffled(random, seconds);
    const drawn = drawByWeight(relays, random);
    return placed === 1 ? deferring(drawn, avoidEndpoints) : drawn;
  }

  function complete(chosen: readonly Descriptor[]): readonly Descriptor[] | undefined {
    if (chosen.length === hops) return chosen;
    for (const node of deferring(candidates(chosen.length), avoid)) {
      if (++checks > MAX_PATH_CHECKS) return undefined;
      if (chosen.some((other) => clash(other, node, network, rules))) continue;
      const path = complete([...chosen, node]);
      if (path !== undefined) return path;
    }
    return undefined;
  }

  const [first, endpoint, ...middles] = complete([guard]) ?? [];
  return first && endpoint && [first, ...middles, endpoint];
}

function whyNoPath(request: PathRequest, relays: readonly Descriptor[]): string {
  const { directory, guard, hops, exclude } = request;
  const path = `no path of ${hops} hops`;
  if (exclude.has(guard.nodeId)) return `${path}: the guard is this node itself or is left out`;
  const others = relays.filter((node) => node.nodeId !== guard.nodeId).length;
  const known = `the directory has ${counted(directory.all().length, "node")}, ${counted(others, "usable relay")} besides the guard`;
  if (others < hops - 1) return `${path}: ${known}, and ${hops - 1} are needed`;
  if (
    request.secondGuards !== undefined &&
    search({ ...request, secondGuards: undefined }, relays, ALL_RULES)
  ) {
    return `${path}: ${known}, but none leads over a second guard; remove the guard file to choose new ones`;
  }
  const rule = failedRule(request, relays);
  return `${path}: ${known}, but too few of them keep the rule that no path uses ${rule} twice`;
}

function failedRule(request: PathRequest, relays: readonly Descriptor[]): string {
  if (search(request, relays, { family: true, prefix: false }) !== undefined) return "an address prefix";
  if (search(request, relays, { family: false, prefix: true }) !== undefined) return "a family";
  return "a family or an address prefix";
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
