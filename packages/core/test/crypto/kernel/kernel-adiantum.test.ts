import { bytesToHex } from "@noble/hashes/utils.js";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { compileKernel } from "../../../src/crypto/kernel/kernel.ts";
import { createKernelAdiantum } from "../../../src/crypto/kernel/kernel-adiantum.ts";
import { createAdiantum } from "../../../src/crypto/wide-block.ts";
import { nodeAesBlock } from "../../../src/platform/node-crypto.ts";

const kernel = compileKernel()!;
/** Everything up to the end of the body and the states of ChaCha12 behind it; what follows are public tables. */
const working = new Uint8Array(kernel.body.buffer, 0, kernel.body.byteOffset + kernel.body.length + 1280);
const keyOf = fc.uint8Array({ minLength: 32, maxLength: 32 });
const tweakOf = fc.oneof(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uint8Array({ maxLength: 32 }));
/** Mostly lengths around the edges of vectors, of four ChaCha blocks, of NH units and of the whole body. */
const lengthOf = fc.oneof(
  fc.constantFrom(16, 17, 31, 32, 33, 271, 272, 273, 1039, 1040, 1041, 2064, 4095, 4096),
  fc.integer({ min: 16, max: 4096 }),
  fc.constant(4096),
);
const blockOf = lengthOf.chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));

describe("the kernel", () => {
  it("is its plain twin for any key, tweak and block, both ways", () => {
    fc.assert(
      fc.property(keyOf, tweakOf, blockOf, (key, tweak, block) => {
        const [fast, plain] = [createKernelAdiantum(kernel, key), createAdiantum(key, nodeAesBlock)];
        const [one, other] = [block.slice(), block.slice()];
        fast.encrypt(tweak, one);
        plain.encrypt(tweak, other);
        expect(bytesToHex(one)).toBe(bytesToHex(other));
        fast.decrypt(tweak, one);
        expect(bytesToHex(one)).toBe(bytesToHex(block));
        fast.decrypt(tweak, one);
        plain.decrypt(tweak, block);
        expect(bytesToHex(one)).toBe(bytesToHex(block));
      }),
      { numRuns: 150 },
    );
  });

  it("is its plain twin in any order of calls by several ciphers, some wiped between", () => {
    const keys = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte));
    const step = fc.record({
      cipher: fc.nat(2),
      tweak: tweakOf,
      length: lengthOf,
      encrypting: fc.boolean(),
      renew: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 2, maxLength: 8 }), (steps) => {
        const fast = keys.map((key) => createKernelAdiantum(kernel, key));
        const plain = keys.map((key) => createAdiantum(key, nodeAesBlock));
        const [one, other] = [new Uint8Array(4096), new Uint8Array(4096)];
        for (const { cipher, tweak, length, encrypting, renew } of steps) {
          if (renew) {
            fast[cipher]!.wipe();
            fast[cipher] = createKernelAdiantum(kernel, keys[cipher]!);
          }
          const direction = encrypting ? "encrypt" : "decrypt";
          fast[cipher]![direction](tweak, one.subarray(0, length));
          plain[cipher]![direction](tweak, other.subarray(0, length));
          expect(bytesToHex(one)).toBe(bytesToHex(other));
        }
      }),
      { numRuns: 25 },
    );
  });
});

describe("a kernel cipher", () => {
  it("leaves no byte of keys or body in the kernel and in its own arrays once it is wiped", () => {
    const slice = vi.spyOn(Uint8Array.prototype, "slice");
    const cipher = createKernelAdiantum(kernel, new Uint8Array(32).fill(9));
    const kept = slice.mock.results.map(({ value }) => value as Uint8Array);
    slice.mockRestore();
    expect(kept.map(({ length }) => length)).toEqual([2416]);
    expect(working.every((byte) => byte === 0)).toBe(true);
    cipher.encrypt(new Uint8Array(32), new Uint8Array(4096));
    cipher.wipe();
    for (const array of [...kept, working]) expect(array.every((byte) => byte === 0)).toBe(true);
  });

  it("finds its keys in place in a run of blocks, and brings them again after any other cipher", () => {
    const [key, tweak, body] = [new Uint8Array(32).fill(7), new Uint8Array(32), new Uint8Array(4096)];
    const other = createKernelAdiantum(kernel, new Uint8Array(32).fill(8));
    const cipher = createKernelAdiantum(kernel, key);
    const plain = createAdiantum(key, nodeAesBlock);
    const meanwhile = [
      () => {},
      () => {},
      () => other.encrypt(tweak, body),
      () => void createKernelAdiantum(kernel, key),
      () => other.wipe(),
      () => kernel.clear(),
    ];
    const brought = vi.spyOn(kernel.keys, "set");
    const times = meanwhile.map((happens) => {
      happens();
      brought.mockClear();
      const [one, two] = [body.slice(), body.slice()];
      cipher.encrypt(tweak, one);
      plain.encrypt(tweak, two);
      expect(bytesToHex(one)).toBe(bytesToHex(two));
      return brought.mock.calls.length;
    });
    brought.mockRestore();
    expect(times).toEqual([1, 0, 1, 1, 1, 1]);
  });

  it("refuses a wrong length before anything reaches the kernel", () => {
    const cipher = createKernelAdiantum(kernel, new Uint8Array(32));
    kernel.clear();
    for (const length of [0, 15, 4097])
      expect(() => cipher.encrypt(new Uint8Array(32), new Uint8Array(length))).toThrow(RangeError);
    expect(() => cipher.decrypt(new Uint8Array(33), new Uint8Array(4096))).toThrow(RangeError);
    expect(() => createKernelAdiantum(kernel, new Uint8Array(31))).toThrow(RangeError);
    expect(working.every((byte) => byte === 0)).toBe(true);
  });
});
