import { type Descriptor, PROTOCOL_VERSION, type RandomSource, randomBelow } from "@umbel/core";

/** A node's share of choices: 1 to 4 by its capacity class. Coarse, so that a lie gains little. */
export function weightOf(descriptor: Descriptor): number {
  return 1 + descriptor.capacityClass;
}

/** One of `candidates` by weight, or undefined when there is none. */
export function chooseWeighted(
  random: RandomSource,
  candidates: readonly Descriptor[],
): Descriptor | undefined {
  const total = candidates.reduce((sum, each) => sum + weightOf(each), 0);
  if (total === 0) return undefined;
  let left = randomBelow(random, total);
  return candidates.find((each) => {
    left -= weightOf(each);
    return left < 0;
  });
}

/** True for a node that can be a hop of ours. */
export function isHop(descriptor: Descriptor): boolean {
  const { roles, versions } = descriptor;
  return roles.relay && versions.min <= PROTOCOL_VERSION && PROTOCOL_VERSION <= versions.max;
}
