import type { Clock, Millis, NodeId } from "@umbel/core";

/** Nodes that lately could not be reached, so that a dead holder does not cost a timeout for each block. */
export interface UnreachableNodes {
  add(id: NodeId): void;
  /** Forgets `id`: it answered. */
  remove(id: NodeId): void;
  /** How many of `ids` lately failed. */
  count(ids: readonly NodeId[]): number;
  /** `ids` in their order, those that lately failed at the end. None is left out: all may have failed for another reason. */
  last(ids: readonly NodeId[]): readonly NodeId[];
}

/** Remembers at most `maxNodes` failures for `duration` ms each; the oldest makes room. */
export function createUnreachableNodes(clock: Clock, duration: Millis, maxNodes: number): UnreachableNodes {
  const until = new Map<NodeId, Millis>();
  const isOut = (id: NodeId): boolean => {
    const end = until.get(id);
    if (end === undefined) return false;
    if (end > clock.now()) return true;
    until.delete(id);
    return false;
  };
  return {
    add(id) {
      until.delete(id);
      const [oldest] = until.keys();
      if (until.size >= maxNodes && oldest !== undefined) until.delete(oldest);
      until.set(id, clock.now() + duration);
    },
    remove: (id) => void until.delete(id),
    count: (ids) => (until.size === 0 ? 0 : ids.filter(isOut).length),
    last(ids) {
      const out = ids.filter(isOut);
      return [...ids.filter((id) => !out.includes(id)), ...out];
    },
  };
}
