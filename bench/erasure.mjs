// How fast segments are coded, beside the npm package @subspace/reed-solomon-erasure.wasm (Rust compiled to WebAssembly) in the same run.
//   npm run bench:erasure -- [--rounds 5]
// A segment is 128 blocks. Rates are MiB of data blocks per second of processor time, medians of interleaved rounds, with all copies into and
// out of the kernels. Writes bench/results/erasure.json; fails below 8 times the package's rate at 128 + 128 blocks.
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { BLOCK_BYTES } from "@umbel/core";
import { createErasureCode, erasureCodeOf } from "../packages/storage/dist/erasure/erasure-code.js";
import { plainProducts } from "../packages/storage/dist/erasure/products.js";
import { median } from "./peers/processes.mjs";

const { ReedSolomonErasure } = createRequire(import.meta.url)("@subspace/reed-solomon-erasure.wasm");
const { values } = parseArgs({ options: { rounds: { type: "string", default: "5" } } });
const LEAST_RATIO = 8;
const DATA = 128;
const MEBIBYTES = (DATA * BLOCK_BYTES) / 2 ** 20;

const data = Array.from({ length: DATA }, () => randomBytes(BLOCK_BYTES));
const kernel = createErasureCode();
const twin = erasureCodeOf(plainProducts);
const peer = await ReedSolomonErasure.fromCurrentDirectory();

/** Name of a case: what is done once, and how often in a round. */
const cases = {
  "encode 128 + 128": [encoding(kernel, 128), 10],
  "encode 128 + 128, package": [peerEncoding(128), 1],
  "encode 128 + 128, plain TypeScript": [encoding(twin, 128), 1],
  "encode 128 + 32": [encoding(kernel, 32), 40],
  "encode 128 + 32, package": [peerEncoding(32), 2],
  "decode, 128 of 128 + 128 missing": [decoding(kernel, 128), 10],
  "decode, 128 of 128 + 128 missing, package": [peerDecoding(128), 1],
  "decode, 32 of 128 + 32 missing": [decoding(kernel, 32), 40],
  "decode, 32 of 128 + 32 missing, package": [peerDecoding(32), 2],
  "decode, 1 of 128 + 32 missing": [decoding(kernel, 1), 100],
  "accumulate one row": [accumulating(), 100],
};
const rates = measure(Number(values.rounds));
const ratioOf = (name) => rates[name] / rates[`${name}, package`];
const ratios = Object.fromEntries(
  Object.keys(cases)
    .filter((name) => `${name}, package` in cases)
    .map((name) => [name, ratioOf(name)]),
);
report();

function encoding(code, parity) {
  return () => code.encode(data, parity);
}

/** The first `missing` data blocks are missing, and as many parity blocks are there. */
function decoding(code, missing) {
  const blocks = [
    ...data.map((block, at) => (at < missing ? undefined : block)),
    ...code.encode(data, missing),
  ];
  return () => {
    const decoded = code.decode(DATA, blocks);
    if (Buffer.compare(decoded[missing - 1], data[missing - 1]) !== 0) throw new Error("decoded wrongly");
  };
}

function accumulating() {
  const target = new Uint8Array(BLOCK_BYTES);
  return () => {
    for (const [column, block] of data.entries()) kernel.accumulate(target, 0, column, block);
  };
}

/** The package takes one array of all blocks, which is made here and not counted. */
function peerEncoding(parity) {
  const blocks = new Uint8Array((DATA + parity) * BLOCK_BYTES);
  for (const [at, block] of data.entries()) blocks.set(block, at * BLOCK_BYTES);
  return () => accepted(peer.encode(blocks, DATA, parity));
}

function peerDecoding(missing) {
  const blocks = new Uint8Array((DATA + missing) * BLOCK_BYTES);
  for (const [at, block] of data.entries()) blocks.set(block, at * BLOCK_BYTES);
  accepted(peer.encode(blocks, DATA, missing));
  const areThere = Array.from({ length: DATA + missing }, (_, at) => at >= missing);
  return () => {
    blocks.fill(0, 0, missing * BLOCK_BYTES);
    accepted(peer.reconstruct(blocks, DATA, missing, areThere));
    const last = blocks.subarray((missing - 1) * BLOCK_BYTES, missing * BLOCK_BYTES);
    if (Buffer.compare(last, data[missing - 1]) !== 0) throw new Error("the package decoded wrongly");
  };
}

function accepted(result) {
  if (result !== ReedSolomonErasure.RESULT_OK) throw new Error(`the package refused: ${result}`);
}

/** Median rates in MiB of data per second of processor time. The first round warms up. */
function measure(rounds) {
  const found = Object.fromEntries(Object.keys(cases).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, [run, times]] of Object.entries(cases)) {
      const before = process.cpuUsage();
      for (let at = 0; at < times; at++) run();
      const { user, system } = process.cpuUsage(before);
      if (round > 0) found[name].push((MEBIBYTES * times * 1e6) / (user + system));
    }
  }
  return Object.fromEntries(Object.entries(found).map(([name, list]) => [name, median(list)]));
}

function report() {
  const rounded = (value) => Number(value.toPrecision(3));
  const all = (record) =>
    Object.fromEntries(Object.entries(record).map(([name, value]) => [name, rounded(value)]));
  console.log("MiB of data blocks per second of processor time");
  for (const [name, rate] of Object.entries(all(rates))) console.log(`${name.padEnd(44)} ${rate}`);
  console.log(`times the package's rate (at least ${LEAST_RATIO} at 128 + 128)`);
  for (const [name, ratio] of Object.entries(all(ratios))) console.log(`${name.padEnd(44)} ${ratio}`);
  const folder = fileURLToPath(new URL("results", import.meta.url));
  mkdirSync(folder, { recursive: true });
  const result = { node: process.version, mebibytesPerSecond: all(rates), timesThePackage: all(ratios) };
  writeFileSync(`${folder}/erasure.json`, `${JSON.stringify(result, null, 2)}\n`);
  const musts = ["encode 128 + 128", "decode, 128 of 128 + 128 missing"];
  if (musts.some((name) => ratios[name] < LEAST_RATIO)) process.exitCode = 1;
}
