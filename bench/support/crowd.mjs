// Many small nodes in one process, each with keys, an address and a directory of its own: a network for one node to know.
//   node bench/support/crowd.mjs 49
import { generateNodeKeys, networkNamed, silentLogger } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { systemClock, systemTimers } from "@umbel/router/platform/system-clock";
import { createWsTransport } from "@umbel/router/platform/ws-node";
import { createMemoryStore, startNode } from "@umbel/storage";
import { answerRequests } from "./answer.mjs";

const count = Number(process.argv[2]);
const network = networkNamed(nodeProvider, "local");
const nodes = [await start([])];
const bootstrap = [{ url: nodes[0].url, nodeId: nodes[0].nodeId }];
while (nodes.length < count) nodes.push(await start(bootstrap));

await answerRequests({
  bootstrap: () => ({ bootstrap: nodes.slice(0, 3).map(({ url, nodeId }) => `${url}#${nodeId}`) }),
});

function start(entries) {
  const hopKeys = new Map();
  return startNode({
    crypto: nodeProvider,
    random: nodeRandom,
    clock: systemClock,
    timers: systemTimers,
    log: silentLogger,
    network,
    transport: createWsTransport({ allowLocalAddresses: true }),
    keys: generateNodeKeys(nodeProvider, nodeRandom),
    hopKeys: {
      load: async (place) => hopKeys.get(place),
      save: async (place, bytes) => void hopKeys.set(place, bytes),
      erase: async (place) => void hopKeys.delete(place),
    },
    listen: "ws://127.0.0.1:0",
    bootstrap: entries,
    relay: true,
    capacityClass: 1,
    store: createMemoryStore({ maxBytes: 2 ** 24 }),
    descriptors: { load: async () => undefined, save: async () => {} },
  });
}
