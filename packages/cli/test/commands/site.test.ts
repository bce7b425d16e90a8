import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { afterAll, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../../../../test/support/umbel-process.ts";
import { main } from "../../src/main.ts";
import { createTestEngine } from "../support/test-engine.ts";
import { createTestIo } from "../support/test-io.ts";

// What scrypt costs is tested where it is; here it would be a second each time.
vi.mock("@umbel/core/platform/node-scrypt", () => ({
  nodeScrypt: async (passphrase: Uint8Array, salt: Uint8Array, _cost: unknown, length: number) => {
    const first = nodeProvider.sha256(passphrase, salt);
    return new Uint8Array([...first, ...nodeProvider.sha256(first)]).slice(0, length);
  },
}));

const folder = temporaryFolder("site-command");
afterAll(() => folder.remove());
let folders = 0;
const dataFolder = () => join(folder.path, `data ${folders++}`);

/** Runs `umbel site ...` in memory. */
async function site(
  data: string,
  args: readonly string[],
  options: { input?: string; passphrase?: string } = {},
) {
  const env = options.passphrase === undefined ? {} : { UMBEL_PASSPHRASE: options.passphrase };
  const io = createTestIo({ env, ...(options.input === undefined ? {} : { input: options.input }) });
  const code = await main(["site", ...args, "--data", data], io, createTestEngine().engine);
  return { code, out: io.out().trim(), err: io.err(), events: io.events };
}

describe("the key of a site", () => {
  it("lies in the data folder, for its owner only, and is listed without its secret", async () => {
    const data = dataFolder();
    const made = await site(data, ["create", "blog"]);
    expect(made.out).toMatch(/^umbel:site-[0-9a-z]{59}$/);
    expect(made.err).toContain("umbel site backup blog");
    expect(statSync(join(data, "sites", "blog.key")).mode & 0o777).toBe(0o600);
    expect(statSync(join(data, "sites")).mode & 0o777).toBe(0o700);
    expect((await site(data, ["list"])).out).toBe(`blog  ${made.out}`);
    const again = await site(data, ["create", "blog"]);
    expect([again.code, again.err]).toEqual([2, expect.stringContaining('there is a site "blog" already')]);
    expect((await site(data, ["create", "Blog/../x"])).code).toBe(2);
  });

  it("is shown as 24 words when asked for, and comes back from them, or from a file", async () => {
    const [data, other] = [dataFolder(), dataFolder()];
    const made = await site(data, ["create", "blog"]);
    const words = (await site(data, ["backup", "blog"])).out;
    expect(words.split(" ")).toHaveLength(24);
    const restored = await site(other, ["restore", "mine"], { input: `  ${words.toUpperCase()}\n` });
    expect(restored).toMatchObject({ code: 0, out: made.out });
    expect(restored.err).toContain("--adopt");
    expect((await site(other, ["backup", "mine"])).out).toBe(words);
    const file = join(folder.path, "words");
    writeFileSync(file, words);
    expect((await site(other, ["restore", "third", "--from", file])).out).toBe(made.out);
    const wrong = await site(other, ["restore", "fourth"], { input: words.replace(/^\w+/, "abandun") });
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('word 1 ("abandun")')]);
    expect(existsSync(join(other, "sites", "fourth.key"))).toBe(false);
  });

  it("is sealed under a passphrase: listed without it, opened by no other", async () => {
    const data = dataFolder();
    const passphrase = "correct horse battery staple";
    const made = await site(data, ["create", "blog", "--passphrase"], { passphrase });
    expect(made.code).toBe(0);
    expect((await site(data, ["list"])).out).toBe(`blog  ${made.out}  (passphrase)`);
    const words = (await site(data, ["backup", "blog"], { passphrase })).out;
    const wrong = await site(data, ["backup", "blog"], { passphrase: "another" });
    expect([wrong.code, wrong.out, wrong.err]).toEqual([1, "", expect.stringContaining("passphrase")]);
    const plain = dataFolder();
    await site(plain, ["restore", "blog"], { input: words });
    const seed = readFileSync(join(plain, "sites", "blog.key")).subarray(52, 84);
    expect(readFileSync(join(data, "sites", "blog.key")).includes(seed)).toBe(false);
  });

  it("that is damaged is named with its file, and one that is not there by its name", async () => {
    const data = dataFolder();
    await site(data, ["create", "blog"]);
    const file = join(data, "sites", "blog.key");
    chmodSync(file, 0o600);
    writeFileSync(file, readFileSync(file).fill(0, 60, 61));
    const damaged = await site(data, ["backup", "blog"]);
    expect([damaged.code, damaged.err]).toEqual([2, expect.stringContaining(`it is damaged (${file})`)]);
    const absent = await site(data, ["backup", "blag"]);
    expect([absent.code, absent.err]).toEqual([2, expect.stringContaining('there is no site "blag" here')]);
  });
});

describe("wrong use of umbel site", () => {
  it("is one line that says what is wrong, before anything is dialled", async () => {
    const data = dataFolder();
    await site(data, ["create", "blog"]);
    const cases = [
      [["revoke", "blog"], "a revocation cannot be taken back: add --yes"],
      [["watch", "umbel:site-abc", "--every", "often"], '"often" is not a span'],
      [["watch", "umbel:site-abc", "--every", "15d"], "at most 14d"],
      [["successor", "blog"], "required option '--key <site>'"],
      [["publish", "blog", "."], "bootstrap"],
    ] as const;
    for (const [args, message] of cases) {
      const ended = await site(data, args);
      expect([ended.code, ended.err]).toEqual([2, expect.stringContaining(message)]);
      expect(ended.err.trim().split("\n")).toHaveLength(1);
    }
  });
});
