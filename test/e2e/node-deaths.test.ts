import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fetchAndKill, pathsOf } from "../support/fetch-and-kill.ts";
import { sampleBytes } from "../support/publishing.ts";
import { startTestnet, type Testnet } from "../support/umbel-network.ts";
import { temporaryFolder, type UmbelEvent } from "../support/umbel-process.ts";

const MIB = 1024 * 1024;
const folder = temporaryFolder("deaths");
afterAll(folder.remove);

async function published(network: Testnet, bytes: Uint8Array): Promise<string> {
  const ended = await network.client(["publish", "-", "--json"], { stdin: bytes, timeout: 120_000 });
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  return String(ended.events.at(-1)?.reference);
}

describe("a fetch finishes without help and exits with 0", () => {
  let network: Testnet;
  let reference = "";
  const bytes = sampleBytes(12 * MIB, "deaths");

  beforeAll(async () => {
    network = await startTestnet();
    reference = await published(network, bytes);
  }, 180_000);
  afterAll(() => network?.stop());

  it.each([
    ["a relay in the middle of its circuits", 1],
    ["its guard", 0],
  ] as const)("when %s is killed while bytes arrive", { timeout: 150_000 }, async (_, hop) => {
    const to = join(folder.path, `hop ${hop}`);
    const { killed, doneAtKill, pathsAtKill, end } = await fetchAndKill(network, reference, to, hop);
    expect(end).toMatchObject({ code: 0, stderr: "" });
    expect(doneAtKill).toBeLessThan(bytes.length / 2);
    expect(end.events.at(-1)).toMatchObject({ event: "result", bytes: bytes.length });
    expect(Buffer.compare(readFileSync(to), bytes)).toBe(0);
    const before = pathsAtKill.map((path) => path.join());
    const later = pathsOf(end.events).filter((path) => !before.includes(path.join()));
    expect(later.length).toBeGreaterThan(0);
    expect(later.flat()).not.toContain(killed);
  });
});

describe("a file of 64 MiB", () => {
  let network: Testnet;
  let reference = "";
  const bytes = sampleBytes(64 * MIB, "large");

  beforeAll(async () => {
    network = await startTestnet();
    const input = join(folder.path, "large.bin");
    writeFileSync(input, bytes);
    const ended = await network.client(["publish", input, "--json"], { timeout: 150_000 });
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    const { copies, blocks, ...result } = ended.events.at(-1) as UmbelEvent;
    expect(result).toMatchObject({ event: "result", bytes: bytes.length });
    expect(Number(copies)).toBeGreaterThanOrEqual(3 * Number(blocks));
    reference = String(result.reference);
  }, 200_000);
  afterAll(() => network?.stop());

  it("is fetched whole after its publisher ended and 2 of the 8 nodes were killed", {
    timeout: 150_000,
  }, async () => {
    await network.kill(network.nodes[3]?.id as string);
    await network.kill(network.nodes[6]?.id as string);
    const to = join(folder.path, "large copy");
    const end = await network.client(["fetch", reference, "-o", to, "--json"], { timeout: 150_000 });
    expect(end).toMatchObject({ code: 0, stderr: "" });
    expect(end.events.at(-1)).toMatchObject({ event: "result", bytes: bytes.length });
    expect(Buffer.compare(readFileSync(to), bytes)).toBe(0);
  });
});
