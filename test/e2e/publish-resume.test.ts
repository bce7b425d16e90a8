import { readFileSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sampleBytes } from "../support/publishing.ts";
import { startTestnet, type Testnet } from "../support/umbel-network.ts";
import { temporaryFolder, type UmbelEvent } from "../support/umbel-process.ts";

const MIB = 1024 * 1024;
const folder = temporaryFolder("resume");
const bytes = sampleBytes(12 * MIB, "resume");
const input = join(folder.path, "input.bin");
let network: Testnet;

beforeAll(async () => {
  writeFileSync(input, bytes);
  network = await startTestnet();
}, 180_000);
afterAll(async () => {
  await network?.stop();
  folder.remove();
});

/** Publishes until some blocks are confirmed, then ends the process with a signal. */
async function publishUntil(signal: NodeJS.Signals, args: readonly string[]): Promise<number | null> {
  const child = network.startClient(["publish", ...args, "--json"], { timeout: 120_000 });
  await child.waitFor(({ event, blocksDone }) => event === "progress" && Number(blocksDone) > 20);
  process.kill(child.pid, signal);
  return (await child.ended).code;
}

async function fetched(reference: unknown): Promise<Uint8Array> {
  const to = join(folder.path, `fetched ${Math.random()}`);
  const end = await network.client(["fetch", String(reference), "-o", to, "--json"], { timeout: 120_000 });
  expect(end).toMatchObject({ code: 0, stderr: "" });
  return readFileSync(to);
}

describe("a publish that was stopped is resumed, and leaves nothing behind", { timeout: 240_000 }, () => {
  it.each(["SIGKILL", "SIGINT"] as const)("after %s", async (signal) => {
    const data = join(folder.path, signal);
    const code = await publishUntil(signal, [input, "--data", data]);
    expect(code).toBe(signal === "SIGINT" ? 130 : null);
    const listed = await network.client(["jobs", "--data", data, "--json"]);
    const [job] = (listed.events.at(-1) as UmbelEvent).jobs as readonly {
      id: string;
      confirmed: number;
      isRunning: boolean;
    }[];
    expect(job).toMatchObject({ isRunning: false, state: "sending", path: input });
    expect(job?.confirmed).toBeGreaterThan(20);
    const resumed = await network.client(["publish", "--resume", "--data", data, "--json"], {
      timeout: 120_000,
    });
    expect(resumed).toMatchObject({ code: 0, stderr: "" });
    const result = resumed.events.at(-1);
    const { confirmed, asked } = (result as UmbelEvent).receipt as { confirmed: number; asked: number };
    expect(confirmed).toBe(asked);
    const puts = Number(result?.blocks) + 2;
    expect(Number(result?.copies)).toBeLessThanOrEqual(6 * (puts - Number(job?.confirmed)));
    expect(Buffer.compare(await fetched(result?.reference), bytes)).toBe(0);
    expect(await readdir(join(data, "jobs"))).toEqual([]);
  });

  it("from the encrypted copy of standard input", async () => {
    const data = join(folder.path, "stdin");
    const child = network.startClient(["publish", "-", "--data", data, "--json"], { stdin: bytes });
    await child.waitFor(({ event, blocksDone }) => event === "progress" && Number(blocksDone) > 100);
    process.kill(child.pid, "SIGKILL");
    await child.ended;
    const [job] = (await readdir(join(data, "jobs"))).filter((name) => name.endsWith(".spool"));
    const spool = readFileSync(join(data, "jobs", job as string));
    expect(spool.includes(Buffer.from(bytes.subarray(100, 132)))).toBe(false);
    const resumed = await network.client(["publish", "--resume", "--data", data, "--json"], {
      timeout: 120_000,
    });
    expect(resumed).toMatchObject({ code: 0, stderr: "" });
    expect(Buffer.compare(await fetched(resumed.events.at(-1)?.reference), bytes)).toBe(0);
  });
});
