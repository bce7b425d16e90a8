import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type BlockId,
  encodeBase32,
  formatReference,
  parseReference,
  revealOwnerReference,
  secretOf,
  verifyReferenceOf,
} from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { afterAll, describe, expect, it, vi } from "vitest";
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

const data = mkdtempSync(join(tmpdir(), "umbel-ref-"));
const other = mkdtempSync(join(tmpdir(), "umbel-ref-other-"));
afterAll(() => {
  for (const folder of [data, other]) rmSync(folder, { recursive: true });
});

const PASSPHRASE = "correct horse battery staple";
const bytes = (first: number) => Uint8Array.from({ length: 32 }, (_, at) => first + at);
const id = encodeBase32(bytes(0)) as BlockId;
const site = nodeProvider.ed25519.publicKey(bytes(9));
const FILE = formatReference({ kind: "file", rootId: id, readKey: bytes(32), path: [] });
const SITE = formatReference({ kind: "site", siteKey: site, path: [] });
const EDITION = formatReference({ kind: "edition", siteKey: site, number: 7, hash: bytes(1), path: [] });
const PIECE = formatReference({ kind: "piece", blockId: id, readKey: bytes(1), offset: 0, size: 9 });
const OWNER = revealOwnerReference({ kind: "owner", seed: secretOf(bytes(9)) });
const VERIFY = formatReference(verifyReferenceOf(nodeProvider, parseReference(FILE)));
const SITE_VERIFY = formatReference(verifyReferenceOf(nodeProvider, parseReference(SITE)));

async function run(argv: readonly string[], env: Record<string, string> = {}) {
  const io = createTestIo({ env: { UMBEL_DATA: data, ...env } });
  const exit = await main(argv, io, createTestEngine().engine);
  return { exit, out: io.out(), err: io.err(), events: io.events };
}

async function printed(argv: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { exit, out, err } = await run(argv, env);
  expect([exit, err]).toEqual([0, ""]);
  return out.trimEnd();
}

describe("umbel ref show", () => {
  const cases = [
    ["a file", FILE, "exactly as it was published"],
    ["a path", `${FILE}/sub/x`, "a path is no attenuation"],
    ["a piece", PIECE, "shares a block with others"],
    ["a verify reference", VERIFY, "check and repair one file or folder without reading it"],
    ["a site's verify reference", SITE_VERIFY, "every edition of a site without reading it"],
    ["a site", SITE, "whatever its owner publishes under it"],
    ["an edition", EDITION, "edition 7 of a site"],
    ["an owner's secret", OWNER, "never give it to anybody"],
  ] as const;

  it.each(cases)("says in words what %s is, without the network", async (_, reference, words) => {
    const out = await printed(["ref", "show", reference]);
    expect(out).toContain(words);
    expect(out).toMatch(/^It lets one:$/m);
    expect(out).toMatch(/^Who learns what:$/m);
    expect(out).toMatch(/^What it does not do:$/m);
    expect(out).not.toContain(reference.slice(0, 40));
  });

  it.each(cases)("says the same of %s as JSON", async (_, reference, words) => {
    const { events } = await run(["ref", "show", reference, "--json", "--weaker"]);
    const [result] = events();
    expect(events()).toHaveLength(1);
    expect(result).toMatchObject({ event: "result", kind: expect.any(String), allows: expect.any(Array) });
    expect(JSON.stringify(result)).toContain(words);
    expect(JSON.stringify(result)).not.toContain("[secret]");
  });

  it("prints what follows when asked", async () => {
    expect(await printed(["ref", "show", FILE, "--weaker"])).toContain(`\n  ${VERIFY}`);
    expect(await printed(["ref", "show", OWNER, "--weaker"])).toContain(`\n  ${SITE}\n  ${SITE_VERIFY}`);
    expect(await printed(["ref", "show", VERIFY, "--weaker"])).toContain("Nothing weaker follows");
  });

  it("points at a mistyped character", async () => {
    const wrong = `${FILE.slice(0, 20)}${FILE[20] === "q" ? "p" : "q"}${FILE.slice(21)}`;
    const { exit, err } = await run(["ref", "show", wrong]);
    expect(exit).toBe(2);
    expect(err).toContain("character 21");
    expect(err).toContain(`\n  ${wrong}\n  ${" ".repeat(20)}^\n`);
  });
});

describe("weaker references", () => {
  it("are printed alone", async () => {
    expect(await printed(["ref", "verify", FILE])).toBe(VERIFY);
    expect(await printed(["ref", "verify", SITE])).toBe(SITE_VERIFY);
    expect(await printed(["ref", "verify", EDITION])).toBe(SITE_VERIFY);
    expect(await printed(["ref", "verify", OWNER])).toBe(SITE_VERIFY);
    expect(await printed(["ref", "site", OWNER])).toBe(SITE);
    expect(await printed(["ref", "site", EDITION])).toBe(SITE);
  });

  it.each([
    ["verify", PIECE, "the verify reference of its folder covers it"],
    ["site", FILE, "does not name a site"],
    ["site", VERIFY, "does not name a site"],
    ["open", FILE, "neither locked nor sealed"],
  ])("ref %s of %s is refused with the reason", async (command, reference, words) => {
    const { exit, out, err } = await run(["ref", command, reference]);
    expect([exit, out]).toEqual([2, ""]);
    expect(err).toContain(words);
  });
});

