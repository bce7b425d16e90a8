// A network of real umbel nodes, one process each, with content published before anything is timed, and one reader that stays.
import { createHash, randomFillSync } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { start, startJson } from "../processes.mjs";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const umbel = join(root, "packages", "cli", "bin", "umbel.js");
const fetcher = fileURLToPath(new URL("fetcher.mjs", import.meta.url));
const SMALL_BYTES = 30_000;

/**
 * Starts `nodes` nodes, publishes a file of `mebibytes` MiB and one of 30,000 bytes, starts every node again, so that no link is
 * left from publishing, and starts the reader.
 */
export async function startUmbelNetwork({ nodes, folder, mebibytes }) {
  if (!existsSync(join(root, "packages", "cli", "dist", "main.js"))) {
    throw new Error("packages/cli/dist is missing: npm run build makes it");
  }
  const data = join(folder, "nodes");
  const first = await startNodes(nodes, data);
  const large = makeInput(join(folder, "large"), mebibytes * 2 ** 20);
  const small = makeInput(join(folder, "small"), SMALL_BYTES);
  for (const input of [large, small]) await publish(first, folder, input);
  await first.process.stop();
  const network = await startNodes(nodes, data, first.port);
  return {
    large,
    small,
    bootstrap: network.bootstrap,
    nodes: network.nodes,
    pids: Object.fromEntries(network.nodes.map(({ name, pid }) => [name, pid])),
    startReader: () => startReader(network.bootstrap),
    firstByte: (where) => firstByte(network, small, where),
    stop: () => network.process.stop(),
  };
}

async function startNodes(count, data, port) {
  const where = port === undefined ? [] : ["--port", String(port)];
  const args = [
    "testnet",
    "--json",
    "--until-stdin-closes",
    "--nodes",
    String(count),
    "--data",
    data,
    ...where,
  ];
  const process_ = startJson(process.execPath, [umbel, ...args]);
  const { bootstrap, nodes } = await process_.next(({ event }) => event === "ready" || event === "error");
  return { process: process_, bootstrap, nodes, port: Number(new URL(nodes[0].url).port) };
}

function makeInput(path, size) {
  const bytes = randomFillSync(Buffer.alloc(size));
  writeFileSync(path, bytes);
  return { path, size, sha256: createHash("sha256").update(bytes).digest("hex"), reference: undefined };
}

async function publish({ bootstrap }, folder, input) {
  const args = ["publish", input.path, "--json", "--data", join(folder, "publisher"), ...known(bootstrap)];
  const publisher = startJson(process.execPath, [umbel, ...args]);
  const result = await publisher.next(({ event }) => event === "result" || event === "error");
  input.reference = result.reference;
  await publisher.ended;
}

async function startReader(bootstrap) {
  const reader = startJson(process.execPath, [fetcher, ...bootstrap], { cwd: root });
  await reader.next(({ ready }) => ready);
  return reader;
}

/** Milliseconds from the start of a fresh `umbel fetch` process to the first byte that it writes, as a user would see it. */
async function firstByte({ bootstrap }, small, data) {
  const started = performance.now();
  const args = [umbel, "fetch", small.reference, "--quiet", "-o", "-", "--data", data, ...known(bootstrap)];
  const reader = start(process.execPath, args);
  const ms = await new Promise((resolve, reject) => {
    reader.child.stdout.once("data", () => resolve(performance.now() - started));
    void reader.ended.then(() => reject(new Error(`umbel fetch wrote nothing: ${reader.complaint()}`)));
  });
  reader.child.stdout.resume();
  await reader.ended;
  return ms;
}

function known(bootstrap) {
  return bootstrap.flatMap((address) => ["--bootstrap", address]);
}
