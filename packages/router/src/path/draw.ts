import { type Descriptor, type NodeId, PROTOCOL_VERSION, type RandomSource, randomBelow } from "@umbel/core";

/** The most that one capacity class can weigh against another (docs/spec/04-circuits.md, Paths). */
export const MAX_WEIGHT_RATIO = 4;

/** Weight by capacity class 0 to 3: coarse, since a class is each node's own claim. */
const WEIGHTS = [1, 2, 3, MAX_WEIGHT_RATIO] as const;

/** True for a node that can be a hop for this version. */
export function isHop(node: Descriptor): boolean {
  const { min, max } = node.versions;
  return node.roles.relay && min <= PROTOCOL_VERSION && PROTOCOL_VERSION <= max;
}

/**
 * All `nodes` in a random order: each next one is drawn from those left, by weight. Lazy: whoever takes one pays for
 * about two draws, however many nodes there are.
 */
export function* drawByWeight(nodes: readonly Descriptor[], random: RandomSource): Generator<Descriptor> {
  const left = [...nodes];
  while (left.length > 0) {
    const drawn = randomBelow(random, left.length * MAX_WEIGHT_RATIO);
    const index = Math.floor(drawn / MAX_WEIGHT_RATIO);
    const node = left[index]!;
    if (drawn % MAX_WEIGHT_RATIO >= (WEIGHTS[node.capacityClass] ?? 1)) continue;
    left[index] = left[left.length - 1]!;
    left.pop();
    yield node;
  }
}

/** `nodes` in their order, but those of `later` come after all others. */
export function* deferring(nodes: Iterable<Descriptor>, later: ReadonlySet<NodeId>): Generator<Descriptor> {
  const deferred: Descriptor[] = [];
  for (const node of nodes) {
    if (later.has(node.nodeId)) deferred.push(node);
    else yield node;
  }
  yield* deferred;
}
