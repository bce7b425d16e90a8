#!/usr/bin/env node
// What an endpoint and a holder take for a block, without sockets, circuits and layers: microseconds of processor time for each GET
// and PUT, and for the steps they are made of. Usage: npm run bench:blocks
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BLOCK_BYTES, SERVICE } from "@umbel/core";
import { nodeProvider as crypto } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import * as storage from "@umbel/storage";
import { openLmdbStore } from "@umbel/storage/platform/lmdb-store";

const COUNT = 2000;
const AT_ONCE = 32;
const ids = ["first", "second", "third", "endpoint"];
const folder = mkdtempSync(join(tmpdir(), "umbel-bench-"));
const nodes = ids.map((id) => ({ id, position: nodeRandom.bytes(32) }));
const directory = { revision: 1, storeNodes: () => nodes.slice(0, 3), isRelay: () => true };
const clock = { now: () => performance.now(), unixNow: () => Date.now() };
const timers = {
  schedule(delay, run) {
    const timer = setTimeout(run, delay);
    return { cancel: () => clearTimeout(timer) };
  },
};
const stores = await Promise.all(
  ids
    .slice(0, 3)
    .map((id) =>
      openLmdbStore({ folder: join(folder, id), crypto, key: nodeRandom.bytes(32), maxBytes: 2 ** 30 }),
    ),
);
const holders = new Map(
  stores.map((store, at) => [ids[at], storage.createHolder({ crypto, store, directory, ownId: ids[at] })]),
);
const calls = {
  async call(peer, service, payload) {
    if (service !== SERVICE.HOLDER) throw new Error("another service");
    return holders.get(peer).service.handle({ payload, origin: { via: "link", peer: "endpoint" } });
  },
};
const endpoint = storage.createEndpoint({
  ...{ crypto, calls, directory, clock, timers },
  ownId: "endpoint",
  random: nodeRandom,
});

const blocks = Array.from({ length: COUNT }, () => nodeRandom.bytes(BLOCK_BYTES));
const names = blocks.map((block) => storage.blockIdOf(crypto, block));
const origin = { via: "circuit", circuit: 1 };
const gets = names.map((id) => storage.encodeBlockMessage({ op: "get", id, copy: 0, bypassCaches: false }));
const puts = names.map((id, at) => storage.encodeBlockMessage({ op: "put", id, copy: 0, block: blocks[at] }));
const fromRelay = { via: "link", peer: "endpoint" };
const holder = holders.get("first").service;

await measured("endpoint and three holders, PUT", (at) => endpoint.handle({ payload: puts[at], origin }));
await measured("endpoint and one holder, GET", (at) => endpoint.handle({ payload: gets[at], origin }));
await measured("endpoint and one holder, GET", (at) => endpoint.handle({ payload: gets[at], origin }));
await measured("holder alone, GET", (at) => holder.handle({ payload: gets[at], origin: fromRelay }));
await measured("holder alone, PUT of a known block", (at) =>
  holder.handle({ payload: puts[at], origin: fromRelay }),
);
await measured("store, get", (at) => stores[0].get(names[at]));
await measured("SHA-256 of a block", (at) => storage.blockIdOf(crypto, blocks[at]));
await measured("location of an id", (at) => storage.locationOf(crypto, names[at], 0));
await measured("id from its bytes", () => storage.blockIdFromBytes(nodes[0].position));
await measured("read a GET", (at) => storage.decodeBlockMessage(gets[at]));
await measured("write a reply to GET", (at) => storage.encodeGetReply(blocks[at]));

for (const store of stores) await store.close();
rmSync(folder, { recursive: true });

async function measured(what, work) {
  let next = 0;
  const loop = async () => {
    while (next < COUNT) await work(next++);
  };
  const before = process.cpuUsage();
  await Promise.all(Array.from({ length: AT_ONCE }, loop));
  const { user, system } = process.cpuUsage(before);
  console.log(`${((user + system) / COUNT).toFixed(1).padStart(8)} us  ${what}`);
}
