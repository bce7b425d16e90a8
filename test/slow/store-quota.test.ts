import { createHash } from "node:crypto";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sampleBytes } from "../support/publishing.ts";
import { clientsOf, freePort, type NodeProcess, startNode, type Testnet } from "../support/umbel-network.ts";
import { temporaryFolder } from "../support/umbel-process.ts";

const MIB = 2 ** 20;
const NODES = 6;
const QUOTA_MIB = 64;
const TIMEOUT_MS = 600_000;

const folder = temporaryFolder("quota");
const path = (name: string) => join(folder.path, name);
const nodes: NodeProcess[] = [];
let clients: Pick<Testnet, "client">;

beforeAll(async () => {
  const port = await freePort();
  for (let number = 1; number <= NODES; number++) {
    const bootstrap = nodes.slice(0, 3).map(({ address }) => address);
    nodes.push(
      await startNode(`ws://127.${number}.0.1:${port}`, path(`n${number}`), {
        bootstrap,
        args: ["--store-size", `${QUOTA_MIB}M`],
      }),
    );
  }
  clients = clientsOf(nodes.slice(0, 3).map(({ address }) => address));
}, 120_000);
afterAll(async () => {
  await Promise.all(nodes.map(({ process }) => process.stop()));
  folder.remove();
});

describe("stores of 64 MiB under more than they can take", () => {
  it("stay within their quota, say no, and lose nothing that they acknowledged", async () => {
    const first = sampleBytes(20 * MIB, "first");
    writeFileSync(path("first"), first);
    const kept = await clients.client(["publish", path("first"), "--json"], { timeout: TIMEOUT_MS });
    expect(kept).toMatchObject({ code: 0 });
    const reference = String(kept.events.at(-1)?.reference);

    const outcomes: (number | null)[] = [];
    for (let round = 0; round < 3; round++) {
      writeFileSync(path("more"), sampleBytes(64 * MIB, `more ${round}`));
      const more = await clients.client(["publish", path("more"), "--json"], { timeout: TIMEOUT_MS });
      outcomes.push(more.code);
      for (let number = 1; number <= NODES; number++) {
        expect(storedMib(path(`n${number}`))).toBeLessThanOrEqual(QUOTA_MIB);
      }
      for (let number = 0; number < 2; number++) {
        const read = await clients.client(
          ["fetch", reference, "-o", path(`read ${round} ${number}`), "--json"],
          {
            timeout: TIMEOUT_MS,
          },
        );
        const sha256 = createHash("sha256").update(first).digest("hex");
        expect(read.events.at(-1)).toMatchObject({ event: "result", sha256 });
      }
    }
    expect(outcomes.some((code) => code === 1)).toBe(true);
    const sizes = nodes.map((_, at) => storedMib(path(`n${at + 1}`)).toFixed(1));
    console.log(
      `publishes of 64 MiB ended with ${outcomes.join(", ")}; stores hold ${sizes.join(", ")} MiB of ${QUOTA_MIB}`,
    );
  });
});

/** MiB that the block stores in a data folder take on the disk. */
function storedMib(dataFolder: string): number {
  const files = readdirSync(dataFolder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith("data.mdb"),
  );
  expect(files.length).toBeGreaterThan(0);
  return files.reduce((sum, name) => sum + statSync(join(dataFolder, name)).blocks * 512, 0) / MIB;
}
