// A process that uses the guards of a data folder once, for the test of commands that start at once: says "ready", waits for its
// standard input, takes its first guard, counts circuits over it, and prints it. Needs the compiled command (tsc -b).
import { createNetwork, LOCAL_NETWORK, nodeIdFromBytes, parseAddress } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { createGuards } from "@umbel/router";
import { openDataFolder } from "../../dist/files/data-folder.js";
import { guardStore } from "../../dist/wiring/guard-store.js";

/** What the choice of guards looks at, of sixty relays on prefixes of their own. */
const relays = Array.from({ length: 60 }, (_, index) => ({
  nodeId: nodeIdFromBytes(new Uint8Array(32).fill(index)),
  addresses: [parseAddress(`ws://20.${index}.0.1:7000`)],
  roles: { relay: true, store: true },
  versions: { min: 1, max: 1 },
  capacityClass: 1,
  family: undefined,
}));
const [path, circuits] = process.argv.slice(2);
const network = createNetwork(nodeProvider, LOCAL_NETWORK);
const folder = await openDataFolder(path);
const guards = createGuards({
  store: guardStore(folder, "local"),
  crypto: nodeProvider,
  network,
  directory: { all: () => relays, get: (id) => relays.find(({ nodeId }) => nodeId === id) },
  random: nodeRandom,
  clock: { now: () => 0, unixNow: () => Date.now() },
});
process.stdout.write("ready\n");
await new Promise((resolve) => process.stdin.once("data", resolve));
process.stdin.destroy();
const { nodeId } = await guards.current(0);
for (let circuit = 0; circuit < Number(circuits); circuit++) guards.report(nodeId, "built", 0);
await guards.flush();
process.stdout.write(`${nodeId}\n`);
