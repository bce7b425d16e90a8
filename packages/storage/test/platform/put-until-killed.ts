import { nodeProvider } from "@umbel/core/platform/node-crypto";
import type { StoreClaim } from "@umbel/storage";
import { openLmdbStore } from "@umbel/storage/platform/lmdb-store";
import { sampleBlock } from "../../../../test/support/blocks.ts";

/**
 * Child process of lmdb-store.test.ts: puts blocks without end and prints the number of each one acknowledged. With `evict` the store is
 * small and full of near misses and cached blocks, which give way to those whose number is even; only they are printed.
 */
const [folder, from, mode] = process.argv.slice(2) as [string, string, string];
const evicts = mode === "evict";
const maxBytes = evicts ? 400 * 33_280 : 1e9;
const store = await openLmdbStore({
  ...{
    folder,
    crypto: nodeProvider,
    key: new Uint8Array(32).fill(7),
    maxBytes,
    reserveBytes: 0,
    slackBytes: 0,
  },
  maxCacheBytes: evicts ? maxBytes : 0,
});
let next = Number(from);
const ours = new Set<string>();
const claim: StoreClaim = { revision: 1, isOurs: ({ id, copies }) => ours.has(id) || copies.includes(1) };

if (evicts) for (let at = 0; at < 400; at++) await nearMiss(1_000_000 + Number(from) + at);

async function nearMiss(number: number): Promise<void> {
  const { id, block } = sampleBlock(number);
  await (number % 2 === 0 ? store.put(id, 0, block) : store.cache(id, block));
}

async function putOneAfterTheOther(): Promise<void> {
  for (;;) {
    const number = next++;
    const { id, block } = sampleBlock(number);
    if (evicts && number % 2 === 1) {
      await nearMiss(number);
      continue;
    }
    ours.add(id);
    const outcome = await store.put(id, evicts ? 1 : 0, block, evicts ? claim : undefined);
    if (outcome === "stored") process.stdout.write(`${number}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, putOneAfterTheOther));
