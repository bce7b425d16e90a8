import type { NodeId } from "@umbel/core";
import { HOLDER_COUNT, NEAR_MISS_COUNT } from "../limits.ts";

/** A node with the store role, and its place in the key space. */
export interface StoreNode {
  readonly id: NodeId;
  /** 32 bytes. */
  readonly position: Uint8Array;
}

/** Who keeps the blocks of one location, nearest first. */
export interface Holders {
  /** The nodes responsible. */
  readonly holders: readonly NodeId[];
  /** The next ones: they take and give blocks while holders cannot. */
  readonly nearMisses: readonly NodeId[];
}

/** Answers `holdersOf` for one state of the directory. */
export interface HolderIndex {
  /** The `count` nodes nearest to `location` by XOR of positions, nearest first; fewer when there are not as many. */
  nearest(location: Uint8Array, count: number): readonly NodeId[];
}

/**
 * Which nodes hold a location (DESIGN section 9): the R nearest by XOR of position, then the near misses. The one
 * function that decides this; part 3 widens it for roots and slots.
 */
export function holdersOf(index: HolderIndex, location: Uint8Array): Holders {
  const near = index.nearest(location, HOLDER_COUNT + NEAR_MISS_COUNT);
  return { holders: near.slice(0, HOLDER_COUNT), nearMisses: near.slice(HOLDER_COUNT) };
}

/** The `count` nodes after the near misses: where holders repair to while nearer ones are away. */
export function furtherOut(index: HolderIndex, location: Uint8Array, count: number): readonly NodeId[] {
  const near = HOLDER_COUNT + NEAR_MISS_COUNT;
  return count === 0 ? [] : index.nearest(location, near + count).slice(near);
}

/**
 * Sorts the nodes by position once; each search then walks the binary tree of their common prefixes: O(count * log n)
 * for n nodes (the tree of Kademlia, Maymounkov and Mazieres 2002, section 2).
 */
export function createHolderIndex(nodes: readonly StoreNode[]): HolderIndex {
  const sorted = [...nodes].sort((a, b) => compareBytes(a.position, b.position));

  /** First index in [from, to) whose position has bit `bit` set; those positions agree in all bits before. */
  const firstSet = (bit: number, from: number, to: number): number => {
    let low = from;
    let high = to;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (bitOf((sorted[middle] as StoreNode).position, bit) === 0) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  return {
    nearest(location, count) {
      const found: NodeId[] = [];
      const collect = (bit: number, from: number, to: number): void => {
        if (from >= to || found.length >= count) return;
        if (to - from === 1 || bit >= location.length * 8) {
          for (const node of sorted.slice(from, Math.min(to, from + count - found.length)))
            found.push(node.id);
          return;
        }
        const split = firstSet(bit, from, to);
        const isSet = bitOf(location, bit) === 1;
        collect(bit + 1, isSet ? split : from, isSet ? to : split);
        collect(bit + 1, isSet ? from : split, isSet ? split : to);
      };
      collect(0, 0, sorted.length);
      return found;
    },
  };
}

function bitOf(bytes: Uint8Array, bit: number): number {
  return ((bytes[bit >> 3] as number) >> (7 - (bit & 7))) & 1;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let at = 0; at < a.length; at++) {
    const difference = (a[at] as number) - (b[at] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}
