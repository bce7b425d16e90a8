import type { NodeId } from "@umbel/core";
import { HOLDER_COUNT, NEAR_MISS_COUNT } from "../limits.ts";

/** A node with the store role, and its place in the key space. */
export interface StoreNode {
  readonly id: NodeId;
  /** 32 bytes. */
  readonly position: Uint8Array;
}

/** Who keeps the blocks of one location, point by point. */
export interface Holders {
  /** The nodes responsible. */
  readonly holders: readonly NodeId[];
  /** The next ones: they take and give blocks while holders cannot. */
  readonly nearMisses: readonly NodeId[];
}

/** Answers `holdersOf` for one state of the directory. */
export interface HolderIndex {
  /**
   * The `count` nodes nearest to `location` by XOR of positions, nearest first; fewer when there are not as many. For `point` i, 0 when
   * absent, the numbers are read from byte POINT_STEP_BYTES * i on, around the end: each node has a place of its own for each point.
   */
  nearest(location: Uint8Array, count: number, point?: number): readonly NodeId[];
}

/**
 * Which nodes hold a location (DESIGN section 9, docs/decisions/0076-three-points.md): for each of R points the nearest node by XOR of
 * position, then the near misses. The one function that decides this; part 3 widens it for roots and slots.
 */
export function holdersOf(index: HolderIndex, location: Uint8Array): Holders {
  const near = nearestTo(index, location);
  return { holders: near.slice(0, HOLDER_COUNT), nearMisses: near.slice(HOLDER_COUNT) };
}

/** Holders and near misses of a location in one: whom a GET asks, in that order. */
export function nearestTo(index: HolderIndex, location: Uint8Array): readonly NodeId[] {
  return nodesAround(index, location, HOLDER_COUNT + NEAR_MISS_COUNT);
}

/** The `count` nodes after the near misses: where holders repair to while nearer ones are away. */
export function furtherOut(index: HolderIndex, location: Uint8Array, count: number): readonly NodeId[] {
  const near = HOLDER_COUNT + NEAR_MISS_COUNT;
  return count === 0 ? [] : nodesAround(index, location, near + count).slice(near);
}

/** Bytes between the points of a location and of a position: 64 bits tell all nodes of a network apart. */
const POINT_STEP_BYTES = 8;

/**
 * The `count` nodes around the R points of a location: the nearest for each point in turn, then the second nearest, each node once. Who
 * is near by one reading of the numbers is anywhere by another, so two blocks seldom have the same holders.
 */
export function nodesAround(index: HolderIndex, location: Uint8Array, count: number): NodeId[] {
  const lines = POINTS.map((point) => index.nearest(location, count, point));
  const next = POINTS.map(() => 0);
  const found: NodeId[] = [];
  /** Lines in a row that had nobody left. */
  let ended = 0;
  for (let point = 0; found.length < count && ended < lines.length; point = (point + 1) % lines.length) {
    const line = lines[point] as readonly NodeId[];
    let at = next[point] as number;
    while (at < line.length && found.includes(line[at] as NodeId)) at++;
    ended = at < line.length ? 0 : ended + 1;
    if (at < line.length) found.push(line[at] as NodeId);
    next[point] = at + 1;
  }
  return found;
}

const POINTS = Array.from({ length: HOLDER_COUNT }, (_, point) => point);

/**
 * Sorts the nodes once for each point; each search then walks the binary tree of their common prefixes: O(count * log n) for n nodes
 * (the tree of Kademlia, Maymounkov and Mazieres 2002, section 2).
 */
export function createHolderIndex(nodes: readonly StoreNode[]): HolderIndex {
  const orders = POINTS.map((point) => {
    const from = point * POINT_STEP_BYTES;
    return [...nodes].sort((a, b) => compareFrom(a.position, b.position, from));
  });
  return {
    nearest(location, count, point = 0) {
      const sorted = orders[point];
      if (sorted === undefined) throw new RangeError(`point ${point}`);
      return nearestIn(sorted, location, count, point * POINT_STEP_BYTES * 8);
    },
  };
}

/** Bits are counted from `firstBit` on, around the end. */
function nearestIn(
  sorted: readonly StoreNode[],
  location: Uint8Array,
  count: number,
  firstBit: number,
): readonly NodeId[] {
  const found: NodeId[] = [];
  const bits = location.length * 8;
  const bitOf = (bytes: Uint8Array, bit: number): number => {
    const at = (firstBit + bit) % bits;
    return ((bytes[at >> 3] as number) >> (7 - (at & 7))) & 1;
  };
  /** First index in [from, to) whose position has the bit set; those positions agree in all bits before. */
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
  const collect = (bit: number, from: number, to: number): void => {
    if (from >= to || found.length >= count) return;
    if (to - from === 1 || bit >= bits) {
      for (let at = from; at < to && found.length < count; at++) found.push((sorted[at] as StoreNode).id);
      return;
    }
    const split = firstSet(bit, from, to);
    const isSet = bitOf(location, bit) === 1;
    collect(bit + 1, isSet ? split : from, isSet ? to : split);
    collect(bit + 1, isSet ? from : split, isSet ? split : to);
  };
  collect(0, 0, sorted.length);
  return found;
}

/** Orders two arrays of one length as numbers that are read from byte `from` on, around the end. */
function compareFrom(a: Uint8Array, b: Uint8Array, from: number): number {
  for (let at = 0; at < a.length; at++) {
    const byte = (from + at) % a.length;
    const difference = (a[byte] as number) - (b[byte] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}
