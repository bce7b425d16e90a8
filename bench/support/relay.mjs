// A real relay in a process of its own: the node that `umbel node --roles relay` starts, over real sockets, with keys that are never
// written down and a count of the records that arrive. Once told to, it serves blocks that it makes up.
//   node bench/support/relay.mjs
import { generateNodeKeys, networkNamed, SERVICE, silentLogger } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { createHandshakePool } from "@umbel/router/platform/handshake-pool";
import { systemClock, systemTimers } from "@umbel/router/platform/system-clock";
import { createWsTransport } from "@umbel/router/platform/ws-node";
import { GET_REPLY_BYTES, GET_REQUEST_BYTES, startNode } from "@umbel/storage";
import { setV8Flags } from "../../packages/cli/dist/v8-flags.js";
import { answerRequests } from "./answer.mjs";

setV8Flags();

const counts = { records: 0, bytes: 0 };
const network = networkNamed(nodeProvider, "local");
const places = new Map();
const node = await startNode({
  crypto: nodeProvider,
  random: nodeRandom,
  clock: systemClock,
  timers: systemTimers,
  log: silentLogger,
  network,
  transport: counting(createWsTransport({ allowLocalAddresses: true })),
  keys: generateNodeKeys(nodeProvider, nodeRandom),
  hopKeys: {
    load: async (place) => places.get(place),
    save: async (place, bytes) => void places.set(place, bytes),
    erase: async (place) => void places.delete(place),
  },
  responder: createHandshakePool(),
  listen: "ws://127.0.0.1:0",
  bootstrap: [],
  relay: true,
  capacityClass: 1,
  store: undefined,
  descriptors: { load: async () => undefined, save: async () => {} },
});

await answerRequests({
  descriptor: async () => {
    await node.ready;
    return { descriptor: Buffer.from(node.directory.get(node.nodeId).bytes).toString("hex") };
  },
  serveBlocks() {
    const reply = nodeRandom.bytes(GET_REPLY_BYTES);
    node.overlay.serve(SERVICE.BLOCKS, { maxRequestBytes: GET_REQUEST_BYTES, handle: () => reply.slice() });
  },
  counts: () => counts,
  /** Bytes of the heap and beside it after full collections; needs --expose-gc. */
  async memory() {
    for (let round = 0; round < 4; round++) {
      globalThis.gc();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const { heapUsed, external } = process.memoryUsage();
    return { heapUsed, external };
  },
});

/** Counts the messages that arrive, whoever dialled. */
function counting(transport) {
  const counted = (handler) => ({
    opened: () => handler.opened?.(),
    drained: () => handler.drained(),
    closed: () => handler.closed(),
    message(bytes) {
      counts.records += 1;
      counts.bytes += bytes.length;
      handler.message(bytes);
    },
  });
  return {
    listen: (url, accept) => transport.listen(url, (connection) => counted(accept(connection))),
    dial: (url, handler) => transport.dial(url, counted(handler)),
  };
}
