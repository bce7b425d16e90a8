import type { NodeId } from "@umbel/core";

/** One node near a location, as far as this node knows. */
export interface Candidate {
  readonly id: NodeId;
  /** What it said; undefined when it did not answer. */
  readonly has: boolean | undefined;
  /** Known for at least a period. */
  readonly isOld: boolean;
}

/** What one node makes of one block at one location. */
export interface RepairPlan {
  /** Who lacks it and should have it, in the order of the candidates. */
  readonly targets: readonly NodeId[];
  /** How many nearer nodes have the block too: the first of them acts first, the others only if it did not. */
  readonly rank: number;
  /** True when all who should have the block confirmed it and this node is none of them. */
  readonly isSpare: boolean;
}

/**
 * Who should get a block, and who acts (docs/spec/14-repair.md). `candidates`: the present nodes where a GET looks, in the order of `holdersOf`,
 * this node among them if it is one of them. The first `count` should have the block, old ones before new ones. A node that did not
 * answer keeps its place and gets nothing.
 */
export function planRepair(ownId: NodeId, candidates: readonly Candidate[], count: number): RepairPlan {
  const inOrder = [...candidates.filter(({ isOld }) => isOld), ...candidates.filter(({ isOld }) => !isOld)];
  const wanted = inOrder.slice(0, count);
  const own = candidates.findIndex(({ id }) => id === ownId);
  const nearer = own === -1 ? candidates : candidates.slice(0, own);
  return {
    targets: wanted.filter(({ id, has }) => id !== ownId && has === false).map(({ id }) => id),
    rank: nearer.filter(({ has }) => has === true).length,
    isSpare: wanted.length === count && wanted.every(({ id, has }) => id !== ownId && has === true),
  };
}
