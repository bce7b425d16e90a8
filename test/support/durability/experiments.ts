import type { NodeId } from "@umbel/core";
import { createHolderIndex, HOLDER_COUNT, type HolderIndex, holdersOf } from "@umbel/storage";
import { type CodedFile, ROOT_LOCATIONS } from "./coded-file.ts";
import { canDecode } from "./simulated.ts";

type Fractions = () => number;

/** How often a file was whole when each block was there with probability `availability`, whatever the others were. */
export function simulateAvailability(
  file: CodedFile,
  availability: number,
  runs: number,
  random: Fractions,
): number {
  const isThere = new Uint8Array(file.blocks);
  let whole = 0;
  for (let run = 0; run < runs; run++) {
    let hasRoot = false;
    for (let location = 0; location < ROOT_LOCATIONS; location++)
      hasRoot = random() < availability || hasRoot;
    for (let at = 0; at < isThere.length; at++) isThere[at] = random() < availability ? 1 : 0;
    if (hasRoot && canDecode(file, isThere)) whole++;
  }
  return whole / runs;
}

/** A network that loses holders at once. */
export interface SuddenLoss {
  readonly nodes: number;
  /** The part of the nodes that is lost, each as likely as any other; a whole number of them. */
  readonly lost: number;
  /** Networks, with a file placed anew in each. */
  readonly networks: number;
  /** Losses tried in each network. */
  readonly losses: number;
}
/** Parts of the runs. */
export interface LossFound {
  readonly whole: number;
  readonly rootLost: number;
  /** Of the file's blocks, without the root. */
  readonly blocksLost: number;
}

/** Who holds one location: the holders of `holdersOf`, or of a rule to compare it with. */
export type Placement = (index: HolderIndex, location: Uint8Array) => readonly NodeId[];
export const asItIs: Placement = (index, location) => holdersOf(index, location).holders;

/** To compare with: the nodes nearest by one reading of the numbers, which are one another's neighbours. */
export const byNeighbours: Placement = (index, location) => index.nearest(location, HOLDER_COUNT);

/** How often a file was whole after a loss. Blocks of one file share holders, so they are not lost independently. */
export function simulateLoss(
  file: CodedFile,
  loss: SuddenLoss,
  random: Fractions,
  placement: Placement = asItIs,
): LossFound {
  const found = { whole: 0, rootLost: 0, blocksLost: 0 };
  const isThere = new Uint8Array(file.blocks);
  for (let network = 0; network < loss.networks; network++) {
    const holders = placeFile(file, loss.nodes, random, placement);
    for (let run = 0; run < loss.losses; run++) {
      const isAlive = drawLoss(loss, random);
      const anyAlive = (from: number, count: number) => {
        for (let at = from; at < from + count; at++) if (isAlive[holders[at] as number] === 1) return true;
        return false;
      };
      const copies = holders.length / (file.blocks + ROOT_LOCATIONS);
      for (let at = 0; at < isThere.length; at++) isThere[at] = anyAlive(at * copies, copies) ? 1 : 0;
      const there = isThere.reduce((sum, is) => sum + is, 0);
      const hasRoot = anyAlive(file.blocks * copies, ROOT_LOCATIONS * copies);
      found.blocksLost += file.blocks === 0 ? 0 : 1 - there / file.blocks;
      if (!hasRoot) found.rootLost++;
      if (hasRoot && canDecode(file, isThere)) found.whole++;
    }
  }
  const runs = loss.networks * loss.losses;
  return { whole: found.whole / runs, rootLost: found.rootLost / runs, blocksLost: found.blocksLost / runs };
}

/** The share of the fullest node, where an even one is 1: the mean over networks, and the most. */
export function simulateShares(
  nodes: number,
  networks: number,
  random: Fractions,
  placement: Placement = asItIs,
): { readonly mean: number; readonly most: number } {
  const fullest = Array.from({ length: Math.floor(networks) }, () => {
    const shares = new Float64Array(nodes);
    const index = drawNetwork(nodes, random);
    const locations = nodes * LOCATIONS_PER_NODE;
    const each = nodes / (locations * HOLDER_COUNT);
    for (let at = 0; at < locations; at++) {
      for (const id of placement(index, drawPoint(random))) {
        const number = id as unknown as number;
        shares[number] = (shares[number] as number) + each;
      }
    }
    return Math.max(...shares);
  });
  return { mean: fullest.reduce((sum, one) => sum + one, 0) / fullest.length, most: Math.max(...fullest) };
}

/** Enough that a node's share is off by a few per cent at most. */
const LOCATIONS_PER_NODE = 300;

/** The numbers of the holders of each block, then of the root at each of its locations. Locations are hashes: drawn at random. */
function placeFile(file: CodedFile, nodes: number, random: Fractions, placement: Placement): Uint16Array {
  const index = drawNetwork(nodes, random);
  const all = Array.from({ length: file.blocks + ROOT_LOCATIONS }, () => placement(index, drawPoint(random)));
  return Uint16Array.from(all.flat() as unknown as number[]);
}

/** Nodes with their numbers in place of ids. */
function drawNetwork(nodes: number, random: Fractions): HolderIndex {
  const all = Array.from({ length: nodes }, (_, number) => ({
    id: number as unknown as NodeId,
    position: drawPoint(random),
  }));
  return createHolderIndex(all);
}

function drawPoint(random: Fractions): Uint8Array {
  const words = Uint32Array.from({ length: 8 }, () => random() * 2 ** 32);
  return new Uint8Array(words.buffer);
}

/** 1 for each node that is left. */
function drawLoss({ nodes, lost }: SuddenLoss, random: Fractions): Uint8Array {
  const isAlive = new Uint8Array(nodes).fill(1);
  for (let left = Math.round(nodes * lost); left > 0; ) {
    const node = Math.floor(random() * nodes);
    if (isAlive[node] === 0) continue;
    isAlive[node] = 0;
    left--;
  }
  return isAlive;
}
