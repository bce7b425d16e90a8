import { type BlockId, CELL_BYTES, SERVICE } from "@umbel/core";
import { type ConstantRate, constantRateBytes, constantRateOf } from "@umbel/router";
import { describe, expect, it } from "vitest";
import { LINK_PADDING_MAX_MS, LINK_PADDING_MIN_MS } from "../../packages/router/src/limits.ts";
import { createRelays } from "../../packages/router/test/support/relays.ts";
import { ksBound, ksStatistic } from "../support/kolmogorov-smirnov.ts";
import { sampleBytes } from "../support/publishing.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { createSimOverlay } from "../support/sim-overlay.ts";
import { fetchOver, publishOver } from "../support/transfers.ts";
import { say, seedOf } from "./support/runs.ts";
import { gapsOf, type SeenRecord } from "./support/traffic.ts";

const ALPHA = 0.001;
const HOUR_MS = 3_600_000;
/** A silence that ends a flow record at a router in the usual settings: shorter ones tell it nothing. */
const NETFLOW_INACTIVE_MS = 10_000;

/** What the observer of the line between a client and its guard sees. */
interface Line {
  readonly out: SeenRecord[];
  readonly back: SeenRecord[];
}

/** A client with one circuit over three relays, and an eye on the line to the guard. */
async function clientLine(seed: string) {
  const line: Line = { out: [], back: [] };
  const world = createRelays(seed, {
    latency: () => 30,
    observe({ from, to, bytes, connectionId }) {
      const record = { at: world.clock.now(), bytes: bytes.length, connection: connectionId };
      if (from === client.host) line.out.push(record);
      if (to === client.host) line.back.push(record);
    },
  });
  const relays = [await world.relay(), await world.relay(), await world.relay()];
  relays[2]!.node.serve(SERVICE.BLOCKS, { maxRequestBytes: 100, handle: () => new Uint8Array(30_000) });
  const client = world.client();
  const run = <Value>(promise: Promise<Value>) => world.clock.complete(promise, { limit: 60_000 });
  const circuit = await run(client.node.buildCircuit(relays.map(({ descriptor }) => descriptor)));
  if (!("call" in circuit)) throw new Error("the circuit was not built");
  const ask = () => circuit.call(SERVICE.BLOCKS, new Uint8Array(9), { maxResponseBytes: 1e6, timeout: 9000 });
  const stop = () => Promise.all([client, ...relays].map(({ node }) => node.stop()));
  return { world, line, circuit, host: client.host, ask: () => run(ask()), stop };
}

const span = LINK_PADDING_MAX_MS - LINK_PADDING_MIN_MS;
/** The published distribution: the greater of two uniform draws. */
function published(seed: string, count: number): number[] {
  const { fraction } = createSeededRandom(seed);
  return Array.from({ length: count }, () => LINK_PADDING_MIN_MS + Math.max(fraction(), fraction()) * span);
}
const fits = (gaps: readonly number[]) =>
  ksStatistic(gaps, published("published", 5000)) <= ksBound(gaps.length, 5000, ALPHA);

/** Flow records that a router makes of one direction: a silence ends one. */
const flowRecords = (records: readonly SeenRecord[]) =>
  1 + gapsOf(records).filter((gap) => gap > NETFLOW_INACTIVE_MS).length;

describe("padding between client and guard, seen on the line", () => {
  it("leaves no silence of more than 9.5 s in either direction while a circuit is open: one flow record", async () => {
    const { world, line, ask, stop } = await clientLine(seedOf("padding: flows"));
    const { fraction } = createSeededRandom("pauses");
    for (let request = 0; request < 30; request++) {
      await world.clock.advance(120_000 * fraction());
      await ask();
    }
    for (const records of [line.out, line.back]) {
      expect(Math.max(...gapsOf(records))).toBeLessThanOrEqual(LINK_PADDING_MAX_MS);
      expect(flowRecords(records)).toBe(1);
      // Without the single cells between requests the same line falls into many.
      const bare = records.filter(({ bytes }) => bytes > 2 * CELL_BYTES);
      if (records === line.back) expect(flowRecords(bare)).toBeGreaterThan(20);
    }
    const worst = Math.max(...gapsOf(line.out), ...gapsOf(line.back));
    say(`padding: longest silence on a client's line ${(worst / 1000).toFixed(1)} s`);
    await stop();
  });

  it("follows the published distribution, in both directions apart; a shift of a twentieth is noticed", async () => {
    const { world, line, stop } = await clientLine(seedOf("padding: gaps"));
    // The layers of an idle circuit ratchet once.
    await world.clock.advance(300_000);
    line.out.length = 0;
    line.back.length = 0;
    await world.clock.advance(2 * HOUR_MS);
    for (const records of [line.out, line.back]) {
      const gaps = gapsOf(records);
      expect(gaps.length).toBeGreaterThan(900);
      expect(new Set(records.map(({ bytes }) => bytes))).toEqual(new Set([CELL_BYTES + 16]));
      expect(fits(gaps)).toBe(true);
      expect(fits(gaps.map((gap) => gap * 1.05))).toBe(false);
      expect(fits(gaps.map((_, at) => LINK_PADDING_MIN_MS + (span * at) / gaps.length))).toBe(false);
    }
    await stop();
  });

  it("does not keep a link open that carries no circuit", async () => {
    const { world, line, circuit, host, stop } = await clientLine(seedOf("padding: idle"));
    circuit.close();
    await world.clock.advance(HOUR_MS);
    expect(line.out.length).toBeLessThan(150);
    expect(world.memory.connections().filter(({ from }) => from === host)).toEqual([]);
    await stop();
  });
});

