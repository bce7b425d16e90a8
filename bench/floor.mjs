// How close umbel is to what its parts cost. The floor of a relayed MiB is what its primitives take, each alone and in the same run:
// WebSocket receive, record open, one layer, record seal, WebSocket send. Beside it the cost of a real relay, the middle hop of a circuit
// over real sockets; and the same for the whole chain: client, guard, middle, endpoint and holder, each with its own steps.
//   npm run bench:floor -- [--mib 64] [--rounds 5] [--no-chain]
// All numbers are processor time, medians of interleaved rounds. Writes bench/results/floor.json.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { BLOCK_BYTES, BLOCK_CELLS, CELL_BYTES, MAX_RECORD_BYTES } from "@umbel/core";
import { CHUNK_BYTES } from "@umbel/storage";
import { setV8Flags } from "../packages/cli/dist/v8-flags.js";
import { measured, median, pause, processorSeconds, startJson } from "./peers/processes.mjs";
import { startUmbelNetwork } from "./peers/umbel/network.mjs";
import { createSteps, createWebsocketPair } from "./support/primitives.mjs";

const { values } = parseArgs({
  options: {
    mib: { type: "string", default: "64" },
    rounds: { type: "string", default: "5" },
    "no-chain": { type: "boolean", default: false },
  },
});
const mebibytes = Number(values.mib);
const rounds = Number(values.rounds);
const NODES = 9;
/** Until the engine has compiled what is hot: in one relay, and in nodes of which each handles a part. */
const WARM_UP_MEBIBYTES = 256;
const CHAIN_WARM_UP_MEBIBYTES = 768;
const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "umbel-floor-"));
const stops = [];

setV8Flags();
try {
  await run();
} finally {
  for (const stop of stops.reverse()) await stop();
  rmSync(folder, { recursive: true, force: true });
}

async function run() {
  const steps = await createSteps(join(folder, "blocks"));
  const pair = await createWebsocketPair();
  stops.push(steps.close, pair.stop);
  const relay = await startRelay();
  const chain = values["no-chain"] ? undefined : await startChain();

  const warm = await relay.measure(WARM_UP_MEBIBYTES);
  const mean = Math.round((warm.recordBytes - 16) / CELL_BYTES) * CELL_BYTES + 16;
  for (const size of [MAX_RECORD_BYTES, mean]) await measureSteps(steps, pair, size);
  for (let fetched = 0; chain !== undefined && fetched < CHAIN_WARM_UP_MEBIBYTES; fetched += mebibytes)
    await chain.measure();

  const found = { full: [], mean: [], relay: [], chain: [] };
  for (let round = 0; round < rounds; round++) {
    found.full.push(await measureSteps(steps, pair, MAX_RECORD_BYTES));
    found.relay.push(await relay.measure(mebibytes));
    found.mean.push(await measureSteps(steps, pair, mean));
    if (chain !== undefined) found.chain.push(await chain.measure());
  }
  report(found, mean);
}

/** All steps once, in processor ms per MiB of the bytes that each handles. */
async function measureSteps(steps, pair, recordBytes) {
  const { send, receive } = await pair.measure(mebibytes, recordBytes);
  const result = { recordBytes, send, receive };
  for (const name of ["open", "seal", "layer", "sha256", "hmac", "chacha20", "lmdb"])
    result[name] = await steps[name](mebibytes, recordBytes);
  return result;
}

/** A client, three relays and a service at the third: bulk over one circuit, of which the second relay is measured. */
async function startRelay() {
  const start = async (name) => {
    const process_ = startJson(process.execPath, [join(root, "bench", "support", `${name}.mjs`)]);
    stops.push(() => process_.stop());
    await process_.next(({ ready }) => ready);
    return process_;
  };
  const client = await start("originator");
  const relays = await Promise.all(["relay", "relay", "relay"].map(start));
  const path = [];
  for (const relay of relays) path.push((await relay.ask({ op: "descriptor" })).descriptor);
  await relays[2].ask({ op: "serveBlocks" });
  const middle = relays[1];
  const state = async () => ({
    ...(await middle.ask({ op: "counts" })),
    seconds: processorSeconds(middle.pid),
  });
  return {
    async measure(amount) {
      const before = await state();
      await client.ask({ op: "transfer", path, mebibytes: amount });
      await pause(50);
      const after = await state();
      const bytes = after.bytes - before.bytes;
      const ms = (after.seconds - before.seconds) * 1000;
      return { msPerMebibyte: ms / (bytes / 2 ** 20), recordBytes: bytes / (after.records - before.records) };
    },
  };
}

