import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type BlockId,
  encodeBase32,
  formatReference,
  parseReference,
  revealOwnerReference,
  secretOf,
} from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { afterAll, describe, expect, it, vi } from "vitest";
import { unwrapReference } from "../../src/wiring/open-reference.ts";
import { createRecipient, recipientNamed } from "../../src/wiring/recipients.ts";
import { wrapReference } from "../../src/wiring/references.ts";

// What scrypt costs is tested where it is.
vi.mock("@umbel/core/platform/node-scrypt", () => ({
  nodeScrypt: async (passphrase: Uint8Array, salt: Uint8Array, _cost: unknown, length: number) => {
    const first = nodeProvider.sha256(passphrase, salt);
    return new Uint8Array([...first, ...nodeProvider.sha256(first)]).slice(0, length);
  },
}));

const dataDir = mkdtempSync(join(tmpdir(), "umbel-open-"));
afterAll(() => rmSync(dataDir, { recursive: true }));

const key = new Uint8Array(32).fill(7);
const rootId = encodeBase32(key) as BlockId;
const FILE = formatReference({ kind: "file", rootId, readKey: key, path: ["a"] });
const passphrase = "correct horse battery staple";
const locked = (text: string) => wrapReference(text, { kind: "passphrase", passphrase });
const never = () => Promise.reject(new Error("a passphrase was asked for"));

describe("what a person gives to fetch", () => {
  it("is opened where it is locked, and a passphrase is asked for only then", async () => {
    const text = await locked(FILE);
    expect(await unwrapReference(`${text}/b`, { passphrase: async () => passphrase })).toMatchObject({
      kind: "file",
      rootId,
      path: ["a", "b"],
    });
    expect(await unwrapReference(FILE, { dataDir, passphrase: never })).toEqual(parseReference(FILE));
    await expect(unwrapReference(text, { passphrase: async () => "wrong" })).rejects.toMatchObject({
      code: "CRYPTO_FAILED",
    });
    await expect(unwrapReference(text, {})).rejects.toMatchObject({ code: "BAD_INPUT" });
  });

  it("is opened where it is sealed to a recipient of the data folder", async () => {
    await createRecipient(dataDir, "alice");
    await createRecipient(dataDir, "bob");
    const recipient = await recipientNamed(dataDir, "bob");
    const text = await wrapReference(FILE, { kind: "recipient", recipient });
    expect(await unwrapReference(text, { dataDir, passphrase: never })).toEqual(parseReference(FILE));
    const elsewhere = join(dataDir, "none");
    await expect(unwrapReference(text, { dataDir: elsewhere })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(unwrapReference(text, {})).rejects.toMatchObject({ code: "BAD_INPUT" });
  });

  it("cannot be read when it is, or holds, something else", async () => {
    const verify = formatReference({ kind: "verify", of: "content", rootId, verifyKey: key });
    const owner = revealOwnerReference({ kind: "owner", seed: secretOf(key.slice()) });
    const recipient = formatReference(await recipientNamed(dataDir, "alice"));
    for (const text of [verify, owner, recipient, await locked(verify), await locked(owner)]) {
      await expect(unwrapReference(text, { passphrase: async () => passphrase })).rejects.toMatchObject({
        code: "BAD_INPUT",
      });
    }
  });
});
