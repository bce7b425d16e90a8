import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "../../src/bytes/bytes.ts";
import { nobleProvider } from "../../src/crypto/noble-provider.ts";
import {
  DEFAULT_SCRYPT_COST,
  nobleScrypt,
  openWithPassphrase,
  PASSPHRASE_BOX_EXTRA_BYTES,
  passphraseCost,
  type Scrypt,
  sealWithPassphrase,
} from "../../src/crypto/passphrase.ts";
import { MAX_PASSPHRASE_BYTES, MAX_SCRYPT_LOG_N, MAX_SCRYPT_P, MIN_SCRYPT_LOG_N } from "../../src/limits.ts";
import { nodeProvider } from "../../src/platform/node-crypto.ts";
import { nodeRandom } from "../../src/platform/node-random.ts";
import { nodeScrypt } from "../../src/platform/node-scrypt.ts";

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
const use = ascii("umbel1 test\0");

/** As scrypt, for tests in which the cost is not what is looked at: fast, and all inputs count. */
const cheapScrypt: Scrypt = async (passphrase, salt, cost, length) => {
  const parts = [passphrase, Uint8Array.of(255), salt, Uint8Array.of(cost.logN, cost.r, cost.p)];
  const first = nobleProvider.sha256(...parts);
  return new Uint8Array([...first, ...nobleProvider.sha256(first)]).slice(0, length);
};
const ports = { crypto: nobleProvider, random: nodeRandom, scrypt: cheapScrypt };

describe.each([
  ["noble", nobleScrypt],
  ["node:crypto", nodeScrypt],
] as const)("scrypt by %s", (_, scrypt) => {
  // RFC 7914, section 12.
  it.each([
    ["", "", 4, 1, 1, "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"],
    ["password", "NaCl", 10, 8, 16, "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"],
    [
      "pleaseletmein",
      "SodiumChloride",
      14,
      8,
      1,
      "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2",
    ],
  ])("is that of RFC 7914 for %j", async (passphrase, salt, logN, r, p, expected) => {
    const key = await scrypt(ascii(passphrase), ascii(salt), { logN, r, p }, 64);
    expect(toHex(key.subarray(0, 32))).toBe(expected);
    expect(key).toHaveLength(64);
  });
});

describe("a box under a passphrase", () => {
  it("opens with its passphrase at the default cost", async () => {
    const node = { crypto: nodeProvider, random: nodeRandom, scrypt: nodeScrypt };
    const box = await sealWithPassphrase(node, "correct horse", use, ascii("text"));
    expect(passphraseCost(box)).toEqual(DEFAULT_SCRYPT_COST);
    expect(await openWithPassphrase(node, "correct horse", use, box)).toEqual(ascii("text"));
  });

  it("gives back what was sealed, of any length, under any passphrase", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }),
        fc.uint8Array({ maxLength: 200 }),
        async (passphrase, plaintext) => {
          const box = await sealWithPassphrase(ports, passphrase, use, plaintext);
          expect(box).toHaveLength(plaintext.length + PASSPHRASE_BOX_EXTRA_BYTES);
          expect(await openWithPassphrase(ports, passphrase, use, box)).toEqual(plaintext);
          expect(await openWithPassphrase(ports, `${passphrase}.`, use, box)).toBeUndefined();
        },
      ),
      { numRuns: 50 },
    );
  });

  it("is the same for a passphrase that another keyboard writes with other code points", async () => {
    const box = await sealWithPassphrase(ports, "caf\u00e9", use, ascii("x"));
    expect(await openWithPassphrase(ports, "cafe\u0301", use, box)).toEqual(ascii("x"));
  });

  it("does not open for another use, or with any byte changed", async () => {
    const box = await sealWithPassphrase(ports, "p", use, ascii("x"));
    expect(await openWithPassphrase(ports, "p", ascii("umbel1 other\0"), box)).toBeUndefined();
    for (let at = 3; at < box.length; at++) {
      const changed = box.slice();
      changed[at]! ^= 0x80;
      expect(await openWithPassphrase(ports, "p", use, changed)).toBeUndefined();
    }
    const dearer = box.slice();
    dearer[0]! -= 1;
    expect(await openWithPassphrase(ports, "p", use, dearer)).toBeUndefined();
  });

  it.each([
    [MIN_SCRYPT_LOG_N - 1, 8, 1],
    [MAX_SCRYPT_LOG_N + 1, 8, 1],
    [29, 8, 1],
    [255, 255, 255],
    [18, 7, 1],
    [18, 9, 1],
    [18, 8, 0],
    [18, 8, MAX_SCRYPT_P + 1],
  ])("that asks for logN %i, r %i, p %i is refused before any work is done", async (logN, r, p) => {
    const scrypt: Scrypt = () => Promise.reject(new Error("scrypt was called"));
    const box = await sealWithPassphrase(ports, "p", use, ascii("x"));
    box.set([logN, r, p]);
    await expect(openWithPassphrase({ ...ports, scrypt }, "p", use, box)).rejects.toMatchObject({
      code: "BAD_ENCODING",
    });
    await expect(sealWithPassphrase(ports, "p", use, box, { logN, r, p })).rejects.toMatchObject({
      code: "BAD_ENCODING",
    });
  });

  it.each([
    [MIN_SCRYPT_LOG_N, 1],
    [MAX_SCRYPT_LOG_N, MAX_SCRYPT_P],
  ])("may ask for logN %i, p %i", async (logN, p) => {
    const cost = { logN, r: 8, p };
    const box = await sealWithPassphrase(ports, "p", use, ascii("x"), cost);
    expect(passphraseCost(box)).toEqual(cost);
    expect(await openWithPassphrase(ports, "p", use, box)).toEqual(ascii("x"));
  });

  it("that is cut short is refused", () => {
    for (const length of [0, 1, 3, 18, 34]) {
      expect(() => passphraseCost(Uint8Array.from({ length }, (_, at) => [18, 8, 1][at] ?? 0))).toThrow(
        expect.objectContaining({ code: "BAD_ENCODING" }),
      );
    }
  });

  it("takes no empty passphrase, and none above the cap", async () => {
    const seal = (passphrase: string) => sealWithPassphrase(ports, passphrase, use, ascii("x"));
    await expect(seal("")).rejects.toMatchObject({ code: "BAD_INPUT" });
    await expect(seal("x".repeat(MAX_PASSPHRASE_BYTES + 1))).rejects.toMatchObject({ code: "BAD_INPUT" });
    await expect(seal("x".repeat(MAX_PASSPHRASE_BYTES))).resolves.toBeInstanceOf(Uint8Array);
  });

  it("has a salt of its own each time", async () => {
    const [one, other] = [
      await sealWithPassphrase(ports, "p", use, ascii("x")),
      await sealWithPassphrase(ports, "p", use, ascii("x")),
    ];
    expect(one).not.toEqual(other);
  });
});
