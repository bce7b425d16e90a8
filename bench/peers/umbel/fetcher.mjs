// A reader that stays: one client of the umbel network in a process of its own, over the packages' public API, wired as the command
// line does it. Reads one JSON request per line, answers each with one line; ends when its standard input closes.
//   node bench/peers/umbel/fetcher.mjs BOOTSTRAP...
import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { networkNamed, parseBootstrapEntry, parseReference, silentLogger } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { systemClock, systemTimers } from "@umbel/router/platform/system-clock";
import { createWsTransport } from "@umbel/router/platform/ws-node";
import { openReference, startClient } from "@umbel/storage";
import { setV8Flags } from "../../../packages/cli/dist/v8-flags.js";
import { buildTimes } from "../builds.mjs";

setV8Flags();

const ports = {
  crypto: nodeProvider,
  random: nodeRandom,
  clock: systemClock,
  timers: systemTimers,
  log: silentLogger,
};
const network = networkNamed(nodeProvider, "local");
const client = await startClient({
  ...ports,
  network,
  transport: createWsTransport({ allowLocalAddresses: network.allowLocalAddresses }),
  bootstrap: process.argv.slice(2).map((address) => parseBootstrapEntry(address)),
  guards: memoryGuards(),
});
const ready = new Map();

const requests = { fetch, fetchParts, build, small };
console.log(JSON.stringify({ ready: true, nodes: client.directory.size }));
for await (const line of createInterface({ input: process.stdin })) {
  const { op, ...request } = JSON.parse(line);
  const answer = await requests[op](request).catch((error) => ({ error: String(error?.stack ?? error) }));
  console.log(JSON.stringify(answer));
}
process.exit();

/** Guards for the time of this process. */
function memoryGuards() {
  let saved;
  return {
    load: async () => saved,
    async update(change) {
      saved = change(saved) ?? saved;
    },
  };
}

/** One operation: circuits of its own. `paths` gathers the node ids of every circuit that it used. */
function operation(circuits) {
  const paths = new Map();
  const blocks = client.operation({
    ...(circuits === undefined ? {} : { circuitsPerLane: { data: circuits, roots: circuits } }),
    onCircuits: (used) => {
      for (const { lane, path } of used) paths.set(path.join(" "), { lane, path });
    },
  });
  return { blocks, paths };
}

async function open(blocks, reference) {
  return openReference({ ...ports, network: blocks, reference: parseReference(reference) });
}

/** The whole file; `circuits` per lane when given. `sha256` is worked out when asked for: C tor's side hashes nothing. */
async function fetch({ reference, circuits, sha256 }) {
  return timed(async () => {
    const { blocks, paths } = operation(circuits);
    const hash = sha256 ? createHash("sha256") : undefined;
    try {
      const file = await open(blocks, reference);
      const bytes = await drain(file.content(), hash);
      return { bytes, sha256: hash?.digest("hex"), circuits: [...paths.values()] };
    } finally {
      blocks.close();
    }
  });
}

/** `parts` operations at once, each with circuits of its own for its equal share of the file. */
async function fetchParts({ reference, parts }) {
  return timed(async () => {
    const fetches = Array.from({ length: parts }, async (_, part) => {
      const { blocks } = operation();
      try {
        const file = await open(blocks, reference);
        const edge = (index) => Math.floor((file.size * index) / parts);
        return await drain(file.range(edge(part), edge(part + 1)));
      } finally {
        blocks.close();
      }
    });
    await Promise.allSettled(fetches); // after a failure the others would slow down what is tried next
    const sizes = await Promise.all(fetches);
    return { bytes: sizes.reduce((sum, size) => sum + size, 0) };
  });
}

/** Milliseconds of each of `count` circuits of three hops, one after the other. */
async function build({ count }) {
  return buildTimes(count, async () => {
    const started = performance.now();
    const circuit = await client.builder.build({ purpose: { operation: Symbol("build"), carries: "data" } });
    const ms = performance.now() - started;
    circuit.close();
    return ms;
  });
}

/** Milliseconds to the last byte of a small file, over circuits that a first, untimed fetch left ready. */
async function small({ reference, count }) {
  if (!ready.has(reference)) {
    const { blocks } = operation();
    ready.set(reference, blocks);
    await drain((await open(blocks, reference)).content());
  }
  const ms = [];
  for (let index = 0; index < count; index++) {
    const started = performance.now();
    await drain((await open(ready.get(reference), reference)).content());
    ms.push(performance.now() - started);
  }
  return { ms };
}

async function drain(content, hash) {
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.length;
    hash?.update(chunk);
  }
  return bytes;
}

async function timed(work) {
  const before = process.cpuUsage();
  const started = performance.now();
  const result = await work();
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(before);
  return { ...result, ms, cpuMs: (user + system) / 1000 };
}
