// What is measured of umbel, over a network of node processes that is up.
import { join } from "node:path";
import { measured, memoryOf } from "../processes.mjs";
import { startUmbelNetwork } from "./network.mjs";

const AT_ONCE = 8;

/** umbel as a side of the comparison. */
export async function startUmbelSide({ name, folder, nodes, mebibytes }) {
  const network = await startUmbelNetwork({ nodes, folder, mebibytes });
  const reader = await network.startReader();
  const pids = { ...network.pids, client: reader.pid };
  const { large, small } = network;
  let started = 0;
  let isCold = true;
  let lastCircuits = [];

  const ask = (request) => measured(pids, () => reader.ask(request));
  async function fetch(options) {
    const outcome = await ask({ op: "fetch", reference: large.reference, ...options });
    const { bytes, sha256, circuits } = outcome.result;
    if (bytes !== large.size) throw new Error(`umbel fetched ${bytes} of ${large.size} bytes`);
    if (sha256 !== undefined && sha256 !== large.sha256) throw new Error("umbel fetched other bytes");
    if (options.circuits === undefined) lastCircuits = circuits;
    return outcome;
  }
  const eight = () => ask({ op: "fetchParts", reference: large.reference, parts: AT_ONCE });

  return {
    name,
    counted: Object.keys(pids),
    /** The first fetch after all nodes started, which alone has every link between endpoints and holders cold; undefined when tried again. */
    async warmUp() {
      const wasCold = isCold;
      isCold = false;
      const first = await fetch({ sha256: true });
      await eight();
      return wasCold ? first : undefined;
    },
    one: () => fetch({}),
    single: () => fetch({ circuits: 1 }),
    eight,
    roles: async () => rolesOf(network.nodes, lastCircuits),
    builds: (count) => reader.ask({ op: "build", count }),
    small: async (count) => (await reader.ask({ op: "small", reference: small.reference, count })).ms,
    async clientStarts() {
      const data = join(folder, `fresh-${started++}`);
      return { fresh: await network.firstByte(data), cached: await network.firstByte(data) };
    },
    memory: () => ({
      relays: Object.values(network.pids).map(memoryOf),
      client: memoryOf(reader.pid),
    }),
    async stop() {
      await reader.stop();
      await network.stop();
    },
  };
}

/** What each process did on the circuits that carried the data; every node is a holder too. */
function rolesOf(nodes, circuits) {
  const roles = Object.fromEntries(nodes.map(({ name }) => [name, new Set()]));
  const nameOf = new Map(nodes.map(({ id, name }) => [id, name]));
  for (const { lane, path } of circuits) {
    if (lane !== "data") continue;
    path.forEach((id, index) => {
      roles[nameOf.get(id)]?.add(["guard", "middle", "endpoint"][index]);
    });
  }
  const text = ([name, set]) => [name, [...set, "holder"].join("+")];
  return { ...Object.fromEntries(Object.entries(roles).map(text)), client: "client" };
}
