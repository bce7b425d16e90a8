import { type BlockId, type FileReference, type NodeId, parseReference } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import {
  type BlockCopy,
  type BlockNetwork,
  contextOf,
  createHolderIndex,
  DEFAULT_CODING,
  holdersOf,
  locationOf,
  verifyKeyOf,
  walkVerify,
} from "@umbel/storage";
import { describe, expect, it } from "vitest";
import { codedFileOf } from "../support/durability/coded-file.ts";
import { asItIs, simulateLoss } from "../support/durability/experiments.ts";
import { canDecode, fractionsFrom } from "../support/durability/simulated.ts";
import { FIVE_DAYS_TIMES, fiveDays, inTime } from "../support/five-days.ts";
import { createLightStorage, type LightStorage } from "../support/light-storage.ts";
import { MemoryBlockNetwork } from "../support/memory-block-network.ts";
import {
  collect,
  openFile,
  openFolder,
  publishBytes,
  publishFiles,
  sampleBytes,
} from "../support/publishing.ts";
import { seedFor } from "../support/seed.ts";
import { createSeededRandom, type SeededRandom } from "../support/seeded-random.ts";

const HOUR = 3_600_000;
const MIB = 2 ** 20;

/** A hundred files: most are small, some have a root of their own. */
function siteFiles(): Record<string, Uint8Array> {
  const files: Record<string, Uint8Array> = {};
  for (let at = 0; at < 100; at++) {
    const size = at % 10 === 0 ? 40_000 + 5_000 * at : 300 + 217 * at;
    files[`page ${at}/index.html`] = sampleBytes(size, `page ${at}`);
  }
  return files;
}

describe("content whose publisher is gone", () => {
  it("is whole after a sudden loss of 40 % of the holders and five days of 10 %, and has lost a third of the blocks that it would have without repair", async () => {
    const seed = seedFor("five days");
    const storage = createLightStorage({ seed, nodes: 100, repair: true, times: FIVE_DAYS_TIMES });
    const network = storage.network();
    const bytes = sampleBytes(4 * MIB, "file");
    const file = await inTime(storage, publishBytes(network, bytes));
    const blocks = await blocksOf(storage);
    const files = siteFiles();
    const site = await inTime(storage, publishFiles(network, files));
    const published = storage.traffic.bytes;
    await storage.clock.advance(6 * HOUR);
    await fiveDays(storage);
    const without = createLightStorage({ seed, nodes: 100 });
    await inTime(without, putAll(without.network(), blocks));
    await fiveDays(without);
    const lost = await partLost(storage, blocks);
    const lostWithout = await partLost(without, blocks);
    const moved = storage.nodes.reduce((sum, { repair }) => sum + (repair?.counters.items ?? 0), 0);
    console.log(
      `after 40 % at once and five days of 10 %: ${storage.alive().length} of 100 nodes left; ` +
        `${file.blocks + site.blocks} blocks published for ${mib(published)} between nodes, ` +
        `${moved} copies made by repair for ${mib(storage.traffic.bytes - published)}; of the file's blocks ` +
        `${percent(lost)} are nowhere any more, without repair ${percent(lostWithout)}`,
    );
    expect([storage.alive().length, without.alive().length]).toEqual([36, 36]);
    expect(lostWithout).toBeGreaterThan(3 * lost);

    const opened = await inTime(storage, openFile(storage.network(), file.reference));
    expect(Buffer.compare(await inTime(storage, collect(opened.content())), bytes)).toBe(0);
    const folder = await inTime(storage, openFolder(storage.network(), site.reference));
    let seen = 0;
    const read = async () => {
      for await (const entry of folder.entries()) {
        expect(Buffer.compare(await collect(entry.content()), files[entry.path] as Uint8Array)).toBe(0);
        seen++;
      }
    };
    await inTime(storage, read());
    expect(seen).toBe(100);
    await storage.stop();
  });

  it.each([0.4, 0.6])(
    "survives a sudden loss of %d of the nodes, without repair, as often as the table says",
    async (lost) => {
      const random = createSeededRandom(seedFor(`table ${lost}`));
      const layout = codedFileOf(4 * MIB, DEFAULT_CODING);
      const trials = { nodes: 50, lost, networks: 400, losses: 50 };
      const computed = simulateLoss(layout, trials, fractionsFrom(7), asItIs).whole;
      const survived: number[] = [];
      for (let network = 0; network < 16; network++) {
        const placed = await placedFile(4 * MIB, 50, random.fork(`network ${network}`));
        let whole = 0;
        for (let draw = 0; draw < 50; draw++)
          if (await survives(placed, layout, lost, random, draw === 0)) whole++;
        survived.push(whole / 50);
      }
      const { mean, error } = meanOf(survived);
      console.log(
        `4 MiB, sudden loss of ${lost * 100} % of 50 nodes: whole in ${mean.toFixed(4)} of 800 losses, ` +
          `by the table ${computed.toFixed(4)}, standard error ${error.toFixed(4)}`,
      );
      expect(Math.abs(mean - computed)).toBeLessThan(4 * error);
    },
  );
});

