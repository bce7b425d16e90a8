// What a byte on its way through umbel must cost: each step alone, with the cryptography and the store that the nodes use. All numbers
// are processor milliseconds per MiB of the bytes that the step handles.
import { rmSync } from "node:fs";
import { BLOCK_BYTES, BODY_BYTES, createLayer } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { blockIdFromBytes } from "@umbel/storage";
import { openLmdbStore } from "@umbel/storage/platform/lmdb-store";
import { startJson } from "../peers/processes.mjs";

const STORED_BLOCKS = 1024;
const websocketPeer = new URL("websocket.mjs", import.meta.url).pathname;

/** The steps that need no socket, as functions of the bytes to handle. */
export async function createSteps(folder) {
  const { chacha20Poly1305, chacha20, sha256, hmacSha256 } = nodeProvider;
  const [key, nonce, nothing] = [nodeRandom.bytes(32), new Uint8Array(12), new Uint8Array(0)];
  const keys = { key: nodeRandom.bytes(32), tag: nodeRandom.bytes(16), chain: nodeRandom.bytes(16) };
  const layer = createLayer(nodeProvider, keys);
  const [body, block] = [nodeRandom.bytes(BODY_BYTES), nodeRandom.bytes(BLOCK_BYTES)];
  const { get, close } = await filledStore(folder);
  return {
    async open(mebibytes, recordBytes) {
      const sealed = chacha20Poly1305.seal(key, nonce, nothing, nodeRandom.bytes(recordBytes - 16));
      const record = sealed.slice();
      const copy = () => record.set(sealed);
      const both = await repeated(mebibytes, recordBytes, () => {
        copy();
        chacha20Poly1305.openInPlace(key, nonce, nothing, record);
      });
      return both - (await repeated(mebibytes, recordBytes, copy));
    },
    seal(mebibytes, recordBytes) {
      const record = nodeRandom.bytes(recordBytes);
      return repeated(mebibytes, recordBytes, () =>
        chacha20Poly1305.sealInPlace(key, nonce, nothing, record),
      );
    },
    layer: (mebibytes) => repeated(mebibytes, BODY_BYTES, () => layer.seal(body)),
    sha256: (mebibytes) => repeated(mebibytes, BLOCK_BYTES, () => sha256(block)),
    hmac: (mebibytes) => repeated(mebibytes, BLOCK_BYTES, () => hmacSha256(key, nonce, block)),
    chacha20: (mebibytes) => repeated(mebibytes, BLOCK_BYTES, () => chacha20(key, nonce, block)),
    lmdb: (mebibytes) => repeated(mebibytes, BLOCK_BYTES, get),
    close,
  };
}

/** A WebSocket connection between two processes. `measure` gives what one message stream costs its sender and its receiver. */
export async function createWebsocketPair() {
  const [sender, receiver] = [websocketPeer, websocketPeer].map((path) =>
    startJson(process.execPath, [path]),
  );
  await Promise.all([sender, receiver].map((end) => end.next(({ ready }) => ready)));
  const { url } = await sender.ask({ op: "listen" });
  await receiver.ask({ op: "dial", url });
  return {
    async measure(mebibytes, bytes) {
      const count = Math.ceil((mebibytes * 2 ** 20) / bytes);
      await receiver.ask({ op: "expect", count });
      const send = await sender.ask({ op: "send", count, bytes });
      const receive = await receiver.ask({ op: "received" });
      const each = 2 ** 20 / (count * bytes);
      return { send: send.ms * each, receive: receive.ms * each };
    },
    stop: () => Promise.all([sender.stop(), receiver.stop()]),
  };
}

async function filledStore(folder) {
  const store = await openLmdbStore({
    ...{ folder, crypto: nodeProvider, key: nodeRandom.bytes(32) },
    maxBytes: 2 ** 30,
  });
  const ids = Array.from({ length: STORED_BLOCKS }, () => blockIdFromBytes(nodeRandom.bytes(32)));
  await Promise.all(ids.map((id) => store.put(id, 0, nodeRandom.bytes(BLOCK_BYTES))));
  let turn = 0;
  return {
    get() {
      turn += 7;
      return store.get(ids[turn % ids.length]);
    },
    async close() {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Processor milliseconds per MiB of `work`, which handles `bytes` bytes each time. */
async function repeated(mebibytes, bytes, work) {
  const count = Math.ceil((mebibytes * 2 ** 20) / bytes);
  const before = process.cpuUsage();
  for (let done = 0; done < count; done++) {
    const result = work();
    if (result instanceof Promise) await result;
  }
  const { user, system } = process.cpuUsage(before);
  return ((user + system) / 1000 / count) * (2 ** 20 / bytes);
}
