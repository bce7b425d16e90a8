// Somebody who builds circuits over paths that he is told, in a process of his own: a client, or with --node a node, whose links carry
// thousands of circuits.
//   node bench/support/originator.mjs [--node]
import { decodeDescriptor, generateNodeKeys, networkNamed, nodeIdOf, SERVICE } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { OverlayNode } from "@umbel/router";
import { systemClock, systemTimers } from "@umbel/router/platform/system-clock";
import { createWsTransport } from "@umbel/router/platform/ws-node";
import { GET_REPLY_BYTES, GET_REQUEST_BYTES } from "@umbel/storage";
import { setV8Flags } from "../../packages/cli/dist/v8-flags.js";
import { answerRequests } from "./answer.mjs";

const CALLS_AT_ONCE = 48;
const BUILDS_AT_ONCE = 24;

setV8Flags();

const network = networkNamed(nodeProvider, "local");
const { identity, linkKey } = generateNodeKeys(nodeProvider, nodeRandom);
const isNode = process.argv.includes("--node");
const own = isNode ? { linkKey, identity, features: 0 } : { linkKey, features: 0 };
const node = new OverlayNode({
  crypto: nodeProvider,
  random: nodeRandom,
  clock: systemClock,
  timers: systemTimers,
  network,
  transport: createWsTransport({ allowLocalAddresses: true }),
  credentials: () => own,
  nodeId: isNode ? nodeIdOf(nodeProvider, identity.publicKey) : undefined,
  hop: undefined,
  lookUp: () => undefined,
});
const kept = new Map();

await answerRequests({
  /** Calls for blocks over one circuit along `path` until `mebibytes` MiB of cells with replies have come. */
  async transfer({ path, mebibytes }) {
    const key = path.join(" ");
    if (!kept.get(key)?.isOpen) kept.set(key, await build(path));
    const circuit = kept.get(key);
    let left = Math.ceil((mebibytes * 2 ** 20) / (8 * 4101));
    await atOnce(CALLS_AT_ONCE, async () => {
      while (left-- > 0) {
        const options = { maxResponseBytes: GET_REPLY_BYTES, timeout: 60_000 };
        await circuit.call(SERVICE.BLOCKS, new Uint8Array(GET_REQUEST_BYTES), options);
      }
    });
  },
  /** Builds `count` circuits along `path`, and closes them at once if told to. */
  async build({ path, count, close }) {
    let left = count;
    await atOnce(BUILDS_AT_ONCE, async () => {
      while (left-- > 0) {
        const circuit = await build(path);
        if (close) circuit.close();
      }
    });
  },
});

async function build(path) {
  const descriptors = path.map((hex) => decodeDescriptor(nodeProvider, network, fromHex(hex)));
  const circuit = await node.buildCircuit(descriptors);
  if (!("call" in circuit)) throw new Error(`no circuit: ${circuit.hops} of ${path.length} hops`);
  return circuit;
}

function atOnce(count, worker) {
  return Promise.all(Array.from({ length: count }, worker));
}

/** A Buffer's slice() is a view, which would surprise the decoder: the plain array. */
function fromHex(hex) {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}