const CLIENT = "198.51.100.77";
const WATCHED_MS = 40_000;
const FILE_BYTES = 300_000;
const ACTIVITIES = ["idle", "fetching", "publishing"] as const;
type Activity = (typeof ACTIVITIES)[number];
/** Delays in whole ms: a timer in virtual time is then as exact as none is in a real process. */
const WHOLE = { latency: [20, 20], jitter: 0 } as const;
const NO_SUCH_BLOCK = "a".repeat(52) as BlockId;

/** What a client does for a while, seen on its lines from the moment on when it has its directory. */
async function watched(activity: Activity, constantRate: ConstantRate | undefined) {
  const overlay = await createSimOverlay({ seed: seedOf(`constant rate: ${activity}`), nodes: 8, ...WHOLE });
  const { sim, run } = overlay;
  const bytes = sampleBytes(FILE_BYTES);
  const published = await run(publishOver(await overlay.client("198.51.100.88"), bytes));
  const client = await overlay.client(CLIENT, undefined, { constantRate });
  const lines = new Map<number, Line>();
  const unwatch = sim.observe((message) => {
    if (message.from !== CLIENT && message.to !== CLIENT) return;
    const { connectionId: connection, from } = message;
    const line = lines.get(connection) ?? { out: [], back: [] };
    lines.set(connection, line);
    const records = from === CLIENT ? line.out : line.back;
    records.push({ at: sim.clock.now(), bytes: message.bytes.length, connection });
  });
  const end = sim.clock.now() + WATCHED_MS;
  // Even the idle one has circuits, and looked at something once.
  const network = client.operation();
  await run(network.get({ id: NO_SUCH_BLOCK, copy: 0, lane: "data" }));
  const begun = sim.clock.now();
  if (activity === "fetching") {
    const fetched = await run(fetchOver(client, published.reference));
    expect(Buffer.compare(fetched, bytes)).toBe(0);
  } else if (activity === "publishing") await run(publishOver(client, sampleBytes(FILE_BYTES, 2)));
  const took = sim.clock.now() - begun;
  await sim.clock.advance(Math.max(0, end - sim.clock.now()));
  unwatch();
  network.close();
  await run(client.stop());
  const [guard, ...others] = [...lines.values()].sort((a, b) => b.back.length - a.back.length);
  if (guard === undefined) throw new Error("no line to a guard");
  return { guard, others, took };
}

/** Gaps, in whole ms, and sizes of the records behind the handshake. */
function behindHandshake(records: readonly SeenRecord[], messages: number, count: number) {
  const behind = records.slice(messages);
  return gapsOf(behind)
    .slice(0, count)
    .map((gap, at) => `${gap} ms, ${behind[at + 1]!.bytes} bytes`);
}

describe("a constant rate on the line to the guard", () => {
  const rate = constantRateOf(65_536);
  const count = Math.floor(30_000 / rate.intervalMs);

  it("shows the same records at the same times, idle, fetching or publishing, and nothing beside them", async () => {
    const steady = Array.from({ length: count }, () => `${rate.intervalMs} ms, ${CELL_BYTES + 16} bytes`);
    for (const activity of ACTIVITIES) {
      const { guard, others, took } = await watched(activity, rate);
      expect(behindHandshake(guard.out, 2, count)).toEqual(steady);
      expect(behindHandshake(guard.back, 1, count)).toEqual(steady);
      // The links over which the directory came are padded until they close.
      for (const { out, back } of others)
        for (const records of [out, back])
          expect(records.length).toBeLessThanOrEqual(WATCHED_MS / LINK_PADDING_MIN_MS);
      if (activity === "idle") continue;
      expect((FILE_BYTES / took) * 1000).toBeLessThan(constantRateBytes(rate));
      say(`constant rate: ${activity} ${FILE_BYTES} bytes at 64 KiB/s took ${(took / 1000).toFixed(1)} s`);
    }
  });

  it("is needed: without it the volume tells who is idle, who fetches and who publishes", async () => {
    const idle = await plainVolume("idle");
    const fetching = await plainVolume("fetching");
    const publishing = await plainVolume("publishing");
    expect(fetching.back).toBeGreaterThan(3 * idle.back);
    expect(publishing.out).toBeGreaterThan(3 * idle.out);
    expect(fetching.back / fetching.out).toBeGreaterThan((3 * publishing.back) / publishing.out);
  });
});

async function plainVolume(activity: Activity) {
  const { out, back } = (await watched(activity, undefined)).guard;
  const bytesOf = (records: readonly SeenRecord[]) => records.reduce((sum, { bytes }) => sum + bytes, 0);
  return { out: bytesOf(out), back: bytesOf(back) };
}
