// How much memory a node takes: idle, some minutes after its start, with 50 nodes in its directory and an empty store; and per idle
// circuit that it relays, beside the expanded keys of the circuit's two layers.
//   npm run bench:memory -- [--seconds 300] [--circuits 10000] [--no-idle] [--no-circuits]
// Writes bench/results/memory.json.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openKernel } from "../packages/core/dist/crypto/kernel/kernel.js";
import { memoryOf, pause, startJson } from "./peers/processes.mjs";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "300" },
    circuits: { type: "string", default: "10000" },
    "no-idle": { type: "boolean", default: false },
    "no-circuits": { type: "boolean", default: false },
  },
});
const NODES = 50;
const MAX_IDLE_MEBIBYTES = 90;
const MAX_CIRCUIT_BYTES = 2048;
/** What one link carries is bounded, so the circuits come and go over several (MAX_CIRCUITS_PER_LINK). */
const CIRCUITS_PER_LINK = 3500;
const WARM_UP_CIRCUITS = 200;
const root = fileURLToPath(new URL("..", import.meta.url));
const umbel = join(root, "packages", "cli", "bin", "umbel.js");
const folder = mkdtempSync(join(tmpdir(), "umbel-memory-"));
const stops = [];
const round = (value) => Number(value.toPrecision(3));

const output = {
  commit: execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).trim(),
  node: process.version,
};
try {
  const idle = values["no-idle"] ? undefined : await startIdle(Number(values.seconds));
  if (!values["no-circuits"]) output.circuit = await measureCircuits(Number(values.circuits));
  output.idle = await idle?.();
  mkdirSync(join(root, "bench", "results"), { recursive: true });
  writeFileSync(join(root, "bench", "results", "memory.json"), `${JSON.stringify(output, undefined, 2)}\n`);
} finally {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
}

/** A node as the command starts it, in a network of NODES that are all there. The result waits, and measures. */
async function startIdle(seconds) {
  const crowd = await start("crowd", [], [String(NODES - 1)]);
  const { bootstrap } = await crowd.ask({ op: "bootstrap" });
  const known = bootstrap.flatMap((address) => ["--bootstrap", address]);
  const node = startJson(process.execPath, [
    ...[umbel, "node", "--json", "--until-stdin-closes", "--listen", "ws://127.0.0.1:0"],
    ...["--data", join(folder, "node"), ...known],
  ]);
  stops.push(() => node.stop());
  const started = performance.now();
  await node.next(({ event, nodes }) => event === "directory" && nodes === NODES);
  return async () => {
    await pause(Math.max(0, seconds * 1000 - (performance.now() - started)));
    const { rssAnon, rss } = memoryOf(node.pid);
    console.log(`a node ${seconds} s after its start, ${NODES} descriptors in its directory, no block`);
    console.log(`  RssAnon ${round(rssAnon)} MiB (under ${MAX_IDLE_MEBIBYTES}), VmRSS ${round(rss)} MiB`);
    return { seconds, descriptors: NODES, rssAnonMebibytes: round(rssAnon), vmRssMebibytes: round(rss) };
  };
}

/** Circuits that run through a relay, built and then idle. The relay's links and its first circuits are not counted. */
async function measureCircuits(count) {
  const links = Math.ceil(count / CIRCUITS_PER_LINK);
  const each = Math.ceil(count / links);
  const relay = await start("relay", ["--expose-gc"]);
  const { descriptor } = await relay.ask({ op: "descriptor" });
  const ways = [];
  for (let link = 0; link < links; link++) {
    const next = await start("relay");
    const originator = await start("originator", [], ["--node"]);
    ways.push({ originator, path: [descriptor, (await next.ask({ op: "descriptor" })).descriptor] });
  }
  const build = (request) =>
    Promise.all(ways.map(({ originator, path }) => originator.ask({ op: "build", path, ...request })));
  await build({ count: WARM_UP_CIRCUITS, close: true });
  await build({ count: 1 }); // keeps the links
  const before = await relay.ask({ op: "memory" });
  await build({ count: each });
  const after = await relay.ask({ op: "memory" });
  const per = (name) => Math.round((after[name] - before[name]) / (each * links));
  const [heapUsed, external] = [per("heapUsed"), per("external")];
  const layerKeys = 2 * openKernel().keys.length;
  const beyond = heapUsed + external - layerKeys;
  console.log(`an idle circuit at a relay in its middle, of ${each * links}`);
  console.log(`  heapUsed ${heapUsed} + external ${external} - expanded layer keys ${layerKeys} bytes`);
  console.log(`  = ${beyond} bytes beyond its keys (at most ${MAX_CIRCUIT_BYTES})`);
  return { circuits: each * links, heapUsed, external, layerKeys, beyond };
}

async function start(name, flags = [], args = []) {
  const process_ = startJson(process.execPath, [
    ...flags,
    join(root, "bench", "support", `${name}.mjs`),
    ...args,
  ]);
  stops.push(() => process_.stop());
  await process_.next(({ ready }) => ready);
  return process_;
}

async function stopAll() {
  await Promise.all(stops.splice(0).map((stop) => stop()));
}
