import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BlockId } from "../../src/brand.ts";
import { encodeBase32 } from "../../src/bytes/base32.ts";
import { hpkeSeal } from "../../src/crypto/hpke.ts";
import { LABELS } from "../../src/crypto/labels.ts";
import { nobleProvider } from "../../src/crypto/noble-provider.ts";
import { type Scrypt, sealWithPassphrase } from "../../src/crypto/passphrase.ts";
import { nodeProvider } from "../../src/platform/node-crypto.ts";
import { nodeRandom } from "../../src/platform/node-random.ts";
import { nodeScrypt } from "../../src/platform/node-scrypt.ts";
import { decodeInner, encodeInner } from "../../src/reference/inner.ts";
import type {
  FileReference,
  InnerReference,
  LockedReference,
  SealedReference,
} from "../../src/reference/kinds.ts";
import { lockReference, unlockReference } from "../../src/reference/locked.ts";
import { formatReference, parseReference } from "../../src/reference/reference.ts";
import { sealReference, unsealReference } from "../../src/reference/sealed.ts";
import { counting, exposed, inner } from "./sample-references.ts";

/** As scrypt, without its cost. */
const scrypt: Scrypt = async (passphrase, salt, _, length) => {
  const first = nobleProvider.sha256(passphrase, Uint8Array.of(255), salt);
  return new Uint8Array([...first, ...nobleProvider.sha256(first)]).slice(0, length);
};
const ports = { crypto: nodeProvider, random: nodeRandom, scrypt };
const secret = counting(1);
const recipient = { kind: "recipient", publicKey: nodeProvider.x25519.publicKey(secret) } as const;
const folder: FileReference = {
  kind: "file",
  rootId: encodeBase32(counting(0)) as BlockId,
  readKey: counting(32),
  path: ["a"],
};

describe("a reference inside another", () => {
  it("is frozen by a golden vector", () => {
    const encoded = encodeInner({ kind: "site", siteKey: counting(96), path: ["a b"] });
    const path = [...new TextEncoder().encode("/a%20b")];
    const used = [3, 1, ...counting(96), 0, 6, ...path];
    expect([...encoded]).toEqual([...used, ...new Array(96 - used.length).fill(0)]);
  });

  it("comes back, and fills a whole number of steps", () => {
    fc.assert(
      fc.property(inner, (reference) => {
        const encoded = encodeInner(reference);
        expect(encoded.length % 96).toBe(0);
        expect(exposed(decodeInner(encoded, []))).toEqual(exposed(reference));
      }),
    );
  });

  it("shows neither its kind nor a short path by its length", () => {
    const short: readonly InnerReference[] = [
      folder,
      { kind: "site", siteKey: counting(0), path: [] },
      { kind: "edition", siteKey: counting(0), number: 7, hash: counting(0), path: ["index.html"] },
      { kind: "piece", blockId: folder.rootId, readKey: counting(0), offset: 0, size: 1 },
    ];
    expect(new Set(short.map((reference) => encodeInner(reference).length))).toEqual(new Set([96]));
  });

  it("takes a path up to the last step and none longer", () => {
    // kind 1 | payload 65 | length 2 | "/" and names: 480 in all.
    const fitting = { ...folder, path: ["x".repeat(255), "y".repeat(155)] };
    expect(encodeInner(fitting)).toHaveLength(480);
    expect(() => encodeInner({ ...folder, path: ["x".repeat(255), "y".repeat(156)] })).toThrow(
      expect.objectContaining({ code: "BAD_INPUT" }),
    );
  });

  it("lets a path outside follow the one inside, where one can", () => {
    expect(decodeInner(encodeInner(folder), ["b", "c"])).toEqual({ ...folder, path: ["a", "b", "c"] });
    const verify = { kind: "verify", of: "content", rootId: folder.rootId, verifyKey: counting(0) } as const;
    expect(() => decodeInner(encodeInner(verify), ["b"])).toThrow(
      expect.objectContaining({ code: "BAD_REFERENCE" }),
    );
  });

  const good = (): Uint8Array => encodeInner(folder);
  const changed = (change: (bytes: Uint8Array) => void): Uint8Array => {
    const bytes = good();
    change(bytes);
    return bytes;
  };
  it.each([
    ["of an unknown kind", changed((bytes) => bytes.fill(6, 0, 1))],
    ["of kind 0", changed((bytes) => bytes.fill(0, 0, 1))],
    ["of a newer version", changed((bytes) => bytes.fill(3, 1, 2))],
    ["of version 0", changed((bytes) => bytes.fill(0, 1, 2))],
    ["with padding that is not zero", changed((bytes) => bytes.fill(1, 95))],
    ["with more padding than it needs", new Uint8Array([...good(), ...new Uint8Array(96)])],
    ["with a path beyond its end", changed((bytes) => bytes.fill(255, 66, 68))],
    ["with a path that has no slash", changed((bytes) => bytes.fill(0x61, 68, 69))],
    ["with a path written another way", changed((bytes) => bytes.set([0, 2, 0x2f, 0x2b], 66))],
    ["with bytes above ASCII in its path", changed((bytes) => bytes.fill(0xe4, 69, 70))],
    ["with a path where none can be", changed((bytes) => bytes.set([2, 1, 0], 0))],
    ["that is cut short", good().subarray(0, 40)],
    ["that is empty", new Uint8Array(0)],
  ])("%s is refused", (_, bytes) => {
    expect(() => decodeInner(bytes, [])).toThrow(expect.objectContaining({ code: "BAD_REFERENCE" }));
  });
});

