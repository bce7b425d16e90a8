import { readFileSync } from "node:fs";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { buildKernel, kernelModulePath } from "../../../../../scripts/build-kernel.mjs";
import { naiveNh, naivePoly1305 } from "../../../../../test/support/naive/adiantum.ts";
import { sharedVectors, vectorsTitle } from "../../../../../test/support/shared-vectors.ts";
import { compileKernel, openKernel } from "../../../src/crypto/kernel/kernel.ts";

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
const HEADER_KEY_AT = 32;
const MESSAGE_KEY_AT = 48;
const NH_KEY_AT = 64;
/** The largest left part: 4096 bytes less the 16 on the right. */
const LEFT_BYTES = 4080;

/** The hash that the kernel adds to a right part of zeros. */
function hashOf(left: Uint8Array, tweak = new Uint8Array(0)): string {
  kernel.tweak.set(tweak);
  kernel.body.fill(0);
  kernel.body.set(left);
  kernel.add(left.length + 16, tweak.length);
  return bytesToHex(kernel.right);
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

  it("holds nothing after clear: not in the views, not in the rest of its page", () => {
    kernel.keys.fill(1);
    hashOf(new Uint8Array(LEFT_BYTES).fill(2), new Uint8Array(32).fill(3));
    kernel.stream(4096, 1, 0);
    kernel.subtract(4096);
    kernel.clear();
    expect(new Uint8Array(kernel.body.buffer).every((byte) => byte === 0)).toBe(true);
  });
});

describe("the parts of the kernel", () => {
  it.skipIf(!nhPoly)(`give every hash of ${vectorsTitle("nhpoly1305", nhPoly)}`, () => {
    expect(nhPoly!.vectors.length).toBeGreaterThan(0);
    for (const vector of nhPoly!.vectors) {
      const key = hexToBytes(vector.key);
      kernel.keys.fill(0, 0, MESSAGE_KEY_AT);
      kernel.keys.set(key, MESSAGE_KEY_AT);
      expect(hashOf(hexToBytes(vector.message))).toBe(vector.hash);
    }
  });

  it.skipIf(!xchacha)(`give the keystream inside a body of ${vectorsTitle("xchacha12", xchacha)}`, () => {
    let compared = 0;
    for (const { key, nonce, tests } of xchacha!.vectors) {
      const nonceBytes = hexToBytes(nonce);
      const tail = new DataView(nonceBytes.buffer, 16);
      kernel.keys.set(hexToBytes(key));
      kernel.right.set(nonceBytes.subarray(0, 16));
      kernel.body.fill(0);
      kernel.stream(4096, tail.getUint32(0, true), tail.getUint32(4, true));
      for (const { offset, keystream } of tests) {
        if (64 * (offset + 1) > kernel.body.length) continue;
        compared += 1;
        expect(bytesToHex(kernel.body.subarray(64 * offset, 64 * (offset + 1)))).toBe(keystream);
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
      kernel.keys.fill(0, 0, MESSAGE_KEY_AT).fill(255, MESSAGE_KEY_AT, NH_KEY_AT).set(nhKey, NH_KEY_AT);
      const units = [0, 1024, 2048, 3072].map((at) => naiveNh(nhKey, left.subarray(at, at + 1024)));
      const hash = naivePoly1305(new Uint8Array(16).fill(255), Buffer.concat(units));
      expect(hashOf(left)).toBe(bytesToHex(bytesOfInteger(hash, 16)));
    }
  });

  it.each([1, 2, 3, 4, 5, 6])(
    "reduce a Poly1305 sum of 2^130 - %i, which no carry alone reduces",
    (below) => {
      kernel.keys.fill(0);
      kernel.keys[HEADER_KEY_AT] = 1;
      const tweak = new Uint8Array(32);
      tweak.set(bytesOfInteger(2n ** 128n - BigInt(below), 16));
      const expected = below <= 5 ? 5n - BigInt(below) : 2n ** 128n - BigInt(below);
      expect(hashOf(new Uint8Array(0), tweak)).toBe(bytesToHex(bytesOfInteger(expected, 16)));
    },
  );

  it.each([
    [0x3fffff9n, 0xdb576cffd8febfbbbdcf888c262ef554n],
    [0x3fffff9n, 0x7fec7f5fdddee7c44615977aa0c916abn],
    [0x3fffff5n, 0xe84ae6fecdfb3cb672e6f5bbf623c500n],
  ])("carry twice around where the first carry fills limb 0 again: r = %i", (r, tweakNumber) => {
    const tweak = bytesOfInteger(tweakNumber, 16);
    kernel.keys.fill(0).set(bytesOfInteger(r, 4), HEADER_KEY_AT);
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
        kernel.keys.fill(0).set(key, HEADER_KEY_AT);
        const header = Buffer.concat([bytesOfInteger(BigInt(8 * left), 16), tweak]);
        const expected = BigInt.asUintN(128, naivePoly1305(key, header));
        expect(hashOf(new Uint8Array(left), tweak)).toBe(bytesToHex(bytesOfInteger(expected, 16)));
      }),
      { numRuns: 500 },
    );
  });
});
