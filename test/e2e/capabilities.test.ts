import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sampleBytes } from "../support/publishing.ts";
import { startTestnet, type Testnet } from "../support/umbel-network.ts";
import { temporaryFolder, type UmbelEnd, type UmbelOptions } from "../support/umbel-process.ts";

const PASSPHRASE = "correct horse battery staple";
const small = sampleBytes(3_000, "small");
const large = sampleBytes(50_000, "large");
const own = temporaryFolder("recipient");
const site = temporaryFolder("site");
let network: Testnet;
let folder = "";

beforeAll(async () => {
  network = await startTestnet();
  mkdirSync(join(site.path, "a"));
  writeFileSync(join(site.path, "a", "small.bin"), small);
  writeFileSync(join(site.path, "a", "other.bin"), sampleBytes(2_000, "other"));
  writeFileSync(join(site.path, "large.bin"), large);
  writeFileSync(join(site.path, "tiny.txt"), "tiny");
  folder = await printed(["publish", site.path]);
});
afterAll(async () => {
  await network?.stop();
  own.remove();
  site.remove();
});

async function printed(args: readonly string[], options?: UmbelOptions): Promise<string> {
  const ended = await network.client(args, options);
  expect(ended.code, ended.stderr).toBe(0);
  return ended.stdout.toString().trim();
}

const fetched = (reference: string, options?: UmbelOptions): Promise<UmbelEnd> =>
  network.client(["fetch", reference, "-o", "-"], options);

async function gives(reference: string, bytes: Uint8Array, options?: UmbelOptions): Promise<void> {
  const ended = await fetched(reference, options);
  expect(ended.code, ended.stderr).toBe(0);
  expect(Buffer.compare(ended.stdout, bytes)).toBe(0);
}

describe("a publish under a passphrase", { timeout: 120_000 }, () => {
  it("is fetched with the passphrase and not without", async () => {
    const env = { UMBEL_PASSPHRASE: PASSPHRASE };
    const locked = await printed(["publish", "-", "--passphrase"], { stdin: small, env });
    expect(locked).toMatch(/^umbel:locked-/);
    await gives(locked, small, { env });
    const wrong = await fetched(locked, { env: { UMBEL_PASSPHRASE: "wrong" } });
    expect(wrong).toMatchObject({ code: 1, stderr: "umbel: the passphrase is wrong\n" });
  });
});

describe("a publish to a recipient", { timeout: 120_000 }, () => {
  it("is fetched from the recipient's data folder and from no other", async () => {
    const env = { UMBEL_DATA: own.path };
    const recipient = await printed(["recipient", "create", "alice"], { env });
    const sealed = await printed(["publish", "-", "--to", recipient], { stdin: small });
    expect(sealed).toMatch(/^umbel:sealed-/);
    await gives(sealed, small, { env });
    expect((await fetched(sealed)).code).toBe(3);
  });
});

describe("a reference of its own for a part of a folder", { timeout: 120_000 }, () => {
  it.each([
    ["a/small.bin", () => small],
    ["large.bin", () => large],
  ])("opens %s without the folder", async (path, bytes) => {
    const part = await printed(["ref", "file", `${folder}/${path}`]);
    expect(part).toMatch(/^umbel:file-[a-z0-9]+$/);
    expect(part).not.toContain(folder.slice(0, 60));
    await gives(part, bytes());
  });

  it("does not exist for what stands in the table, for a folder, and for what is not there", async () => {
    const refused = async (path: string) => {
      const { code, stderr } = await network.client(["ref", "file", `${folder}/${path}`]);
      return [code, stderr];
    };
    expect(await refused("tiny.txt")).toEqual([2, expect.stringContaining("so small")]);
    expect(await refused("a")).toEqual([2, expect.stringContaining("is a folder inside")]);
    expect(await refused("none")).toEqual([3, expect.stringContaining('holds no "none"')]);
  });
});

describe("a verify reference", { timeout: 60_000 }, () => {
  it("follows from the folder and does not read it", async () => {
    const verify = await printed(["ref", "verify", folder]);
    expect(verify).toMatch(/^umbel:verify-/);
    const ended = await fetched(verify);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain("can check and repair, not read");
  });
});
