import { DEFAULT_CODING, FILE_INLINE_BYTES } from "@umbel/storage";
import { describe, expect, it } from "vitest";
import { codedFileOf } from "../support/durability/coded-file.ts";
import { binomialTail, computeSurvival } from "../support/durability/computed.ts";
import {
  asItIs,
  byNeighbours,
  simulateAvailability,
  simulateLoss,
  simulateShares,
} from "../support/durability/experiments.ts";
import { canDecode, fractionsFrom } from "../support/durability/simulated.ts";

const MEBIBYTE = 2 ** 20;
/** Standard deviations that a right simulation strays; seeds are fixed, so it is decided once. */
const FAR = 4;
const RUNS = 1_000;

describe("the survival of files, computed and simulated by the layout in use (npm run durability)", () => {
  const sizes = {
    "in its root": FILE_INLINE_BYTES,
    "of one leaf": FILE_INLINE_BYTES + 1,
    "of 4 MiB": 4 * MEBIBYTE,
  };
  for (const [title, bytes] of Object.entries(sizes)) {
    it.each([0.8, 0.7, 0.6])(`agrees for a file ${title} at availability %d`, (availability) => {
      const file = codedFileOf(bytes, DEFAULT_CODING);
      const { atLeast, withoutCross } = computeSurvival(file, availability);
      expect(atLeast).toBe(withoutCross);
      const simulated = simulateAvailability(file, availability, RUNS, fractionsFrom(1));
      const deviation = Math.sqrt((atLeast * (1 - atLeast)) / RUNS);
      expect(Math.abs(simulated - atLeast)).toBeLessThanOrEqual(FAR * deviation + 1 / RUNS);
    });
  }

  it("is better with cross segments than the bound that is computed, and that is better than none", () => {
    const file = codedFileOf(64 * MEBIBYTE, DEFAULT_CODING);
    const { atLeast, withoutCross } = computeSurvival(file, 0.86);
    expect(atLeast).toBeGreaterThan(withoutCross);
    expect(simulateAvailability(file, 0.86, 200, fractionsFrom(2))).toBeGreaterThan(atLeast);
  });

  it("is by the tail of a binomial distribution", () => {
    expect(binomialTail(3, 2, 0.5)).toBeCloseTo(0.5);
    expect(binomialTail(4, 4, 0.9)).toBeCloseTo(0.9 ** 4);
    expect(binomialTail(4, 0, 0.1)).toBe(1);
    expect(binomialTail(10, 10, 1)).toBe(1);
  });
});

describe("a simulated file", () => {
  const file = codedFileOf(64 * MEBIBYTE, DEFAULT_CODING);
  const group = file.groups.at(-1)!;
  const without = (...gone: readonly (readonly [from: number, count: number])[]) => {
    const isThere = new Uint8Array(file.blocks).fill(1);
    for (const [from, count] of gone) isThere.fill(0, from, from + count);
    return canDecode(file, isThere);
  };

  it("bears the loss of a segment's parity, and of a whole segment by its cross segment", () => {
    const [first, second] = group.data;
    expect(group.cross.length).toBe(1);
    expect(without([first!.firstBlock, first!.parity])).toBe(true);
    expect(without([first!.firstBlock, 158])).toBe(true);
    expect(without([first!.firstBlock, 158], [second!.firstBlock, 30])).toBe(true);
  });

  it("does not bear two whole segments, or one and the cross segment", () => {
    const [first, second] = group.data;
    expect(without([first!.firstBlock, 158], [second!.firstBlock, 158])).toBe(false);
    expect(without([first!.firstBlock, 158], [group.cross[0]!.firstBlock, 158])).toBe(false);
  });

  it("does not bear the loss of an index level", () => {
    const [index] = file.groups[0]!.data;
    expect(index!.level).toBe(1);
    expect(without([index!.firstBlock, index!.parity])).toBe(true);
    expect(without([index!.firstBlock, index!.parity + 1])).toBe(false);
  });
});

it("64 MiB is stored in at most 4 bytes for each of its own, and bears the sudden loss of 40 % of 100 holders", () => {
  const file = codedFileOf(64 * MEBIBYTE, DEFAULT_CODING);
  expect(file.storedPerByte).toBeLessThanOrEqual(4);
  const loss = { nodes: 100, lost: 0.4, networks: 20, losses: 50 };
  const { whole, blocksLost } = simulateLoss(file, loss, fractionsFrom(3));
  expect(whole).toBeGreaterThanOrEqual(0.997);
  expect(blocksLost).toBeCloseTo(0.061, 1);
});

describe.each([12, 20])("in a network of %d nodes of which 40 %% are lost", (nodes) => {
  const file = codedFileOf(16 * MEBIBYTE, DEFAULT_CODING);
  const loss = { nodes, lost: 0.4, networks: 20, losses: 50 };

  it("holders by points keep a file that holders who are neighbours lose one time in fifty and more, though as many blocks are lost", () => {
    const points = simulateLoss(file, loss, fractionsFrom(4), asItIs);
    const neighbours = simulateLoss(file, loss, fractionsFrom(4), byNeighbours);
    expect(points.whole).toBeGreaterThanOrEqual(0.997);
    expect(neighbours.whole).toBeLessThan(0.98);
    expect(points.blocksLost).toBeCloseTo(neighbours.blocksLost, 1);
  });

  it("the fullest node holds some two even shares on average, whichever way", () => {
    const shares = simulateShares(nodes, 5, fractionsFrom(5), asItIs);
    expect(shares.mean).toBeGreaterThan(1);
    expect(shares.mean).toBeLessThan(2.5);
    expect(shares.most).toBeLessThan(4);
    expect(simulateShares(nodes, 5, fractionsFrom(5), byNeighbours).mean).toBeLessThan(2.5);
  });
});
