// What is measured of C tor, over a private network that is up.
import { join } from "node:path";
import { buildTimes } from "../builds.mjs";
import { measured, memoryOf } from "../processes.mjs";
import { buildCircuit, pathsOf } from "./control.mjs";
import { startTorNetwork } from "./network.mjs";
import { fetchOver } from "./socks.mjs";

const AT_ONCE = 8;

/** One configuration of C tor as a side of the comparison. */
export async function startTorSide({ name, folder, extra, http, bytes, smallBytes }) {
  const network = await startTorNetwork({ name, folder, extra, httpPort: http.port });
  const { client, oneCircuitClient, pids } = network;
  const fetch = (user, size, { socksPort } = client) =>
    fetchOver({ socksPort, user, port: http.port, bytes: size });
  const eight = () =>
    allEnded(
      Array.from({ length: AT_ONCE }, (_, index) => fetch(`many${index}`, Math.ceil(bytes / AT_ONCE))),
    );
  /** Needed, but no part of tor: their processor time is shown and not counted. */
  const outside = { "http-server": http.pid, "socks-reader": process.pid };
  let started = 0;

  /** From the start of a client process in `data` to a first byte, over a stream that tor holds until it has a circuit. */
  async function clientStart(data) {
    const begin = performance.now();
    const { socksPort: port, process: fresh } = await network.startClient(data);
    try {
      const request = { socksPort: port, user: "fresh", port: http.port, bytes: smallBytes };
      const { firstByte, begun } = await whenListening(fresh, () => fetchOver(request));
      return begun - begin + firstByte;
    } finally {
      await fresh.stop("SIGINT");
    }
  }

  return {
    name,
    counted: Object.keys(pids),
    async warmUp() {
      await fetch("one", bytes);
      await fetch("one", bytes, oneCircuitClient);
      await eight();
    },
    one: () => measured({ ...pids, ...outside }, () => fetch("one", bytes)),
    single: () => measured({ ...pids, ...outside }, () => fetch("one", bytes, oneCircuitClient)),
    eight: () => measured({ ...pids, ...outside }, eight),
    roles: async () => rolesOf(await pathsOf(client.control, "one")),
    builds: (count) => buildTimes(count, () => buildCircuit(client.control)),
    small: (count) => inTurn(count, async () => (await fetch("one", smallBytes)).lastByte),
    async clientStarts() {
      const data = join(folder, `fresh-${started++}`);
      return { fresh: await clientStart(data), cached: await clientStart(data) };
    },
    memory: () => ({
      relays: network.relays.map((relay) => memoryOf(pids[relay])),
      client: memoryOf(pids.client),
    }),
    stop: () => network.stop(),
  };
}

/** Tries `work` until the SOCKS port listens. */
async function whenListening(client, work) {
  for (;;) {
    if (!client.isRunning()) throw new Error(`a fresh tor client ended: ${client.complaint()}`);
    const begun = performance.now();
    try {
      return { begun, ...(await work()) };
    } catch (error) {
      if (!error.message.includes("ECONNREFUSED")) throw error;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}

async function inTurn(count, work) {
  const results = [];
  for (let index = 0; index < count; index++) results.push(await work());
  return results;
}

/** As Promise.all, but a failure waits for the others to end: they would slow down what is tried next. */
async function allEnded(promises) {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

function rolesOf(paths) {
  const roles = { client: new Set(["client"]) };
  for (const hops of paths) {
    hops.forEach((hop, index) => {
      roles[hop] ??= new Set();
      roles[hop].add(["guard", "middle", "exit"][index]);
    });
  }
  return Object.fromEntries(Object.entries(roles).map(([name, set]) => [name, [...set].join("+")]));
}