describe("umbel ref file", () => {
  const client = ["--bootstrap", "ws://127.1.0.1:7470#abc"];

  it("asks the network for a reference of its own, and prints it alone", async () => {
    const asked: unknown[] = [];
    const { engine } = createTestEngine({
      ownReference: async (text, { bootstrap }) => {
        asked.push([text, bootstrap]);
        return PIECE;
      },
    });
    const io = createTestIo({ env: { UMBEL_DATA: data } });
    expect(await main(["ref", "file", `${FILE}/a`, ...client], io, engine)).toBe(0);
    expect([io.out(), io.err()]).toEqual([`${PIECE}\n`, ""]);
    expect(asked).toEqual([[`${FILE}/a`, ["ws://127.1.0.1:7470#abc"]]]);
  });

  it("needs to know where the network is", async () => {
    const { exit, err } = await run(["ref", "file", `${FILE}/a`]);
    expect(exit).toBe(2);
    expect(err).toContain("no bootstrap address");
  });
});

describe("a locked reference", () => {
  const env = { UMBEL_PASSPHRASE: PASSPHRASE };

  it("opens with its passphrase alone", async () => {
    const locked = await printed(["ref", "lock", `${FILE}/a%20b`], env);
    expect(locked).toMatch(/^umbel:locked-[a-z0-9]+$/);
    expect(await printed(["ref", "show", locked])).toContain("locked with a passphrase");
    expect(await printed(["ref", "open", `${locked}/c`], env)).toBe(`${FILE}/a%20b/c`);
    const wrong = await run(["ref", "open", locked], { UMBEL_PASSPHRASE: "wrong" });
    expect(wrong).toMatchObject({ exit: 1, out: "", err: "umbel: the passphrase is wrong\n" });
    const none = await run(["ref", "open", locked]);
    expect(none.exit).toBe(2);
    expect(none.err).toContain("UMBEL_PASSPHRASE");
  });

  it("is not locked twice, and nobody is asked for a passphrase before that is said", async () => {
    const locked = await printed(["ref", "lock", SITE], env);
    const twice = await run(["ref", "lock", locked]);
    expect(twice.err).toBe("umbel: a locked reference cannot be locked or sealed\n");
    const box = await printed(["ref", "verify", locked], env);
    expect(box).toBe(SITE_VERIFY);
  });

  it("warns of a passphrase that is short, and never takes one as an argument", async () => {
    const file = join(data, "passphrase");
    writeFileSync(file, "short\n");
    const { exit, err } = await run(["ref", "lock", SITE, "--passphrase-file", file]);
    expect(exit).toBe(0);
    expect(err).toContain("can be guessed");
    expect((await run(["ref", "lock", SITE, "--passphrase", "x"])).exit).toBe(2);
  });

  it("with an owner's secret inside does not print it", async () => {
    const locked = await printed(["ref", "lock", OWNER], env);
    const { exit, out, err } = await run(["ref", "open", locked], env);
    expect([exit, out]).toEqual([2, ""]);
    expect(err).toContain("not printed");
    expect(await printed(["ref", "site", locked], env)).toBe(SITE);
  });
});

describe("recipients", () => {
  it("are made once, listed, and open what is sealed to them, here alone", async () => {
    const alice = (await run(["recipient", "create", "alice"])).out.trimEnd();
    expect(alice).toMatch(/^umbel:recipient-/);
    expect(statSync(join(data, "recipient-alice.key")).mode & 0o777).toBe(0o600);
    await run(["recipient", "create", "bob"]);
    expect(await printed(["recipient", "show", "alice"])).toBe(alice);
    expect(await printed(["recipient", "list"])).toMatch(new RegExp(`^alice {2}${alice}\nbob {2}umbel:`));

    const sealed = await printed(["ref", "seal", FILE, "--to", alice], { UMBEL_DATA: other });
    expect(sealed).toMatch(/^umbel:sealed-[a-z0-9]+$/);
    expect(await printed(["ref", "open", sealed])).toBe(FILE);
    expect(await printed(["ref", "verify", sealed])).toBe(VERIFY);
    expect(await printed(["ref", "show", sealed, "--open"])).toContain("exactly as it was published");
    const elsewhere = await run(["ref", "open", sealed], { UMBEL_DATA: other });
    expect(elsewhere.exit).toBe(3);
    expect(elsewhere.err).toContain("key is not in this data folder");

    const byName = await printed(["ref", "seal", SITE, "--to", "bob"]);
    expect(await printed(["ref", "open", byName])).toBe(SITE);
    const again = await run(["recipient", "create", "alice"]);
    expect(again.exit).toBe(2);
    expect(again.err).toContain('there is a recipient "alice" already');
    expect(await printed(["recipient", "show", "alice"])).toBe(alice);
  });

  it.each([
    [["recipient", "create", "../x"], "cannot name a recipient"],
    [["recipient", "create", "Alice"], "cannot name a recipient"],
    [["recipient", "show", "carol"], 'no recipient "carol"'],
    [["ref", "seal", FILE, "--to", "carol"], 'no recipient "carol"'],
    [["ref", "seal", FILE, "--to", FILE], "a file reference is no recipient"],
    [["ref", "seal", FILE], "--to"],
  ])("%j is wrong use", async (argv, words) => {
    const { exit, err } = await run(argv);
    expect(exit).toBe(2);
    expect(err).toContain(words);
  });

  it("whose file is damaged are named, and where it is", async () => {
    writeFileSync(join(other, "recipient-eve.key"), "not a key");
    const { exit, err } = await run(["recipient", "list"], { UMBEL_DATA: other });
    expect(exit).toBe(2);
    expect(err).toContain("recipient-eve.key");
  });
});
