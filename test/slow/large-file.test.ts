import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fetchAndKill } from "../support/fetch-and-kill.ts";
import { sampleBytes } from "../support/publishing.ts";
import { startTestnet, type Testnet } from "../support/umbel-network.ts";
import { temporaryFolder } from "../support/umbel-process.ts";

const MIB = 1024 * 1024;
const folder = temporaryFolder("slow");
const bytes = sampleBytes(256 * MIB, "slow");
let network: Testnet;
let reference = "";

beforeAll(async () => {
  writeFileSync(join(folder.path, "input"), bytes);
  network = await startTestnet({ timeout: 1_200_000 });
  const args = ["publish", join(folder.path, "input"), "--json"];
  const ended = await network.client(args, { timeout: 600_000 });
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  reference = String(ended.events.at(-1)?.reference);
}, 700_000);
afterAll(async () => {
  await network?.stop();
  folder.remove();
});

describe("a file of 256 MiB, with an index level", () => {
  it.each([
    ["its guard", 0],
    ["an endpoint", 2],
  ] as const)("is fetched whole when %s is killed while bytes arrive", async (_, hop) => {
    const to = join(folder.path, `hop ${hop}`);
    const { end } = await fetchAndKill(network, reference, to, hop);
    expect(end).toMatchObject({ code: 0, stderr: "" });
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    expect(end.events.at(-1)).toMatchObject({ event: "result", bytes: bytes.length, sha256 });
  });
});
