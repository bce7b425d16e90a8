import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { buildKernel, kernelModulePath } from "../../../../../scripts/build-kernel.mjs";
import { naiveNh, naivePoly1305 } from "../../../../../test/support/naive/adiantum.ts";
import { sharedVectors, vectorsTitle } from "../../../../../test/support/shared-vectors.ts";
import { compileKernel, openKernel } from "../../../src/crypto/kernel/kernel.ts";
import { openParts } from "./kernel-parts.ts";

interface HashFile {
  readonly vectors: readonly { readonly key: string; readonly message: string; readonly hash: string }[];
}
interface StreamFile {
  readonly vectors: readonly {
    readonly key: string;
    readonly nonce: string;
    readonly tests: readonly { readonly offset: number; readonly keystream: string }[];
  }[];
}
const nhPoly = sharedVectors<HashFile>("nhpoly1305");
const xchacha = sharedVectors<StreamFile>("xchacha12");

const kernel = compileKernel()!;
const parts = await openParts();
const HEADER_KEY_AT = 32;
const MESSAGE_KEY_AT = 48;
/** The largest left part: 4096 bytes less the 16 on the right. */
const LEFT_BYTES = 4080;

/** The hash that the kernel adds to a right part of zeros. */
function hashOf(left: Uint8Array, tweak = new Uint8Array(0)): string {
  parts.tweak.set(tweak);
  parts.body.fill(0);
  parts.body.set(left);
  parts.add(left.length + 16, tweak.length);
  return bytesToHex(parts.right);
}

/** Sets the keys of the hash of the left part; all others are zeros. */
function setHashKeys(poly1305: Uint8Array, nh: Uint8Array): void {
  parts.keys.fill(0).set(poly1305, MESSAGE_KEY_AT);
  parts.body.set(nh);
  parts.pairKeys();
}

/** AES-256 of one block by the kernel, encrypting or decrypting. */
function aesOf(key: Uint8Array, block: Uint8Array, encrypting: boolean): string {
  parts.body.set(key);
  parts.expandAesKey();
  parts.right.set(block);
  if (encrypting) parts.encryptBlock();
  else parts.decryptBlock();
  return bytesToHex(parts.right);
}

const bytesOfInteger = (value: bigint, length: number) =>
  Uint8Array.from({ length }, (_, at) => Number((value >> BigInt(8 * at)) & 255n));

