import {
  type CryptoProvider,
  compareBytes,
  type Descriptor,
  LABELS,
  type NodeId,
  nodeIdBytes,
  toHex,
} from "@umbel/core";
import { MAX_CACHED_DIGESTS } from "../limits.ts";

/** All node ids that begin with these half-bytes (0 to 15 each), 0 to 64 of them. */
export type IdRange = readonly number[];

/** Half-bytes of a node id. */
export const ID_NIBBLES = 64;

/** The range of all ids. */
export const ALL_IDS: IdRange = [];

/** A range in its 16 parts, in order of ids. */
export function partsOf(range: IdRange): IdRange[] {
  return Array.from({ length: 16 }, (_, nibble) => [...range, nibble]);
}

/** What one node says of its descriptors in a range: equal iff the descriptors are (but for a broken hash). */
export interface RangeSummary {
  readonly count: number;
  /** SHA-256(label, descriptor hashes in order of node ids): 32 bytes. */
  readonly digest: Uint8Array;
}

/** Descriptors of one period in order of node ids, one per node. */
export interface DescriptorSet {
  readonly size: number;
  get(nodeId: NodeId): Descriptor | undefined;
  hasHash(hash: Uint8Array): boolean;
  /** Adds the descriptor of a node that is not there yet. */
  add(descriptor: Descriptor): void;
  /** All, in order of node ids. The same array until the set changes. */
  all(): readonly Descriptor[];
  inRange(range: IdRange): readonly Descriptor[];
  summary(range: IdRange): RangeSummary;
}

interface Entry {
  readonly id: Uint8Array;
  readonly descriptor: Descriptor;
}

export function createDescriptorSet(crypto: CryptoProvider): DescriptorSet {
  const entries: Entry[] = [];
  const byId = new Map<NodeId, Descriptor>();
  const hashes = new Set<string>();
  const summaries = new Map<string, RangeSummary>();
  let all: readonly Descriptor[] | undefined;

  function inRange(range: IdRange): Descriptor[] {
    const first = bytesOf(range, 0x00);
    const last = bytesOf(range, 0xff);
    const from = lowerBound(entries, (id) => compareBytes(id, first) < 0);
    const to = lowerBound(entries, (id) => compareBytes(id, last) <= 0);
    return entries.slice(from, to).map((entry) => entry.descriptor);
  }

  function summary(range: IdRange): RangeSummary {
    const name = range.join();
    const known = summaries.get(name);
    if (known !== undefined) return known;
    const members = inRange(range);
    const joined = new Uint8Array(members.length * 32);
    for (const [at, member] of members.entries()) joined.set(member.hash, at * 32);
    const made = { count: members.length, digest: crypto.sha256(LABELS.directoryDigest, joined) };
    if (summaries.size >= MAX_CACHED_DIGESTS) summaries.clear();
    summaries.set(name, made);
    return made;
  }

  return {
    get size() {
      return entries.length;
    },
    get: (nodeId) => byId.get(nodeId),
    hasHash: (hash) => hashes.has(toHex(hash)),
    add(descriptor) {
      const id = nodeIdBytes(descriptor.nodeId);
      entries.splice(
        lowerBound(entries, (each) => compareBytes(each, id) < 0),
        0,
        { id, descriptor },
      );
      byId.set(descriptor.nodeId, descriptor);
      hashes.add(toHex(descriptor.hash));
      summaries.clear();
      all = undefined;
    },
    all: () => (all ??= entries.map((entry) => entry.descriptor)),
    inRange,
    summary,
  };
}

/** The range's half-bytes, then `fill`: its first id with 0x00, its last one with 0xff. */
function bytesOf(range: IdRange, fill: number): Uint8Array {
  const bytes = new Uint8Array(32).fill(fill);
  for (const [at, nibble] of range.entries()) {
    const index = at >> 1;
    bytes[index] = at % 2 === 0 ? (nibble << 4) | (fill & 0x0f) : (bytes[index]! & 0xf0) | nibble;
  }
  return bytes;
}

/** How many entries come before the first one for which `isBefore` is false. */
function lowerBound(entries: readonly Entry[], isBefore: (id: Uint8Array) => boolean): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBefore(entries[middle]!.id)) low = middle + 1;
    else high = middle;
  }
  return low;
}
