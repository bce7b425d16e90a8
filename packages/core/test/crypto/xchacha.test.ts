import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sharedVectors, vectorsTitle } from "../../../../test/support/shared-vectors.ts";
import { nobleProvider } from "../../src/crypto/noble-provider.ts";
import { xchacha20Poly1305 } from "../../src/crypto/xchacha.ts";
import { nodeProvider } from "../../src/platform/node-crypto.ts";

type Case = Readonly<Record<"key" | "iv" | "aad" | "msg" | "ct" | "tag" | "result", string>>;

/** draft-irtf-cfrg-xchacha-03, appendix A.3.1. */
const PUBLISHED = {
  key: "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
  iv: "404142434445464748494a4b4c4d4e4f5051525354555657",
  aad: "50515253c0c1c2c3c4c5c6c7",
  msg: "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a204966204920636f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73637265656e20776f756c642062652069742e",
  ct: "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13b52e",
  tag: "c0875924c1c7987947deafd8780acf49",
  result: "valid",
} as const;

const vectors = sharedVectors<{ readonly cases: readonly Case[] }>("wycheproof_xchacha20_poly1305");

describe.each([nobleProvider, nodeProvider])("XChaCha20-Poly1305 by $name", (provider) => {
  const aead = xchacha20Poly1305(provider);
  const decides = (test: Case): boolean => {
    const [key, nonce, associated] = [hexToBytes(test.key), hexToBytes(test.iv), hexToBytes(test.aad)];
    const sealed = hexToBytes(test.ct + test.tag);
    if (nonce.length !== 24) return true;
    const opened = aead.open(key, nonce, associated, sealed);
    if (test.result !== "valid") return opened === undefined;
    const again = aead.seal(key, nonce, associated, hexToBytes(test.msg));
    return (
      opened !== undefined && bytesToHex(opened) === test.msg && bytesToHex(again) === test.ct + test.tag
    );
  };

  it("seals and opens the published vector", () => expect(decides(PUBLISHED)).toBe(true));

  it.skipIf(!vectors)(
    `decides every case of ${vectorsTitle("wycheproof_xchacha20_poly1305", vectors)}`,
    () => {
      expect(vectors!.cases.filter((test) => !decides(test))).toEqual([]);
    },
  );

  it("is what noble makes of it, for arrays that begin anywhere in their memory", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 57, maxLength: 300 }), fc.uint8Array(), (all, data) => {
        const [key, nonce, associated] = [all.subarray(1, 33), all.subarray(33, 57), all.subarray(57)];
        const sealed = aead.seal(key, nonce, associated, data);
        expect(sealed).toEqual(xchacha20poly1305(key, nonce, associated).encrypt(data));
      }),
      { numRuns: 50 },
    );
  });

  it("throws a RangeError for a wrong length of key or nonce", () => {
    const n = (length: number) => new Uint8Array(length);
    for (const [key, nonce] of [
      [31, 24],
      [33, 24],
      [32, 12],
      [32, 25],
    ] as const)
      expect(() => aead.seal(n(key), n(nonce), n(0), n(0))).toThrow(RangeError);
  });
});
