import { BLOCK_BYTES, type BlockId, type NodeId } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import {
  type BlockCopy,
  createHolderIndex,
  HOLDER_COUNT,
  holdersOf,
  locationOf,
  NEAR_MISS_COUNT,
} from "@umbel/storage";
import { describe, expect, it } from "vitest";
import { sampleBlock } from "../support/blocks.ts";
import { createLightStorage, type LightNode, type LightStorage } from "../support/light-storage.ts";
import { seedFor } from "../support/seed.ts";

const MINUTE = 60_000;

interface Placed {
  readonly id: BlockId;
  readonly copy: BlockCopy;
}

/** Puts `count` ordinary blocks, and a tenth as many roots at three locations. */
async function fill(storage: LightStorage, count: number): Promise<readonly Placed[]> {
  const network = storage.network();
  const placed: Placed[] = [];
  const puts: Promise<number>[] = [];
  for (let number = 0; number < count; number++) {
    const { id, block } = sampleBlock(number);
    for (const copy of number % 11 === 0 ? ([0, 1, 2] as const) : ([0] as const)) {
      placed.push({ id, copy });
      puts.push(network.put({ id, block, copy, lane: "data" }));
    }
  }
  const confirmed = await storage.clock.complete(Promise.all(puts), { limit: 10 * MINUTE });
  expect(confirmed.every((copies) => copies === HOLDER_COUNT)).toBe(true);
  return placed;
}

/** Which living nodes have each block under each copy number. */
async function whereabouts(nodes: readonly LightNode[]): Promise<Map<string, NodeId[]>> {
  const where = new Map<string, NodeId[]>();
  for (const { id: node, store } of nodes) {
    for await (const { id, copies } of store.entries()) {
      for (const copy of copies) where.set(`${copy}:${id}`, [...(where.get(`${copy}:${id}`) ?? []), node]);
    }
  }
  return where;
}

function some(storage: LightStorage, part: number): readonly LightNode[] {
  const nodes = [...storage.alive()];
  const chosen: LightNode[] = [];
  while (chosen.length < part * storage.alive().length) {
    chosen.push(...nodes.splice(Math.floor(storage.random.fraction() * nodes.length), 1));
  }
  return chosen;
}

function itemsPut(storage: LightStorage): number {
  return storage.nodes.reduce((sum, { repair }) => sum + (repair?.counters.items ?? 0), 0);
}