const SITE = { kind: "site", siteKey: counting(96), path: ["a b"] } as const;
/** A source that gives the bytes first, first + 1, ... and shows what was asked of it. */
const countingRandom = (first: number) => ({ bytes: (length: number) => counting(first, length) });

describe("a locked reference", () => {
  it("is frozen by a golden vector, with the real scrypt", async () => {
    const real = { crypto: nodeProvider, random: countingRandom(160), scrypt: nodeScrypt };
    const locked = await lockReference(real, "correct horse", SITE, { logN: 17, r: 8, p: 1 });
    expect(formatReference(locked)).toBe(LOCKED);
    expect(await unlockReference(real, "correct horse", parseReference(LOCKED) as LockedReference)).toEqual(
      SITE,
    );
  });

  it("opens with its passphrase, from its text, and not with another", async () => {
    await fc.assert(
      fc.asyncProperty(inner, fc.string({ minLength: 1 }), async (reference, passphrase) => {
        const text = formatReference(await lockReference(ports, passphrase, reference));
        const locked = parseReference(text) as LockedReference;
        expect(exposed(await unlockReference(ports, passphrase, locked))).toEqual(exposed(reference));
        await expect(unlockReference(ports, `${passphrase}x`, locked)).rejects.toMatchObject({
          code: "CRYPTO_FAILED",
          message: "the passphrase is wrong",
        });
      }),
      { numRuns: 40 },
    );
  });

  it("lets its own path follow", async () => {
    const locked = await lockReference(ports, "p", folder);
    const text = `${formatReference(locked)}/b`;
    expect(await unlockReference(ports, "p", parseReference(text) as LockedReference)).toMatchObject({
      path: ["a", "b"],
    });
  });

  it("that asks for too much work is refused before any is done", async () => {
    const locked = await lockReference(ports, "p", folder);
    locked.box[0] = 30;
    const never: Scrypt = () => Promise.reject(new Error("scrypt was called"));
    await expect(unlockReference({ ...ports, scrypt: never }, "p", locked)).rejects.toMatchObject({
      code: "BAD_REFERENCE",
    });
  });

  it("with something else inside is refused", async () => {
    const box = await sealWithPassphrase(ports, "p", LABELS.lockedReference, new Uint8Array(96));
    await expect(unlockReference(ports, "p", { kind: "locked", box, path: [] })).rejects.toMatchObject({
      code: "BAD_REFERENCE",
    });
  });
});

describe("a sealed reference", () => {
  it("is frozen by a golden vector", () => {
    expect(formatReference(sealReference(nodeProvider, countingRandom(160), recipient, SITE))).toBe(SEALED);
    expect(unsealReference(nodeProvider, secret, parseReference(SEALED) as SealedReference)).toEqual(SITE);
  });

  it("opens for its recipient, from its text, and for nobody else", () => {
    fc.assert(
      fc.property(inner, (reference) => {
        const sealed = sealReference(nodeProvider, nodeRandom, recipient, reference);
        expect(parseReference(formatReference(sealed))).toEqual(sealed);
        expect(exposed(unsealReference(nodeProvider, secret, sealed)!)).toEqual(exposed(reference));
        expect(unsealReference(nodeProvider, counting(2), sealed)).toBeUndefined();
      }),
      { numRuns: 40 },
    );
  });

  it("to a recipient that nobody can be is refused", () => {
    const nobody = { kind: "recipient", publicKey: new Uint8Array(32) } as const;
    expect(() => sealReference(nodeProvider, nodeRandom, nobody, folder)).toThrow(
      expect.objectContaining({ code: "BAD_REFERENCE" }),
    );
  });

  it("with something else inside is refused", () => {
    const box = hpkeSeal(nodeProvider, nodeRandom, {
      recipientPublicKey: recipient.publicKey,
      info: LABELS.sealedReference,
      associated: new Uint8Array(0),
      plaintext: new Uint8Array(96),
    });
    expect(() => unsealReference(nodeProvider, secret, { kind: "sealed", box, path: [] })).toThrow(
      expect.objectContaining({ code: "BAD_REFERENCE" }),
    );
  });
});

/** Passphrase "correct horse", N = 2^17, salt a0 a1 .. af, around SITE. */
const LOCKED =
  "umbel:locked-qygssqdq5x328f9956n632d24wk2mt40e7ac5xt9vjvy45rlspf0kt9uyxs55s6yhralm22dcrgqr6svc4e0rsyh27ssczlcme84v3wkkvm324jryh8lce477hnva930lyzcyfdhx6n79r7q4rh3fvkz54527j2pjwsvav3c4yrcm2qw3qvj92lgznad7zetgxmzsyhcafgmk2q5jlaqlxhj2g";
/** To the secret 01 02 .. 20, ephemeral secret a0 a1 .. bf, around SITE. */
const SEALED =
  "umbel:sealed-q9s95uja9f9dlm43520p0mwky8qmwkf7arxmc39vd39tdchcqhfrez26nkfw08jv2wyq9wxdahquvh42aegrghd6k2ev0zu4sshu8ep88htcmewt4ux5le45efnvx0uplza77ah5mjgyuzsnt6v8sg54jad9ezasm9fscr2dp76unsl2ynjejq07xh26ekq8069typfgv44qv7mmm3k5rsm58aeasnxvsa7u8vllghztv2";
