import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { openLmdbStore } from "@umbel/storage/platform/lmdb-store";
import { sampleBlock } from "../../../../test/support/blocks.ts";

/** Child process of lmdb-store.test.ts: puts blocks without end and prints the number of each one acknowledged. */
const [folder, from] = process.argv.slice(2) as [string, string];
const store = await openLmdbStore({
  folder,
  crypto: nodeProvider,
  key: new Uint8Array(32).fill(7),
  maxBytes: 1e9,
  reserveBytes: 0,
});
let next = Number(from);

async function putOneAfterTheOther(): Promise<void> {
  for (;;) {
    const number = next++;
    const { id, block } = sampleBlock(number);
    if ((await store.put(id, 0, block)) === "stored") process.stdout.write(`${number}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, putOneAfterTheOther));
