// Publish and fetch over a local network of real processes, several times, beside a primitive in the same run: the same bytes
// through one WebSocket connection inside one process, in messages as long as umbel's records.
//   npm run bench:transfer -- [MiB] [runs]
// Prints medians and ratios, and writes bench/results/transfer.json with the Node version and the commit.
import { execFileSync, spawn } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { WebSocket, WebSocketServer } from "ws";

const root = fileURLToPath(new URL("..", import.meta.url));
const umbel = join(root, "packages", "cli", "bin", "umbel.js");
const mebibytes = Number(process.argv[2] ?? 64);
const runs = Number(process.argv[3] ?? 3);
const RECORD_BYTES = 61_531;
const TICKS_PER_SECOND = 100;

const folder = mkdtempSync(join(tmpdir(), "umbel-bench-"));
const input = join(folder, "input");
writeFileSync(input, randomFillSync(Buffer.alloc(mebibytes * 2 ** 20)));
const network = await startTestnet();
try {
  const results = [];
  for (let run = 0; run <= runs; run++) {
    const result = { publish: await publish(run), websocket: await websocket() };
    result.fetch = await fetch(result.publish.reference, run);
    delete result.publish.reference;
    if (run > 0) results.push(result); // the first run warms every process up
  }
  report(results);
} finally {
  network.child.kill("SIGINT");
  await new Promise((resolve) => network.child.once("exit", resolve));
  rmSync(folder, { recursive: true, force: true });
}

async function startTestnet() {
  const child = spawn(process.execPath, [umbel, "testnet", "--json"], { stdio: ["pipe", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line);
    if (event.event === "ready") {
      child.stdout.resume();
      return { child, bootstrap: event.bootstrap, pids: event.pids };
    }
  }
  throw new Error("the test network did not start");
}

async function publish(run) {
  return measured(["publish", input, "--data", join(folder, `publisher-${run}`)]);
}

async function fetch(reference, run) {
  return measured([
    "fetch",
    reference,
    "-o",
    join(folder, `output-${run}`),
    "--data",
    join(folder, `reader-${run}`),
  ]);
}

/** Seconds and processor seconds, of the command and of all nodes together. */
async function measured(args) {
  const before = nodeSeconds();
  const bootstrap = network.bootstrap.flatMap((address) => ["--bootstrap", address]);
  const child = spawn(process.execPath, [umbel, ...args, "--json", ...bootstrap], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let result;
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line);
    if (event.event === "error") throw new Error(event.message);
    if (event.event === "result") result = event;
  }
  const processor = nodeSeconds() - before + result.cpuSeconds;
  return { seconds: result.seconds, processor, reference: result.reference };
}

function nodeSeconds() {
  const ticks = network.pids.map((pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ");
    return Number(fields[11]) + Number(fields[12]);
  });
  return ticks.reduce((sum, each) => sum + each, 0) / TICKS_PER_SECOND;
}

/** The same bytes through one WebSocket connection on loopback: both ends in this process. */
async function websocket() {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
  await new Promise((resolve) => server.once("listening", resolve));
  const client = new WebSocket(`ws://127.0.0.1:${server.address().port}`, {
    generateMask: (mask) => mask.fill(0),
  });
  const messages = Math.ceil((mebibytes * 2 ** 20) / RECORD_BYTES);
  const message = Buffer.alloc(RECORD_BYTES);
  const started = performance.now();
  const processor = process.cpuUsage();
  await new Promise((resolve) => {
    let received = 0;
    server.once("connection", (socket) => {
      socket.on("message", () => {
        received += 1;
        if (received === messages) resolve();
      });
    });
    client.once("open", () => {
      let sent = 0;
      const more = () => {
        for (; sent < messages && client.bufferedAmount < 2 ** 20; sent++)
          client.send(message, sent % 8 === 7 ? more : undefined);
      };
      more();
    });
  });
  const used = process.cpuUsage(processor);
  const seconds = (performance.now() - started) / 1000;
  client.close();
  server.close();
  return { seconds, processor: (used.user + used.system) / 1e6 };
}

function report(results) {
  const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
  const summary = (name) => {
    const seconds = median(results.map((result) => result[name].seconds));
    const processor = median(results.map((result) => result[name].processor));
    return {
      mebibytesPerSecond: mebibytes / seconds,
      processorMsPerMebibyte: (processor * 1000) / mebibytes,
    };
  };
  const primitive = summary("websocket");
  const rows = ["publish", "fetch", "websocket"].map((name) => {
    const row = summary(name);
    return { name, ...row, processorRatio: row.processorMsPerMebibyte / primitive.processorMsPerMebibyte };
  });
  const round = (value) => Number(value.toPrecision(3));
  console.table(
    rows.map(({ name, ...numbers }) => ({
      name,
      ...Object.fromEntries(Object.entries(numbers).map(([key, value]) => [key, round(value)])),
    })),
  );
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], {
    cwd: root,
    encoding: "utf8",
  }).trim();
  const output = { commit, node: process.version, mebibytes, runs, nodes: network.pids.length, rows };
  mkdirSync(join(root, "bench", "results"), { recursive: true });
  writeFileSync(join(root, "bench", "results", "transfer.json"), `${JSON.stringify(output, undefined, 2)}\n`);
}
