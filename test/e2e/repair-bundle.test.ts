import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatReference, parseReference, verifyReferenceOf } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sampleBytes } from "../support/publishing.ts";
import { startTestnet, type Testnet } from "../support/umbel-network.ts";
import { temporaryFolder } from "../support/umbel-process.ts";

const folder = temporaryFolder("carried");
const path = (name: string) => join(folder.path, name);
const bytes = sampleBytes(1_500_000, "carried");
let here: Testnet;
let there: Testnet;
let reference = "";
let verify = "";

beforeAll(async () => {
  writeFileSync(path("input"), bytes);
  here = await startTestnet({ nodes: 6 });
  const ended = await here.client(["publish", path("input"), "--json"]);
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  reference = String(ended.events.at(-1)?.reference);
  verify = formatReference(verifyReferenceOf(nodeProvider, parseReference(reference)));
}, 120_000);
afterAll(async () => {
  await here?.stop();
  await there?.stop();
  folder.remove();
});

describe("whoever has a verify reference", () => {
  it("finds all of it in place, and cannot read it", async () => {
    const checked = await here.client(["repair", verify, "--check", "--json"]);
    expect(checked).toMatchObject({ code: 0, stderr: "" });
    expect(checked.events.at(-1)).toMatchObject({ event: "result", missing: 0, isInPlace: true });
    const fetched = await here.client(["fetch", verify, "-o", path("never")]);
    expect(fetched.code).toBe(2);
  });

  it("carries it into another network, where it is read with the reference", async () => {
    const exported = await here.client(["bundle", "export", verify, "-o", path("a.umbel"), "--json"]);
    expect(exported).toMatchObject({ code: 0, stderr: "" });
    there = await startTestnet({ nodes: 5 });
    const imported = await there.client(["bundle", "import", path("a.umbel"), "--json"]);
    expect(imported).toMatchObject({ code: 0, stderr: "" });
    expect(imported.events.at(-1)).toMatchObject({ event: "result", known: 0 });
    const fetched = await there.client(["fetch", reference, "-o", path("output")]);
    expect(fetched).toMatchObject({ code: 0 });
    expect(Buffer.compare(readFileSync(path("output")), bytes)).toBe(0);
  }, 120_000);

  it("is told at which byte a bundle is damaged, and nothing of it is put", async () => {
    const whole = readFileSync(path("a.umbel"));
    whole[whole.length - 1] = (whole.at(-1) as number) ^ 1;
    writeFileSync(path("damaged.umbel"), whole);
    writeFileSync(path("cut.umbel"), whole.subarray(0, 100_000));
    const damaged = await here.client(["bundle", "import", path("damaged.umbel")]);
    expect(damaged).toMatchObject({ code: 1 });
    expect(damaged.stderr).toContain(`is damaged, at byte ${whole.length - 32_512}`);
    const cut = await here.client(["bundle", "import", path("cut.umbel")]);
    expect(cut).toMatchObject({ code: 1 });
    expect(cut.stderr).toContain("cut short, at byte 100000");
  });
});