/** What a constructor does under a content security policy without 'wasm-unsafe-eval'. */
function refuse(): never {
  throw new EvalError("refused by the content security policy");
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("the kernel module", () => {
  it("is what the source compiles to, byte for byte", async () => {
    expect(readFileSync(kernelModulePath, "utf8")).toBe(await buildKernel());
  });

  it("is opened once in a realm, and stays away where WebAssembly is missing or refuses", () => {
    expect(openKernel()).toBe(openKernel());
    expect(openKernel()).toBeDefined();
    vi.stubGlobal("WebAssembly", undefined);
    expect(compileKernel()).toBeUndefined();
    const Module = vi.fn(refuse);
    vi.stubGlobal("WebAssembly", { Module });
    expect(compileKernel()).toBeUndefined();
    expect(Module).toHaveBeenCalledOnce();
  });

  it("holds nothing after clear but what it began with: the tables of AES", () => {
    const pristine = compileKernel()!;
    kernel.keys.fill(1);
    kernel.expand();
    kernel.tweak.fill(3);
    kernel.body.fill(2);
    kernel.encrypt(4096, 32);
    kernel.clear();
    expect(bytesToHex(new Uint8Array(kernel.body.buffer))).toBe(
      bytesToHex(new Uint8Array(pristine.body.buffer)),
    );
    const working = new Uint8Array(kernel.body.buffer, 0, kernel.body.byteOffset + 4096 + 1280);
    expect(working.every((byte) => byte === 0)).toBe(true);
  });

  it("writes nothing above its working memory, whatever the keys and the body", () => {
    const above = (of: Uint8Array) =>
      bytesToHex(new Uint8Array(of.buffer, kernel.body.byteOffset + 4096 + 1280));
    const before = above(compileKernel()!.body);
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.integer({ min: 16, max: 4096 }),
        (key, length) => {
          kernel.keys.set(key);
          kernel.expand();
          kernel.encrypt(length, key[0]! % 33);
          kernel.decrypt(length, key[1]! % 33);
          expect(above(kernel.body)).toBe(before);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe("AES-256 in the kernel", () => {
  const KEY = hexToBytes("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");

  it("gives the example of FIPS 197, appendix C.3, both ways", () => {
    const [plain, sealed] = ["00112233445566778899aabbccddeeff", "8ea2b7ca516745bfeafc49904b496089"];
    expect(aesOf(KEY, hexToBytes(plain), true)).toBe(sealed);
    expect(aesOf(KEY, hexToBytes(sealed), false)).toBe(plain);
  });

  it("gives the four ECB examples of NIST SP 800-38A, F.1.5 and F.1.6", () => {
    const key = hexToBytes("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
    for (const [plain, sealed] of [
      ["6bc1bee22e409f96e93d7e117393172a", "f3eed1bdb5d2a03c064b5a7e3db181f8"],
      ["ae2d8a571e03ac9c9eb76fac45af8e51", "591ccb10d410ed26dc5ba74a31362870"],
      ["30c81c46a35ce411e5fbc1191a0a52ef", "b6ed21b99ca6f4f9f153e7b1beafed1d"],
      ["f69f2445df4f9b17ad2b417be66c3710", "23304b7a39f9f3ff067d8d8f9e24ecc7"],
    ] as const) {
      expect(aesOf(key, hexToBytes(plain), true)).toBe(sealed);
      expect(aesOf(key, hexToBytes(sealed), false)).toBe(plain);
    }
  });

  it("expands a key as FIPS 197, appendix A.3: its last two round keys", () => {
    parts.body.set(hexToBytes("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"));
    parts.expandAesKey();
    expect(bytesToHex(parts.aesKeys.subarray(208))).toBe(
      "cafaaae3e4d59b349adf6acebd10190dfe4890d1e6188d0b046df344706c631e",
    );
  });

  it("is OpenSSL's over 10,000 random keys and blocks, both ways", () => {
    for (let round = 0; round < 10_000; round++) {
      const random = randomBytes(48);
      const [key, block] = [random.subarray(0, 32), random.subarray(32)];
      const encryptor = createCipheriv("aes-256-ecb", key, null).setAutoPadding(false);
      const decryptor = createDecipheriv("aes-256-ecb", key, null).setAutoPadding(false);
      const [sealed, opened] = [
        encryptor.update(block, undefined, "hex"),
        decryptor.update(block, undefined, "hex"),
      ];
      if (aesOf(key, block, true) !== sealed || aesOf(key, block, false) !== opened)
        expect.fail(`key and block ${random.toString("hex")}`);
    }
  });
});

describe("the parts of the kernel", () => {
  it.skipIf(!nhPoly)(`give every hash of ${vectorsTitle("nhpoly1305", nhPoly)}`, () => {
    expect(nhPoly!.vectors.length).toBeGreaterThan(0);
    for (const vector of nhPoly!.vectors) {
      const key = hexToBytes(vector.key);
      setHashKeys(key.subarray(0, 16), key.subarray(16));
      expect(hashOf(hexToBytes(vector.message))).toBe(vector.hash);
    }
  });

  it.skipIf(!xchacha)(`give the keystream inside a body of ${vectorsTitle("xchacha12", xchacha)}`, () => {
    let compared = 0;
    for (const { key, nonce, tests } of xchacha!.vectors) {
      const nonceBytes = hexToBytes(nonce);
      const tail = new DataView(nonceBytes.buffer, 16);
      parts.keys.set(hexToBytes(key));
      parts.right.set(nonceBytes.subarray(0, 16));
      parts.body.fill(0);
      parts.stream(4096, tail.getUint32(0, true), tail.getUint32(4, true));
      for (const { offset, keystream } of tests) {
        if (64 * (offset + 1) > parts.body.length) continue;
        compared += 1;
        expect(bytesToHex(parts.body.subarray(64 * offset, 64 * (offset + 1)))).toBe(keystream);
      }
    }
    expect(compared).toBeGreaterThan(0);
  });

  it("agree with the naive twin at the extremes of NH: all words at their highest", () => {
    for (const [keyByte, byte] of [
      [0, 255],
      [255, 255],
      [255, 0],
    ] as const) {
      const left = new Uint8Array(LEFT_BYTES).fill(byte);
      const nhKey = new Uint8Array(1072).fill(keyByte);
      setHashKeys(new Uint8Array(16).fill(255), nhKey);
      const units = [0, 1024, 2048, 3072].map((at) => naiveNh(nhKey, left.subarray(at, at + 1024)));
      const hash = naivePoly1305(new Uint8Array(16).fill(255), Buffer.concat(units));
      expect(hashOf(left)).toBe(bytesToHex(bytesOfInteger(hash, 16)));
    }
  });

  it.each([1, 2, 3, 4, 5, 6])(
    "reduce a Poly1305 sum of 2^130 - %i, which no carry alone reduces",
    (below) => {
      parts.keys.fill(0);
      parts.keys[HEADER_KEY_AT] = 1;
      const tweak = new Uint8Array(32);
      tweak.set(bytesOfInteger(2n ** 128n - BigInt(below), 16));
      const expected = below <= 5 ? 5n - BigInt(below) : 2n ** 128n - BigInt(below);
      expect(hashOf(new Uint8Array(0), tweak)).toBe(bytesToHex(bytesOfInteger(expected, 16)));
    },
  );

  it.each([
    [0xffffffbn, 0x400000140000063fffedf40006n],
    [0xffffffbn, 0x2000000a0000031fffecfa0006n],
    [0xfffffffn, 0x400000040000003fffec040001n],
    [0x7654321n, 0x453b13b1306d10a9a9be97795en],
    [0x7654321n, 0x8a76276260da215353866d86a7n],
  ])("carry from limb 0 through all others, whether that reaches 2^130 or not: r = %i", (r, tweakNumber) => {
    const tweak = bytesOfInteger(tweakNumber, 16);
    parts.keys.fill(0).set(bytesOfInteger(r, 4), HEADER_KEY_AT);
    const header = Buffer.concat([new Uint8Array(16), tweak]);
    const expected = BigInt.asUintN(128, naivePoly1305(bytesOfInteger(r, 16), header));
    expect(hashOf(new Uint8Array(0), tweak)).toBe(bytesToHex(bytesOfInteger(expected, 16)));
  });

  it("hash the header by Poly1305 like the naive twin, for keys and tweaks of extreme bytes", () => {
    const edge = fc.constantFrom(0, 1, 4, 5, 250, 251, 252, 253, 254, 255);
    const bytes = (minLength: number, maxLength: number) =>
      fc.oneof(
        fc.uint8Array({ minLength, maxLength }),
        fc.array(edge, { minLength, maxLength }).map((list) => Uint8Array.from(list)),
      );
    fc.assert(
      fc.property(bytes(16, 16), bytes(0, 32), fc.constantFrom(0, 1, 17, LEFT_BYTES), (key, tweak, left) => {
        parts.keys.fill(0).set(key, HEADER_KEY_AT);
        const header = Buffer.concat([bytesOfInteger(BigInt(8 * left), 16), tweak]);
        const expected = BigInt.asUintN(128, naivePoly1305(key, header));
        expect(hashOf(new Uint8Array(left), tweak)).toBe(bytesToHex(bytesOfInteger(expected, 16)));
      }),
      { numRuns: 500 },
    );
  });
});