/** What the nodes hold, by block id. */
async function blocksOf(storage: LightStorage): Promise<ReadonlyMap<BlockId, Held>> {
  const held = new Map<BlockId, Held>();
  for (const { store } of storage.nodes) {
    for await (const { id, copies } of store.entries()) {
      const block = held.get(id)?.block ?? ((await store.get(id)) as Uint8Array);
      held.set(id, { block, copies: new Set([...(held.get(id)?.copies ?? []), ...copies]) });
    }
  }
  return held;
}

interface Held {
  readonly block: Uint8Array;
  readonly copies: ReadonlySet<BlockCopy>;
}

/** Puts the same blocks into another network. */
async function putAll(network: BlockNetwork, held: ReadonlyMap<BlockId, Held>): Promise<void> {
  const puts = [...held].flatMap(([id, { block, copies }]) =>
    [...copies].map((copy) => network.put({ id, copy, block, lane: "data" })),
  );
  await Promise.all(puts);
}

/** The part of the blocks that no living node has. */
async function partLost(storage: LightStorage, held: ReadonlyMap<BlockId, Held>): Promise<number> {
  let lost = 0;
  for (const id of held.keys()) {
    const has = await Promise.all(storage.alive().map(({ store }) => store.has(id)));
    if (!has.includes(true)) lost++;
  }
  return lost / held.size;
}

/** A published file, and who holds what. */
interface PlacedFile {
  readonly blocks: MemoryBlockNetwork;
  readonly reference: string;
  readonly rootId: BlockId;
  /** In the order of the layout. */
  readonly ids: readonly BlockId[];
  readonly nodes: readonly NodeId[];
  readonly holders: ReadonlyMap<string, readonly NodeId[]>;
}

/** Publishes a file with fresh keys into a network of nodes at fresh positions. */
async function placedFile(bytes: number, count: number, random: SeededRandom): Promise<PlacedFile> {
  const blocks = new MemoryBlockNetwork();
  const { reference } = await publishBytes(blocks, contentOf(bytes), { random: random.fork("publish") });
  const nodes = Array.from({ length: count }, (_, at) => ({
    id: `node ${at}` as NodeId,
    position: random.bytes(32),
  }));
  const index = createHolderIndex(nodes);
  const holders = new Map<string, readonly NodeId[]>();
  for (const key of blocks.blocks.keys()) {
    const location = locationOf(nodeProvider, idOf(key), Number(key[0]) as BlockCopy);
    holders.set(key, holdersOf(index, location).holders);
  }
  const { rootId, readKey } = parseReference(reference) as FileReference;
  const context = contextOf({ crypto: nodeProvider, random, network: blocks, signal: undefined });
  const ids: BlockId[] = [];
  for await (const part of walkVerify(context, { rootId, verifyKey: verifyKeyOf(nodeProvider, readKey) })) {
    if (part.kind === "segment") ids.push(...(await part.tree.segmentIds(part.level, part.segment)));
  }
  return { blocks, reference, rootId, ids, nodes: nodes.map(({ id }) => id), holders };
}

/** Draws one loss. With `byReading` the verdict is also that of a fetch of what is left. */
async function survives(
  placed: PlacedFile,
  layout: ReturnType<typeof codedFileOf>,
  lost: number,
  random: SeededRandom,
  byReading: boolean,
): Promise<boolean> {
  const alive = new Set(placed.nodes);
  const nodes = [...placed.nodes];
  for (let left = Math.round(lost * nodes.length); left > 0; left--) {
    alive.delete(nodes.splice(Math.floor(random.fraction() * nodes.length), 1)[0] as NodeId);
  }
  const isLeft = (key: string) => placed.holders.get(key)?.some((id) => alive.has(id)) === true;
  expect(placed.ids.length).toBe(layout.blocks);
  const isThere = Uint8Array.from(placed.ids, (id) => (isLeft(`0:${id}`) ? 1 : 0));
  const hasRoot = [0, 1, 2].some((copy) => isLeft(`${copy}:${placed.rootId}`));
  const whole = hasRoot && canDecode(layout, isThere);
  if (byReading) expect(await canRead(placed, isLeft)).toBe(whole);
  return whole;
}

async function canRead(
  { blocks, reference }: PlacedFile,
  isLeft: (key: string) => boolean,
): Promise<boolean> {
  const network = new MemoryBlockNetwork({
    onGet: ({ id, copy }, block) => (isLeft(`${copy}:${id}`) ? block : undefined),
  });
  for (const [key, block] of blocks.blocks) network.blocks.set(key, block);
  try {
    const opened = await openFile(network, reference);
    for await (const _ of opened.content());
    return true;
  } catch {
    return false;
  }
}

function meanOf(values: readonly number[]): { readonly mean: number; readonly error: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return { mean, error: Math.max(Math.sqrt(variance / values.length), 0.001) };
}

function idOf(key: string): BlockId {
  return key.slice(2) as BlockId;
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(0)} MiB`;
}

let kept: Uint8Array | undefined;
/** The same content each time: keys differ, and so all blocks. */
function contentOf(bytes: number): Uint8Array {
  kept ??= sampleBytes(bytes, "content");
  return kept;
}
