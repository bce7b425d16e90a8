import { type CodedFile, ROOT_LOCATIONS, type SegmentGroup } from "./coded-file.ts";

/** The probability that a file is whole when each block is there with the same probability, whatever the others are. */
export interface Computed {
  /** A root is there as soon as one of its three locations has it. */
  readonly root: number;
  /** Root and every segment, cross segments left out: exact. */
  readonly withoutCross: number;
  /**
   * A lower bound with cross segments, and the same number where there are none: a group is whole when no more of its segments
   * fail than cross segments are whole, since then each column has enough of them. Groups are often whole beyond that.
   */
  readonly atLeast: number;
}

/** Exact binomials over the real layout. `availability`: of one block at one location. */
export function computeSurvival(file: CodedFile, availability: number): Computed {
  const root = 1 - (1 - availability) ** ROOT_LOCATIONS;
  const product = (of: (group: SegmentGroup) => number) =>
    file.groups.reduce((sum, group) => sum * of(group), root);
  return {
    root,
    withoutCross: product((group) => failuresOf(group.data, availability)[0] ?? 1),
    atLeast: product((group) => groupAtLeast(group, availability)),
  };
}

/** P(at least `least` of `count` independent events of probability p). */
export function binomialTail(count: number, least: number, p: number): number {
  if (p >= 1) return 1;
  let term = (1 - p) ** count;
  let below = 0;
  for (let hits = 0; hits < least; hits++) {
    below += term;
    term *= ((count - hits) / (hits + 1)) * (p / (1 - p));
  }
  return Math.max(0, 1 - below);
}

function groupAtLeast(group: SegmentGroup, availability: number): number {
  const failed = failuresOf(group.data, availability);
  const crossFailed = failuresOf(group.cross, availability);
  let sum = 0;
  for (const [failures, p] of failed.entries()) {
    for (const [lost, q] of crossFailed.entries()) if (failures <= group.cross.length - lost) sum += p * q;
  }
  return sum;
}

/** Entry f: the probability that exactly f of the segments have too few blocks. */
function failuresOf(segments: SegmentGroup["data"], availability: number): number[] {
  let found = [1];
  for (const { data, parity } of segments) {
    const whole = binomialTail(data + parity, data, availability);
    const next = [...found.map((p) => p * whole), 0];
    for (const [failures, p] of found.entries())
      next[failures + 1] = (next[failures + 1] ?? 0) + p * (1 - whole);
    found = next;
  }
  return found;
}
