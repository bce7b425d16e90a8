import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BlockId, encodeBase32, formatReference } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { afterAll, describe, expect, it, vi } from "vitest";
import { main } from "../../src/main.ts";
import { unwrapReference } from "../../src/wiring/open-reference.ts";
import { createRecipient } from "../../src/wiring/recipients.ts";
import { createTestEngine, done } from "../support/test-engine.ts";
import { createTestIo } from "../support/test-io.ts";

// What scrypt costs is tested where it is.
vi.mock("@umbel/core/platform/node-scrypt", () => ({
  nodeScrypt: async (passphrase: Uint8Array, salt: Uint8Array, _cost: unknown, length: number) => {
    const first = nodeProvider.sha256(passphrase, salt);
    return new Uint8Array([...first, ...nodeProvider.sha256(first)]).slice(0, length);
  },
}));

const data = mkdtempSync(join(tmpdir(), "umbel-wrapped-"));
afterAll(() => rmSync(data, { recursive: true }));
const file = join(data, "passphrase");
const PASSPHRASE = "correct horse battery staple";
writeFileSync(file, `${PASSPHRASE}\n`);
const key = new Uint8Array(32).fill(5);
const PLAIN = formatReference({
  kind: "file",
  rootId: encodeBase32(key) as BlockId,
  readKey: key,
  path: [],
});

async function run(argv: readonly string[], env: Record<string, string> = {}) {
  const io = createTestIo({ env: { UMBEL_DATA: data, UMBEL_BOOTSTRAP: "ws://127.1.0.1:7470#abc", ...env } });
  const { engine, calls } = createTestEngine({
    publishPath: (_path, options) => done(options, { reference: PLAIN }),
  });
  const exit = await main(argv, io, engine);
  return { exit, out: io.out(), err: io.err(), calls };
}

describe("umbel publish", () => {
  it.each([
    ["--passphrase", ["--passphrase"], { UMBEL_PASSPHRASE: PASSPHRASE }],
    ["--passphrase-file", ["--passphrase-file", file], {}],
  ])("with %s prints a locked reference and no other", async (_, options, env) => {
    for (const json of [[], ["--json"]]) {
      const { exit, out, err } = await run(["publish", "x", ...options, ...json], env);
      expect(exit).toBe(0);
      expect(`${out}${err}`).not.toContain("umbel:file-");
      const [text] = /umbel:locked-[a-z0-9]+/.exec(out) ?? [""];
      if (json.length === 0) expect(out).toBe(`${text}\n`);
      const opened = await unwrapReference(text, { passphrase: async () => PASSPHRASE });
      expect(formatReference(opened)).toBe(PLAIN);
    }
  });

  it("with --to prints a sealed reference and no other", async () => {
    const recipient = await createRecipient(data, "alice");
    for (const to of [recipient, "alice"]) {
      const { exit, out, err } = await run(["publish", "x", "--to", to]);
      expect(exit).toBe(0);
      expect(`${out}${err}`).not.toContain("umbel:file-");
      expect(formatReference(await unwrapReference(out.trimEnd(), { dataDir: data }))).toBe(PLAIN);
    }
  });

  it.each([
    [["publish", "x", "--to", "nobody"], 'no recipient "nobody"'],
    [["publish", "x", "--to", "umbel:recipient-qq"], "mistyped"],
    [["publish", "x", "--passphrase"], "UMBEL_PASSPHRASE"],
    [["publish", "x", "--passphrase-file", file, "--to", "alice"], "choose one"],
    [["publish", "x", "--dry-run", "--to", "alice"], "for the publish itself"],
    [["publish", "--receipt-only", PLAIN, "--passphrase"], "for the publish itself"],
  ])("%j is refused before anything is sent", async (argv, words) => {
    const { exit, err, calls } = await run(argv);
    expect(exit).toBe(2);
    expect(err).toContain(words);
    expect(calls.published).toEqual([]);
  });
});