/** Real nodes with published content and a reader that stays. Each fetch has one circuit for data, so that each hop is one process. */
async function startChain() {
  const network = await startUmbelNetwork({ nodes: NODES, folder, mebibytes });
  stops.push(network.stop);
  const reader = await network.startReader();
  stops.push(() => reader.stop());
  const pids = { ...network.pids, client: reader.pid };
  const request = { op: "fetch", reference: network.large.reference, circuits: 1 };
  return {
    async measure() {
      const { processor, result } = await measured(pids, () => reader.ask(request));
      if (result.bytes !== network.large.size) throw new Error(`fetched ${result.bytes} bytes`);
      const ms = Object.entries(processor).map(([name, seconds]) => [name, (seconds * 1000) / mebibytes]);
      const [{ path }] = result.circuits.filter(({ lane }) => lane === "data");
      const hops = path.map((hop) => network.nodes.find(({ id }) => id === hop).name);
      return { ...partsOf(Object.fromEntries(ms), hops), msPerMebibyte: sum(ms.map(([, each]) => each)) };
    },
  };
}

/** Who took what. Every node is a holder too: a hop counts as one with what the nodes beside the path took on average. */
function partsOf({ client, ...nodes }, hops) {
  const others = Object.keys(nodes).filter((name) => !hops.includes(name));
  const held = sum(others.map((name) => nodes[name])) / others.length;
  const [guard, middle, endpoint] = hops.map((name) => nodes[name] - held);
  return { parts: { client, guard, middle, endpoint, holder: held * Object.keys(nodes).length } };
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

/** The floors, composed of steps: of a relay per MiB of cells, of the chain per MiB of content. */
function floorsOf(samples) {
  const at = (name) => median(samples.map((sample) => sample[name]));
  const [cells, blocks] = [(BLOCK_CELLS * CELL_BYTES) / CHUNK_BYTES, BLOCK_BYTES / CHUNK_BYTES];
  const [arrive, leave] = [at("receive") + at("open"), at("seal") + at("send")];
  const relay = arrive + at("layer") + leave;
  const parts = {
    client: cells * (arrive + 3 * at("layer")) + blocks * (at("sha256") + at("hmac") + at("chacha20")),
    guard: cells * relay,
    middle: cells * relay,
    endpoint: cells * (arrive + at("layer") + leave) + blocks * at("sha256"),
    holder: blocks * (at("lmdb") + at("sha256")) + cells * leave,
  };
  const chain = sum(Object.values(parts));
  const names = ["receive", "open", "layer", "seal", "send", "sha256", "hmac", "chacha20", "lmdb"];
  return {
    recordBytes: samples[0].recordBytes,
    steps: Object.fromEntries(names.map((name) => [name, round(at(name))])),
    relay: round(relay),
    parts: Object.fromEntries(Object.entries(parts).map(([name, ms]) => [name, round(ms)])),
    chain: round(chain),
  };
}

function report(found, mean) {
  const floors = [floorsOf(found.full), floorsOf(found.mean)];
  const cost = (samples) => round(median(samples.map(({ msPerMebibyte }) => msPerMebibyte)));
  const relay = { msPerMebibyte: cost(found.relay), recordBytes: mean };
  const output = {
    commit: execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).trim(),
    node: process.version,
    ...{ mebibytes, rounds, floors, relay },
  };
  console.log("processor time, ms per MiB (medians)\n");
  const line = (name, ...numbers) =>
    console.log(name.padEnd(40) + numbers.map((text) => String(text).padStart(10)).join(""));
  line("records of", ...floors.map(({ recordBytes }) => recordBytes));
  for (const name of Object.keys(floors[0].steps))
    line(`  ${name}`, ...floors.map(({ steps }) => steps[name]));
  line("floor of a relay", ...floors.map((floor) => floor.relay));
  line("a real relay", relay.msPerMebibyte);
  const ratios = floors.map((floor) => round(relay.msPerMebibyte / floor.relay));
  line("relay / floor (at most 1.5)", ...ratios);
  relay.ratios = bySize(ratios);
  if (found.chain.length > 0) output.chain = reportChain(found.chain, floors, cost(found.chain), line);
  mkdirSync(join(root, "bench", "results"), { recursive: true });
  writeFileSync(join(root, "bench", "results", "floor.json"), `${JSON.stringify(output, undefined, 2)}\n`);
}

function reportChain(samples, floors, msPerMebibyte, line) {
  const names = Object.keys(floors[0].parts);
  const parts = names.map((name) => [name, round(median(samples.map((sample) => sample.parts[name])))]);
  line("\nthe chain, per MiB of content", ...floors.map(() => "floor"), "real", "ratio");
  for (const [name, ms] of parts) {
    const least = floors.map((floor) => floor.parts[name]);
    line(`  ${name}`, ...least, ms, round(ms / least[0]));
  }
  const ratios = floors.map(({ chain }) => round(msPerMebibyte / chain));
  line("all", ...floors.map(({ chain }) => chain), msPerMebibyte, ratios[0]);
  return { msPerMebibyte, ratios: bySize(ratios), parts: Object.fromEntries(parts) };
}

function bySize([fullRecords, meanRecords]) {
  return { fullRecords, meanRecords };
}

function round(value) {
  return Number(value.toPrecision(3));
}
