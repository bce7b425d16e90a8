import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { type MemoryPeak, watchMemory } from "../support/process-memory.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { startTestnet, type Testnet } from "../support/umbel-network.ts";
import { temporaryFolder, type UmbelEnd } from "../support/umbel-process.ts";

const MIB = 2 ** 20;
const NODES = 12;
const MAX_RSS_ANON_MIB = 400;
/** For a look at the test itself on a slow machine: UMBEL_SLOW_SHARE=8 divides the sizes by eight. */
const SHARE = Number(process.env.UMBEL_SLOW_SHARE ?? 1);
const TIMEOUT_MS = 1_200_000;

const folder = temporaryFolder("many-nodes");
const path = (name: string) => join(folder.path, name);
let network: Testnet | undefined;
afterEach(async () => {
  await network?.stop();
  network = undefined;
});
afterAll(() => folder.remove());

describe("a network of 12 processes", () => {
  it("gives back a file of 256 MiB, whole, after 5 of them were killed", async () => {
    const size = Math.floor((256 * MIB) / SHARE);
    const sha256 = await writeInput("input", size);
    network = await startTestnet({ nodes: NODES, timeout: TIMEOUT_MS });
    const { reference } = await published(network, "input", size);
    // The first three are what a fresh client starts from: one of them stays.
    const victims = network.nodes.filter((_, at) => [1, 2, 5, 8, 10].includes(at));
    await Promise.all(victims.map(({ id }) => (network as Testnet).kill(id)));
    const fetched = await timed(() =>
      (network as Testnet).client(["fetch", reference, "-o", path("output"), "--json"], {
        timeout: TIMEOUT_MS,
      }),
    );
    expect(fetched.ended).toMatchObject({ code: 0 });
    expect(fetched.ended.events.at(-1)).toMatchObject({ event: "result", bytes: size, sha256 });
    console.log(`fetched with 5 of ${NODES} nodes dead: ${rate(size, fetched.seconds)}`);

    const repaired = await timed(() =>
      (network as Testnet).client(["repair", reference, "--json"], { timeout: TIMEOUT_MS }),
    );
    const report = repaired.ended.events.find(({ event }) => event === "result");
    console.log(
      `umbel repair: ${report?.missing} of ${report?.total} blocks were missing, ${report?.restored} put back, ` +
        `in ${repaired.seconds.toFixed(1)} s`,
    );
    // Until holders find the dead away, some locations have fewer than three takers: then it says so, and ends with 1.
    expect(report?.restorable).toBe(report?.missing);
    expect(report).toMatchObject({ lostRoots: 0 });
    expect(repaired.ended.code).toBe(report?.isInPlace === true ? 0 : 1);
  });

  it("carries a file of 1 GiB with less than 400 MiB in any process", async () => {
    const size = Math.floor((1024 * MIB) / SHARE);
    const sha256 = await writeInput("input", size);
    network = await startTestnet({ nodes: NODES, timeout: TIMEOUT_MS });
    const nodes = network.nodes.map(({ pid }) => pid);
    const publishing = watchMemory(nodes);
    const { reference } = await published(network, "input", size, publishing.add);
    report("publish", publishing.stop(), nodes);
    const fetching = watchMemory(nodes);
    const started = performance.now();
    const reader = network.startClient(["fetch", reference, "-o", path("output"), "--json"], {
      timeout: TIMEOUT_MS,
    });
    fetching.add(reader.pid);
    const ended = await reader.ended;
    const seconds = (performance.now() - started) / 1000;
    report("fetch", fetching.stop(), nodes);
    expect(ended).toMatchObject({ code: 0 });
    expect(ended.events.at(-1)).toMatchObject({ event: "result", bytes: size, sha256 });
    console.log(`fetched ${(size / MIB).toFixed(0)} MiB: ${rate(size, seconds)}`);
  });
});

interface Timed {
  readonly ended: UmbelEnd;
  readonly seconds: number;
}

async function timed(work: () => Promise<UmbelEnd>): Promise<Timed> {
  const started = performance.now();
  const ended = await work();
  return { ended, seconds: (performance.now() - started) / 1000 };
}

async function published(
  { startClient }: Testnet,
  name: string,
  size: number,
  onPid: (pid: number) => void = () => {},
): Promise<{ readonly reference: string }> {
  const { ended, seconds } = await timed(() => {
    const client = startClient(["publish", path(name), "--json"], { timeout: TIMEOUT_MS });
    onPid(client.pid);
    return client.ended;
  });
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  console.log(`published ${(size / MIB).toFixed(0)} MiB: ${rate(size, seconds)}, receipt included`);
  return { reference: String(ended.events.at(-1)?.reference) };
}

/** Prints the peaks of nodes and client, and holds them against the bound. */
function report(what: string, peaks: ReadonlyMap<number, MemoryPeak>, nodes: readonly number[]): void {
  const most = (field: keyof MemoryPeak, isNode: boolean) =>
    Math.max(...[...peaks].filter(([pid]) => nodes.includes(pid) === isNode).map(([, peak]) => peak[field]));
  console.log(
    `${what}, peaks in MiB: nodes RssAnon ${most("rssAnon", true).toFixed(0)} (VmRSS ${most("vmRss", true).toFixed(0)}), ` +
      `client RssAnon ${most("rssAnon", false).toFixed(0)} (VmRSS ${most("vmRss", false).toFixed(0)})`,
  );
  for (const peak of peaks.values()) {
    expect(peak.rssAnon).toBeGreaterThan(10);
    expect(peak.rssAnon).toBeLessThan(MAX_RSS_ANON_MIB);
  }
}

/** Writes bytes that differ everywhere; their SHA-256 in hex. */
async function writeInput(name: string, size: number): Promise<string> {
  for (const old of ["input", "output"]) rmSync(path(old), { force: true });
  const random = createSeededRandom(`${name} ${size}`);
  function* parts() {
    for (let at = 0; at < size; at += MIB) yield Buffer.from(random.bytes(Math.min(MIB, size - at)));
  }
  await pipeline(Readable.from(parts()), createWriteStream(path(name)));
  expect(existsSync(path(name)) && statSync(path(name)).size).toBe(size);
  const hash = createHash("sha256");
  await pipeline(createReadStream(path(name)), hash);
  return hash.digest("hex");
}

function rate(bytes: number, seconds: number): string {
  return `${seconds.toFixed(1)} s, ${(bytes / MIB / seconds).toFixed(1)} MiB/s`;
}
