import { ED25519_TORSION_SUBGROUP, ed25519 } from "@noble/curves/ed25519.js";
import { bytesToHex, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import type { CryptoProvider } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { forgeEd25519, fromLittleEndian, littleEndian } from "../support/forge-ed25519.ts";
import { CRYPTO_VECTORS } from "../vectors/crypto.ts";
import { EDGE_CASES } from "../vectors/ed25519-edge-cases.ts";

const ORDER = ed25519.Point.Fn.ORDER;
const MESSAGE = utf8ToBytes("the rule");
const forge = (ofKey: number, ofR: number | "match") =>
  forgeEd25519(0x1234567890abcdef1234567890abcdefn, ofKey, ofR, MESSAGE);

/** The signature rule of docs/spec/01-identity.md, each half of it alone. */
export function describeEd25519Rule(provider: CryptoProvider): void {
  const { verify } = provider.ed25519;

  describe("the Ed25519 rule", () => {
    it("signs and verifies as published, and no other message, key or signature", () => {
      const vector = CRYPTO_VECTORS.ed25519;
      const [seed, message] = [hexToBytes(vector.seed), hexToBytes(vector.message)];
      const publicKey = provider.ed25519.publicKey(seed);
      const signature = provider.ed25519.sign(seed, message);
      expect(bytesToHex(publicKey)).toBe(vector.publicKey);
      expect(bytesToHex(signature)).toBe(vector.signature);
      expect(verify(publicKey, message, signature)).toBe(true);
      expect(verify(publicKey, utf8ToBytes("s"), signature)).toBe(false);
      for (let at = 0; at < 64; at += 3) {
        const altered = signature.slice();
        altered[at]! ^= 4;
        expect(verify(publicKey, message, altered)).toBe(false);
      }
      expect(verify(provider.ed25519.publicKey(seed.slice().reverse()), message, signature)).toBe(false);
    });

    it.each(EDGE_CASES)("refuses edge case $about ($refusedFor)", ({ message, publicKey, signature }) => {
      expect(verify(hexToBytes(publicKey), hexToBytes(message), hexToBytes(signature))).toBe(false);
    });

    it("accepts a signature made by hand over a sound key, so that the refusals below mean something", () => {
      const { publicKey, signature } = forge(0, 0);
      expect(verify(publicKey, MESSAGE, signature)).toBe(true);
    });

    it.each([1, 2, 3, 4, 5, 6, 7])(
      "refuses a key with torsion part %i for which the equation holds",
      (part) => {
        const { publicKey, signature, cofactorless } = forge(part, "match");
        expect(cofactorless).toBe(true);
        expect(verify(publicKey, MESSAGE, signature)).toBe(false);
      },
    );

    it.each([1, 2, 3, 4, 5, 6, 7])(
      "refuses an R with torsion part %i, which eight-fold equations hide",
      (part) => {
        const { publicKey, signature } = forge(0, part);
        expect(ed25519.verify(signature, MESSAGE, publicKey, { zip215: true })).toBe(true);
        expect(verify(publicKey, MESSAGE, signature)).toBe(false);
      },
    );

    it("refuses every small-order key, and every second encoding of one", () => {
      const secondEncodings = [
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
      ];
      const identity = hexToBytes(`01${"00".repeat(31)}`);
      const nothing = new Uint8Array(64);
      nothing.set(identity);
      for (const key of [...ED25519_TORSION_SUBGROUP, ...secondEncodings])
        expect(verify(hexToBytes(key), MESSAGE, nothing)).toBe(false);
    });

    it("refuses S + L, also where a sound signature had S", () => {
      const { publicKey, signature } = forge(0, 0);
      const s = fromLittleEndian(signature.subarray(32)) + ORDER;
      expect(
        verify(publicKey, MESSAGE, Uint8Array.from([...signature.subarray(0, 32), ...littleEndian(s)])),
      ).toBe(false);
    });

    it("refuses keys that are no point of the curve, without throwing", () => {
      const { signature } = forge(0, 0);
      for (const first of [2, 5, 7, 8, 12, 13]) {
        const notOnCurve = new Uint8Array(32).fill(first, 0, 1);
        expect(verify(notOnCurve, MESSAGE, signature)).toBe(false);
      }
    });
  });
}
