// Entry of a worker thread: answers hop handshakes for a pool (handshake-pool.ts).
import { parentPort } from "node:worker_threads";
import type { HopOptions, NodeId } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { doHopWork } from "../node/hop-responder.ts";
import { type FromHandshakeWorker, keyBuffers, type ToHandshakeWorker } from "./handshake-messages.ts";

let hop: HopOptions | undefined;

parentPort?.on("message", (message: ToHandshakeWorker) => {
  if (message.type === "hop") hop = prepared(message);
  else send(answer(message));
});

function send(answered: FromHandshakeWorker): void {
  parentPort?.postMessage(answered, keyBuffers(answered));
}

function answer({ id, what, request }: ToHandshakeWorker & { readonly type: "work" }): FromHandshakeWorker {
  if (hop === undefined) return { id, result: { type: "failed" } };
  return { id, result: doHopWork(nodeProvider, nodeRandom, { what, request, hop }) };
}

function prepared({ network, nodeId, hopKeys }: ToHandshakeWorker & { readonly type: "hop" }): HopOptions {
  const keys = hopKeys.map(({ secret, publicKey }) => {
    const ready = nodeProvider.x25519.prepare(secret);
    secret.fill(0);
    return { secret, publicKey, prepared: ready };
  });
  return { network, nodeId: nodeId as NodeId, hopKeys: keys };
}
