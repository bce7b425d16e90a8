// How likely content is whole after losses: computed from the layout, and simulated with the layout and placement that the product uses.
//   npm run durability -- [--seed 1] [--effort 1] [--parity 30] [--cross 1] [--loss-of "64 MiB,1 GiB"]
// Prints the tables of docs/durability.md. --effort multiplies the runs; the same seed and effort give the same figures. --loss-of: the
// tables of a sudden loss alone, for these files.
import { parseArgs } from "node:util";
import { DEFAULT_CODING, FILE_INLINE_BYTES } from "@umbel/storage";
import { codedFileOf } from "../test/support/durability/coded-file.ts";
import { computeSurvival } from "../test/support/durability/computed.ts";
import {
  asItIs,
  byNeighbours,
  simulateAvailability,
  simulateLoss,
  simulateShares,
} from "../test/support/durability/experiments.ts";
import { fractionsFrom } from "../test/support/durability/simulated.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    effort: { type: "string", default: "1" },
    parity: { type: "string", default: String(DEFAULT_CODING.segmentParity) },
    cross: { type: "string", default: String(DEFAULT_CODING.crossSegments) },
    "loss-of": { type: "string" },
  },
});
const effort = Number(values.effort);
const coding = {
  ...DEFAULT_CODING,
  segmentParity: Number(values.parity),
  crossSegments: Number(values.cross),
};
const random = fractionsFrom(Number(values.seed));
/** Name, bytes, and how many runs its size allows. */
const FILES = [
  ["30 KiB, in the root", FILE_INLINE_BYTES, 40_000],
  ["a byte more, one leaf", FILE_INLINE_BYTES + 1, 40_000],
  ["4 MiB", 4 * 2 ** 20, 20_000],
  ["8 MiB", 8 * 2 ** 20, 10_000],
  ["16 MiB", 16 * 2 ** 20, 10_000],
  ["64 MiB", 64 * 2 ** 20, 8_000],
  ["1 GiB", 2 ** 30, 400],
]
  .filter(([name]) => values["loss-of"]?.split(",").includes(name) ?? true)
  .map(([name, bytes, runs]) => ({ name, file: codedFileOf(bytes, coding), runs: Math.ceil(runs * effort) }));
const AVAILABILITIES = [0.936, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5];
const LOST = 0.4;
const NETWORK_SIZES = [12, 20, 50, 100, 200, 1000];

console.log(
  `Coding ${coding.segmentData} + ${coding.segmentParity}, ${coding.crossSegments} cross segment(s) of a group`,
);
console.log("\n| file | blocks with the root | bytes stored per byte |\n|---|---|---|");
for (const { name, file } of FILES) row(name, file.blocks + 1, file.storedPerByte.toFixed(2));
const isWhole = values["loss-of"] === undefined;
if (isWhole) {
  printShares();
  printAvailability();
}
printLoss("holdersOf as it is", asItIs);
printLoss("the three nearest by one reading, to compare with", byNeighbours);
if (isWhole) printChoices();

/** How much the fullest node holds, in even shares. */
function printShares() {
  console.log("\nThe fullest node's blocks, in even shares: mean over networks (most in any)");
  row("placement", ...NETWORK_SIZES.map((nodes) => `N = ${nodes}`));
  row("---", ...NETWORK_SIZES.map(() => "---"));
  for (const [name, placement] of [
    ["three points", asItIs],
    ["neighbours", byNeighbours],
  ]) {
    const cells = NETWORK_SIZES.map((nodes) => {
      const { mean, most } = simulateShares(nodes, Math.max(2, 1000 / nodes), random, placement);
      return `${mean.toFixed(2)} (${most.toFixed(2)})`;
    });
    row(name, ...cells);
  }
}

/** Each cell: computed without cross segments / lower bound with them / simulated. */
function printAvailability() {
  console.log(
    "\nSurvival by availability of a block: computed / simulated (of 64 MiB and more with cross segments: at least, / simulated)",
  );
  row("file", ...AVAILABILITIES);
  row("---", ...AVAILABILITIES.map(() => "---"));
  for (const { name, file, runs } of FILES) {
    const cells = AVAILABILITIES.map((availability) => {
      const { atLeast } = computeSurvival(file, availability);
      const simulated = simulateAvailability(file, availability, Math.ceil(runs / 4), random);
      return `${probability(atLeast)} / ${simulated.toFixed(3)}`;
    });
    row(name, ...cells);
  }
}

function printLoss(title, placement) {
  console.log(
    `\nSurvival of a sudden loss of ${LOST * 100} % of N nodes, ${title}: whole (root lost; blocks lost)`,
  );
  row("file", ...NETWORK_SIZES.map((nodes) => `N = ${nodes}`));
  row("---", ...NETWORK_SIZES.map(() => "---"));
  for (const { name, file, runs } of FILES) {
    const cells = NETWORK_SIZES.map((nodes) => {
      const { whole, rootLost, blocksLost } = simulateLoss(file, lossOf(nodes, runs), random, placement);
      return `${whole.toFixed(4)} (${rootLost.toFixed(4)}; ${percent(blocksLost)})`;
    });
    row(name, ...cells);
  }
}

/** Where the default comes from: other numbers of parity blocks, for 64 MiB. */
function printChoices() {
  console.log(`\n64 MiB by parity blocks of a segment, sudden loss of ${LOST * 100} % of N nodes: whole`);
  row("coding", "bytes stored per byte", ...NETWORK_SIZES.map((nodes) => `N = ${nodes}`));
  row("---", "---", ...NETWORK_SIZES.map(() => "---"));
  for (const [segmentParity, crossSegments] of [
    [30, 0],
    [40, 0],
    [24, 1],
    [30, 1],
  ]) {
    const file = codedFileOf(64 * 2 ** 20, { ...coding, segmentParity, crossSegments });
    const cells = NETWORK_SIZES.map((nodes) =>
      simulateLoss(file, lossOf(nodes, 8_000 * effort), random, asItIs).whole.toFixed(4),
    );
    row(`128 + ${segmentParity}, ${crossSegments} cross`, file.storedPerByte.toFixed(2), ...cells);
  }
}

function lossOf(nodes, runs) {
  return { nodes, lost: LOST, networks: Math.ceil(runs / 20), losses: 200 };
}

function row(...cells) {
  console.log(`| ${cells.join(" | ")} |`);
}

/** Near 1 the part that fails says more. */
function probability(value) {
  return value > 0.99 && value < 1 ? `1 - ${(1 - value).toExponential(1)}` : value.toFixed(3);
}

function percent(part) {
  return `${(part * 100).toFixed(1)} %`;
}
