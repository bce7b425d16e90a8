import type { NodeId } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { encodeBase32 } from "../../src/bytes/base32.ts";
import { nobleProvider } from "../../src/crypto/noble-provider.ts";
import {
  effortOf,
  HOP_BID_BYTES,
  MAX_HOP_EFFORT,
  noBid,
  PUZZLE_SLOT_MS,
  puzzleSeed,
  puzzleSlot,
  searchBid,
} from "../../src/handshake/hop-puzzle.ts";
import { crypto, vectorRandom } from "./support.ts";

const random = vectorRandom("hop puzzle test");
const target = {
  network: random.bytes(32),
  nodeId: encodeBase32(random.bytes(32)) as NodeId,
  hopKey: random.bytes(32),
};
const seed = puzzleSeed(crypto, target, 7);

function solve(effort: number, under = seed): Uint8Array {
  return searchBid(crypto, random, under, effort).run(2 ** 16) as Uint8Array;
}

describe("a puzzle bid", () => {
  it("proves its effort under its seed, and nothing under another", () => {
    for (let effort = 1; effort <= 10; effort++) {
      const bid = solve(effort);
      expect(bid).toHaveLength(HOP_BID_BYTES);
      expect(effortOf(crypto, [seed], bid)).toBe(effort);
      expect(effortOf(crypto, [random.bytes(32), seed], bid)).toBe(effort);
    }
    expect(effortOf(crypto, [puzzleSeed(crypto, target, 8)], solve(12))).toBe(0);
    expect(effortOf(crypto, [], solve(1))).toBe(0);
  });

  it("claims no more than it proves: an effort that is raised, or above the highest, counts as none", () => {
    const bid = solve(4);
    for (const claimed of [0, 20, MAX_HOP_EFFORT + 1, 255])
      expect(effortOf(crypto, [seed], Uint8Array.of(claimed, ...bid.subarray(1)))).toBe(0);
  });

  it("is eight zeros when there is none, which proves nothing and costs nothing", () => {
    expect(solve(0)).toEqual(new Uint8Array(HOP_BID_BYTES));
    expect(effortOf(crypto, [seed], noBid())).toBe(0);
  });

  it("is searched for in pieces, and differs from search to search", () => {
    const search = searchBid(crypto, random, seed, 8);
    let [pieces, bid] = [0, undefined as Uint8Array | undefined];
    while (bid === undefined) {
      pieces += 1;
      bid = search.run(8);
    }
    expect(pieces).toBeGreaterThan(1);
    expect(effortOf(crypto, [seed], bid)).toBe(8);
    expect(solve(8)).not.toEqual(solve(8));
  });

  it("has another seed for another node, network, hop key and slot", () => {
    const other = random.bytes(32);
    const seeds = [
      seed,
      puzzleSeed(crypto, { ...target, network: other }, 7),
      puzzleSeed(crypto, { ...target, nodeId: encodeBase32(other) as NodeId }, 7),
      puzzleSeed(crypto, { ...target, hopKey: other }, 7),
      puzzleSeed(crypto, target, 8),
    ];
    expect(new Set(seeds.map(String)).size).toBe(seeds.length);
    expect([0, PUZZLE_SLOT_MS - 1, PUZZLE_SLOT_MS, -1].map(puzzleSlot)).toEqual([0, 0, 1, 0]);
  });

  it("is frozen", () => {
    const fixed = { network: new Uint8Array(32), hopKey: new Uint8Array(32).fill(1) };
    const nodeId = encodeBase32(new Uint8Array(32).fill(2)) as NodeId;
    const frozen = puzzleSeed(nobleProvider, { ...fixed, nodeId }, 3);
    const zeros = { bytes: (length: number) => new Uint8Array(length) };
    const bid = searchBid(nobleProvider, zeros, frozen, 12).run(2 ** 16) as Uint8Array;
    expect([frozen, bid].map((bytes) => Buffer.from(bytes).toString("hex"))).toMatchInlineSnapshot(`
      [
        "7f87d401b15b30015d9630654b95985213a0a69c492d199702db9c63ea024499",
        "0c00000000000114",
      ]
    `);
  });

  it("refuses an effort that is none", () => {
    for (const effort of [-1, 1.5, MAX_HOP_EFFORT + 1])
      expect(() => searchBid(crypto, random, seed, effort)).toThrow(RangeError);
  });
});
