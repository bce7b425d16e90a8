import { BODY_BYTES, type CryptoProvider, createLayer, type OnionDirection } from "@umbel/core";
import { createSeededRandom } from "../../support/seeded-random.ts";
import {
  chiSquareBound,
  chiSquareSame,
  chiSquareUniform,
  coinDeviation,
  twoSidedBound,
} from "../../support/statistics.ts";
import { layerKeysOf } from "./tampered-layers.ts";

/** A change that a hostile hop makes to a cell: the bits to flip, a body of them. */
export type Change = Uint8Array;

export interface EvidenceOptions {
  readonly crypto: CryptoProvider;
  readonly direction: OnionDirection;
  /** The two changes between which the far hop should tell. */
  readonly changes: readonly [Change, Change];
  /** Cells tagged, each on a circuit of its own. */
  readonly runs: number;
  readonly seed: string;
  /** 0: the tagged cell itself; 1: the unaltered one behind it. */
  readonly later?: number;
}

/** One figure with the bound that chance passes with the probability asked for. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly bound: number;
}

const BITS = 8 * BODY_BYTES;
const BIT_COUNTS = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll("0", "").length);

/**
 * Plays two colluding hops with one honest hop between them. Returns what sets apart the bodies that the far one sees: from one
 * another for the two changes, and from the unaltered body. `alpha` is the chance of a false alarm over all figures.
 */
export function tagEvidence(options: EvidenceOptions, alpha: number): Figure[] {
  const pairs = ["change 1 against change 2", "change 1 against none", "change 2 against none"].map(counter);
  // What the far hop sees for each change, byte by byte: it does not know what it would have been.
  const seen = [0, 1].map(() => new Float64Array(256));
  for (let run = 0; run < options.runs; run++) {
    const none = farBody(options, run, undefined);
    const [first, second] = options.changes.map((change) => farBody(options, run, change)) as [
      Uint8Array,
      Uint8Array,
    ];
    pairs[0]?.add(first, second);
    pairs[1]?.add(first, none);
    pairs[2]?.add(second, none);
    for (const [at, body] of [first, second].entries()) for (const byte of body) seen[at]![byte]! += 1;
  }
  const chance = alpha / (4 * pairs.length + 3);
  return [
    ...pairs.flatMap((pair) => pair.figures(chance)),
    ...seen.map((counts, at) => ({
      name: `bytes under change ${at + 1}, chi-square`,
      value: chiSquareUniform(counts),
      bound: chiSquareBound(255, chance),
    })),
    {
      name: "bytes under change 1 and 2, chi-square of both",
      value: chiSquareSame(seen[0]!, seen[1]!),
      bound: chiSquareBound(255, chance),
    },
  ];
}

/** The figures that chance does not explain. */
export function outOfBounds(figures: readonly Figure[]): string[] {
  return figures
    .filter(({ value, bound }) => !(Math.abs(value) <= bound))
    .map(({ name, value, bound }) => `${name}: ${value.toFixed(1)}, bound ${bound.toFixed(1)}`);
}

/** What the hop behind an honest one gets: the plaintext is the same for every change, the keys are of this run. */
function farBody(
  { crypto, direction, seed, later = 0 }: EvidenceOptions,
  run: number,
  change: Change | undefined,
) {
  const layer = createLayer(crypto, layerKeysOf(`${seed} keys ${run}`));
  const random = createSeededRandom(`${seed} cells ${run}`);
  for (let cell = 0; ; cell++) {
    const body = random.bytes(BODY_BYTES);
    if (cell === 0 && change !== undefined) for (let at = 0; at < BODY_BYTES; at++) body[at]! ^= change[at]!;
    if (direction === "forward") layer.open(body);
    else layer.seal(body);
    if (cell < later) continue;
    layer.wipe();
    return body;
  }
}

/** Counts the bits in which two bodies differ, in all and at each place. */
function counter(name: string) {
  const places = new Uint32Array(BITS);
  const differences = new Float64Array(256);
  let total = 0;
  let furthest = 0;
  let runs = 0;
  return {
    add(left: Uint8Array, right: Uint8Array): void {
      let here = 0;
      for (let at = 0; at < BODY_BYTES; at++) {
        const difference = left[at]! ^ right[at]!;
        here += BIT_COUNTS[difference]!;
        differences[difference]! += 1;
        for (let bit = 0; bit < 8; bit++) places[8 * at + bit]! += (difference >> bit) & 1;
      }
      total += here;
      runs += 1;
      furthest = Math.max(furthest, Math.abs(coinDeviation(here, BITS)));
    },
    figures: (chance: number): Figure[] => [
      {
        name: `${name}, bits, sigma`,
        value: coinDeviation(total, runs * BITS),
        bound: twoSidedBound(chance),
      },
      { name: `${name}, furthest cell, sigma`, value: furthest, bound: twoSidedBound(chance / runs) },
      {
        name: `${name}, furthest bit place, sigma`,
        value: places.reduce((most, count) => Math.max(most, Math.abs(coinDeviation(count, runs))), 0),
        bound: twoSidedBound(chance / BITS),
      },
      {
        name: `${name}, bytes, chi-square`,
        value: chiSquareUniform(differences),
        bound: chiSquareBound(255, chance),
      },
    ],
  };
}