describe("repair by holders", () => {
  it("has every block that is left back at R copies within 30 minutes after 30 of 100 nodes left at once, for the bytes that were lost", async () => {
    const storage = createLightStorage({ seed: seedFor("30 of 100"), nodes: 100, repair: true });
    const placed = await fill(storage, 1000);
    await storage.clock.advance(60 * MINUTE);
    expect(itemsPut(storage)).toBe(0);

    storage.kill(some(storage, 0.3));
    const left = await whereabouts(storage.alive());
    const keys = placed.map(({ id, copy }) => `${copy}:${id}`);
    const gone = keys.filter((key) => !left.has(key)).length;
    const lostCopies = keys.reduce(
      (sum, key) => sum + (left.has(key) ? HOLDER_COUNT - (left.get(key) ?? []).length : 0),
      0,
    );
    const before = { ...storage.traffic };
    const minutes = await minutesUntilWhole(
      storage,
      keys.filter((key) => left.has(key)),
      30,
    );
    const signs = storage.traffic.signsOfLife - before.signsOfLife;
    const bytes = storage.traffic.bytes - before.bytes - signs;

    const lostBytes = lostCopies * BLOCK_BYTES;
    console.log(
      `30 of 100 nodes left at once: ${keys.length} blocks at locations, ${gone} of them with all three copies, ` +
        `${lostCopies} copies of the others (${mib(lostBytes)}); back at ${HOLDER_COUNT} copies after ${minutes} minutes, ` +
        `for ${mib(bytes)} between nodes (${(bytes / lostBytes).toFixed(3)} of what was lost), ${itemsPut(storage)} puts; ${mib(signs)} of signs of life meanwhile`,
    );
    expect(minutes).toBeLessThanOrEqual(30);
    expect(gone / keys.length).toBeLessThan(0.08);
    expect(bytes / lostBytes).toBeLessThan(1.2);
    const network = storage.network();
    const read = placed.filter(({ id, copy }) => left.has(`${copy}:${id}`)).slice(0, 300);
    const found = read.map(({ id, copy }) => network.get({ id, copy, lane: "data" }));
    const blocks = await storage.clock.complete(Promise.all(found), { limit: 10 * MINUTE });
    expect(blocks.filter((block) => block === undefined)).toEqual([]);
    await storage.stop();
  });

  it("puts the copies where the next directory looks for them, and moves next to nothing when it comes", async () => {
    const storage = createLightStorage({ seed: seedFor("next directory"), nodes: 60, repair: true });
    await fill(storage, 300);
    await storage.clock.advance(30 * MINUTE);
    storage.kill(some(storage, 0.3));
    await storage.clock.advance(40 * MINUTE);
    const puts = itemsPut(storage);
    storage.forgetDead();
    await storage.clock.advance(40 * MINUTE);
    expect(itemsPut(storage) - puts).toBeLessThan(0.02 * puts);
    await expectInPlace(storage);
    await storage.stop();
  });

  it("moves nothing for a node that is away for as long as a restart takes", async () => {
    const storage = createLightStorage({ seed: seedFor("restart"), nodes: 30, repair: true });
    await fill(storage, 200);
    await storage.clock.advance(30 * MINUTE);
    const [node] = storage.nodes as [LightNode];
    node.isAlive = false;
    await storage.clock.advance(2 * MINUTE);
    node.isAlive = true;
    await storage.clock.advance(60 * MINUTE);
    expect(itemsPut(storage)).toBe(0);
    await storage.stop();
  });

  it("sends no faster than its rate", async () => {
    const storage = createLightStorage({
      ...{ seed: seedFor("rate"), nodes: 8, repair: true, repairRate: 10 * BLOCK_BYTES },
    });
    await fill(storage, 400);
    await storage.clock.advance(30 * MINUTE);
    storage.kill(storage.nodes.slice(0, 2));
    let most = 0;
    for (let second = 0; second < 40 * 60; second++) {
      const before = storage.alive().map(({ repair }) => repair?.counters.items ?? 0);
      await storage.clock.advance(1000);
      for (const [at, { repair }] of storage.alive().entries()) {
        most = Math.max(most, (repair?.counters.items ?? 0) - (before[at] as number));
      }
    }
    expect(itemsPut(storage)).toBeGreaterThan(100);
    expect(most).toBeLessThanOrEqual(11);
    await storage.stop();
  });
});

/** Whole minutes until each of `keys` is at R living nodes; more than `limit` when that does not come. */
async function minutesUntilWhole(
  storage: LightStorage,
  keys: readonly string[],
  limit: number,
): Promise<number> {
  for (let minute = 0; minute <= limit; minute++) {
    const where = await whereabouts(storage.alive());
    if (keys.every((key) => (where.get(key) ?? []).length >= HOLDER_COUNT)) return minute;
    await storage.clock.advance(MINUTE);
  }
  return limit + 1;
}

/** Every block that is left is where a GET looks, R times. */
async function expectInPlace(storage: LightStorage): Promise<void> {
  const alive = storage.alive();
  const ids = new Set(alive.map(({ id }) => id));
  const index = createHolderIndex(storage.known().filter(({ id }) => ids.has(id)));
  for (const [key, nodes] of await whereabouts(alive)) {
    const location = locationOf(nodeProvider, key.slice(2) as BlockId, Number(key[0]) as BlockCopy);
    const { holders, nearMisses } = holdersOf(index, location);
    expect(nearMisses.length).toBe(NEAR_MISS_COUNT);
    expect(holders.every((id) => nodes.includes(id))).toBe(true);
  }
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
