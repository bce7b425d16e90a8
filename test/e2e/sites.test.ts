import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestnet, type Testnet } from "../support/umbel-network.ts";
import { temporaryFolder, type UmbelEnd } from "../support/umbel-process.ts";
import { waitFor } from "../support/wait-for.ts";

let network: Testnet;
const folder = temporaryFolder("sites");
const site = join(folder.path, "site");

beforeAll(async () => {
  network = await startTestnet();
  mkdirSync(join(site, "pages"), { recursive: true });
  for (let page = 0; page < 20; page++)
    writeFileSync(join(site, "pages", `${page}.html`), `page ${page} `.repeat(1_000));
  writeFileSync(join(site, "index.html"), "first");
});
afterAll(async () => {
  await network?.stop();
  folder.remove();
});

/** Runs umbel as somebody with a data folder of his own. */
function as(person: string, args: readonly string[], stdin?: Uint8Array): Promise<UmbelEnd> {
  const data = join(folder.path, `data of ${person}`);
  return network.client([...args, "--data", data], stdin === undefined ? {} : { stdin });
}

/** The "result" event of a command that must go well. */
async function result(person: string, ...args: readonly string[]): Promise<Record<string, unknown>> {
  const ended = await as(person, [...args, "--json"]);
  expect([ended.code, ended.stderr]).toEqual([0, expect.any(String)]);
  return ended.events.find(({ event }) => event === "result") as Record<string, unknown>;
}

async function fetched(person: string, reference: string, ...options: string[]): Promise<string> {
  const ended = await as(person, ["fetch", reference, "-o", "-", "-q", ...options]);
  if (ended.code !== 0) throw new Error(ended.stderr);
  return ended.stdout.toString();
}

describe("the publish of a large site", () => {
  it("that was killed puts again only what was not confirmed", async () => {
    await as("killed", ["site", "create", "large"]);
    const large = join(folder.path, "large");
    writeFileSync(large, randomBytes(40_000_000));
    const data = join(folder.path, "data of killed");
    const list = join(data, "sites", "large.confirmed-local");
    const command = network.startClient(["site", "publish", "large", large, "--json", "--data", data]);
    await waitFor(() => statSync(list, { throwIfNoEntry: false }) !== undefined, { what: "a first saving" });
    command.kill("SIGKILL");
    await command.ended;
    const { puts, placements } = await result("killed", "site", "publish", "large", large);
    expect(puts as number).toBeLessThan((placements as number) - 100);
  });
});

describe("a site", () => {
  let reference = "";
  let first: Record<string, unknown> = {};

  it("is made, published, fetched by a path, changed, and read again by number and by edition", async () => {
    const made = await as("owner", ["site", "create", "blog"]);
    reference = made.stdout.toString().trim();
    expect(reference).toMatch(/^umbel:site-[0-9a-z]+$/);
    expect(statSync(join(folder.path, "data of owner", "sites", "blog.key")).mode & 0o777).toBe(0o600);
    first = await result("owner", "site", "publish", "blog", site, "--title", "one");
    expect(first).toMatchObject({ reference, number: 1, isNew: true, files: 21 });
    expect(await fetched("reader", `${reference}/index.html`)).toBe("first");
    writeFileSync(join(site, "index.html"), "second");
    const second = await result("owner", "site", "publish", "blog", site);
    expect(second).toMatchObject({ number: 2, isNew: true });
    expect(second.puts as number).toBeLessThan(first.puts as number);
    expect(await fetched("reader", `${reference}/index.html`)).toBe("second");
    expect(await fetched("reader", `${reference}/index.html`, "--edition", "1")).toBe("first");
    expect(await fetched("reader", `${first.edition}/index.html`)).toBe("first");
    expect(await result("owner", "site", "publish", "blog", site)).toMatchObject({
      ...{ number: 2, isNew: false, puts: 0 },
    });
  });

  it("is listed with its editions, and keeps nothing in clear of what was read", async () => {
    const { editions } = await result("reader", "site", "history", reference);
    expect((editions as { number: number }[]).map(({ number }) => number)).toEqual([2, 1]);
    const seen = join(folder.path, "data of reader", "sites-seen", "local");
    const names = readdirSync(seen);
    expect(names.filter((name) => name !== "salt")).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)]);
    for (const name of names) expect(readFileSync(join(seen, name), "latin1")).not.toContain("umbel");
  });

  it("is restored from its words by somebody who must adopt what was published", async () => {
    const { words } = await result("owner", "site", "backup", "blog");
    expect((words as string).split(" ")).toHaveLength(24);
    const restored = await as("heir", ["site", "restore", "mine"], Buffer.from(`${words}\n`));
    expect(restored.stdout.toString().trim()).toBe(reference);
    const refused = await as("heir", ["site", "publish", "mine", site]);
    expect(refused.code).toBe(5);
    expect(refused.stderr).toMatch(/newest edition, 2, is not known here.*--adopt/);
    writeFileSync(join(site, "index.html"), "third");
    const third = await result("heir", "site", "publish", "mine", site, "--adopt");
    expect(third).toMatchObject({ number: 3, isNew: true });
    expect((await as("owner", ["site", "publish", "blog", site])).code).toBe(5);
  });

  it("is handed over to the successor that it named, above a revocation", async () => {
    const next = String((await result("vault", "site", "create", "next")).reference);
    await result("vault", "site", "publish", "next", site);
    await result("heir", "site", "successor", "mine", "--key", next);
    const unsure = await as("heir", ["site", "revoke", "mine"]);
    expect(unsure.code).toBe(2);
    await result("heir", "site", "revoke", "mine", "--yes", "--text", "lost");
    const revoked = await as("stranger", ["fetch", `${reference}/index.html`, "-o", "-"]);
    expect(revoked.code).toBe(5);
    expect(revoked.stderr).toMatch(/the owner revoked the site's key \("lost"\)/);
    const taken = await result("vault", "site", "handover", "next", "--of", reference);
    expect(taken).toMatchObject({ reference: next });
    const read = await as("stranger", ["fetch", `${reference}/index.html`, "-o", "-"]);
    expect(read.stdout.toString()).toBe("third");
    expect(read.stderr).toContain(`the site was handed over to ${next}`);
  });
});
