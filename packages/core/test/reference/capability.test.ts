import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "../../src/bytes/bytes.ts";
import { secretOf } from "../../src/crypto/secret.ts";
import { nodeProvider } from "../../src/platform/node-crypto.ts";
import {
  siteReferenceOf,
  siteSlotIdOf,
  siteVerifyKeyOf,
  verifyKeyOf,
  verifyReferenceOf,
  weakerReferences,
} from "../../src/reference/capability.ts";
import type {
  EditionReference,
  FileReference,
  OwnerReference,
  Reference,
} from "../../src/reference/kinds.ts";
import { formatReference } from "../../src/reference/reference.ts";
import { counting, inner, key, printable } from "./sample-references.ts";

const crypto = nodeProvider;
const seed = counting(7);
const siteKey = crypto.ed25519.publicKey(seed);
const file: FileReference = {
  kind: "file",
  rootId: siteSlotIdOf(crypto, siteKey),
  readKey: counting(32),
  path: ["a"],
};
const edition: EditionReference = { kind: "edition", siteKey, number: 3, hash: counting(9), path: ["a"] };
const owner = (): OwnerReference => ({ kind: "owner", seed: secretOf(seed.slice()) });

describe("weaker references", () => {
  it("of a file are its verify reference, frozen by a vector", () => {
    expect(weakerReferences(crypto, file)).toEqual([
      { kind: "verify", of: "content", rootId: file.rootId, verifyKey: verifyKeyOf(crypto, file.readKey) },
    ]);
    expect(toHex(verifyKeyOf(crypto, file.readKey))).toBe(VERIFY_KEY);
  });

  it("of a site are the verify reference of its slot, frozen by vectors", () => {
    const slotId = siteSlotIdOf(crypto, siteKey);
    const verifyKey = siteVerifyKeyOf(crypto, siteKey);
    const verify = { kind: "verify", of: "site", slotId, verifyKey };
    expect(weakerReferences(crypto, { kind: "site", siteKey, path: ["a"] })).toEqual([verify]);
    expect([slotId, toHex(verifyKey)]).toEqual(SITE);
  });

  it("of an owner and of an edition are the site and its verify reference", () => {
    const [site, verify] = weakerReferences(crypto, owner());
    expect(site).toEqual({ kind: "site", siteKey, path: [] });
    expect(verify).toEqual(verifyReferenceOf(crypto, site!));
    expect(weakerReferences(crypto, edition)).toEqual([{ kind: "site", siteKey, path: ["a"] }, verify]);
  });

  it("are the same through every step between", () => {
    fc.assert(
      fc.property(key, (bytes) => {
        const secret: OwnerReference = { kind: "owner", seed: secretOf(bytes.slice()) };
        const site = siteReferenceOf(crypto, secret);
        const verify = verifyReferenceOf(crypto, site);
        expect(verifyReferenceOf(crypto, secret)).toEqual(verify);
        expect(verifyReferenceOf(crypto, verify)).toBe(verify);
        expect(siteReferenceOf(crypto, site)).toBe(site);
      }),
      { numRuns: 20 },
    );
  });

  it("hold no byte string of what they follow from, and nothing stronger follows from them", () => {
    fc.assert(
      fc.property(key, key, (readKey, bytes) => {
        const secret: OwnerReference = { kind: "owner", seed: secretOf(bytes.slice()) };
        const site = siteReferenceOf(crypto, secret);
        const weak = [verifyReferenceOf(crypto, { ...file, readKey }), verifyReferenceOf(crypto, site)];
        for (const reference of weak) {
          const shown = [reference.verifyKey, Buffer.from(formatReference(reference))].map(toHex).join();
          for (const strong of [readKey, bytes, site.siteKey]) expect(shown).not.toContain(toHex(strong));
          expect(weakerReferences(crypto, reference)).toEqual([]);
          expect(() => siteReferenceOf(crypto, reference)).toThrow(
            expect.objectContaining({ code: "BAD_INPUT" }),
          );
        }
        expect(toHex(site.siteKey)).not.toBe(toHex(bytes));
      }),
      { numRuns: 20 },
    );
  });

  it.each<readonly [string, Reference, RegExp]>([
    ["a piece", { kind: "piece", blockId: file.rootId, readKey: seed, offset: 0, size: 1 }, /its folder/],
    ["a locked one", { kind: "locked", box: seed, path: [] }, /until it is opened/],
    ["a sealed one", { kind: "sealed", box: seed, path: [] }, /until it is opened/],
    ["a recipient", { kind: "recipient", publicKey: seed }, /names somebody/],
  ])("do not follow from %s", (_, reference, words) => {
    expect(weakerReferences(crypto, reference)).toEqual([]);
    expect(() => verifyReferenceOf(crypto, reference)).toThrow(words);
    expect(() => siteReferenceOf(crypto, reference)).toThrow(expect.objectContaining({ code: "BAD_INPUT" }));
  });

  it("of a site whose key is no key are refused as a bad reference", () => {
    const zeros = { kind: "site", siteKey: new Uint8Array(32), path: [] } as const;
    expect(() => verifyReferenceOf(crypto, zeros)).toThrow(
      expect.objectContaining({ code: "BAD_REFERENCE" }),
    );
  });

  it("of any reference are given or refused, never anything else", () => {
    fc.assert(
      fc.property(fc.oneof(inner, printable), (reference) => {
        try {
          for (const weaker of weakerReferences(crypto, reference)) formatReference(weaker);
        } catch (error) {
          expect(error).toMatchObject({ code: "BAD_REFERENCE" });
        }
      }),
    );
  });
});

/** HKDF-Expand of the read key 20 21 .. 3f. */
const VERIFY_KEY = "8ff46c38576c347168335128966ead2c1b2e6106a21e304c61562a80ae5023bd";
/** Slot and verify key of the site whose owner's seed is 07 08 .. 26. */
const SITE: readonly string[] = [
  "suc6gg2vvttmt2lha3h66omappn2k23xysaq3rrcfvc62an6n72a",
  "03e61c556e4c28404ec65525ee3644d01f754d099b8d7917ac12245d36cc507d",
];
