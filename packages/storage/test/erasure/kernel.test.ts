import { readFileSync } from "node:fs";
import { BLOCK_BYTES, instantiateModule } from "@umbel/core";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { buildErasureKernel, erasureModulePath } from "../../../../scripts/build-kernel.mjs";
import { createErasureCode, erasureCodeOf } from "../../src/erasure/erasure-code.ts";
import { compileKernelProducts, openKernelProducts } from "../../src/erasure/kernel.ts";
import { ERASURE_MODULE } from "../../src/erasure/kernel-module.ts";
import { plainProducts } from "../../src/erasure/products.ts";
import { ERASURE_KERNEL_BYTES } from "../../src/limits.ts";

const kernel = compileKernelProducts()!;
const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte);
/** Bytes that look random, with `seed` and length. */
const noise = (length: number, seed: number) => {
  const bytes = new Uint8Array(length);
  for (let at = 0, state = seed + 1; at < length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
};
const noiseBlocks = (count: number, length: number, seed: number) =>
  Array.from({ length: count }, (_, at) => noise(length, seed * 1000 + at));

/** What a constructor does under a content security policy without 'wasm-unsafe-eval'. */
function refuse(): never {
  throw new EvalError("refused by the content security policy");
}
/** As `toEqual`, which takes a while for so many bytes. */
const areEqual = (some: readonly Uint8Array[], others: readonly Uint8Array[]) =>
  some.length === others.length && some.every((block, at) => Buffer.compare(block, others[at]!) === 0);

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("the erasure kernel module", () => {
  it("is what the source compiles to, byte for byte", async () => {
    expect(readFileSync(erasureModulePath, "utf8")).toBe(await buildErasureKernel());
  });

  it("has the memory that limits.ts says, and cannot grow", () => {
    const { memory, END } = instantiateModule(ERASURE_MODULE) as {
      memory: { buffer: ArrayBuffer; grow(pages: number): number };
      END: { value: number };
    };
    expect(memory.buffer.byteLength).toBe(ERASURE_KERNEL_BYTES);
    expect(END.value).toBeLessThanOrEqual(ERASURE_KERNEL_BYTES);
    expect(() => memory.grow(1)).toThrow(RangeError);
  });

  it("is opened once in a realm, and its twin serves where WebAssembly is missing or refuses", () => {
    expect(openKernelProducts()).toBe(openKernelProducts());
    expect(openKernelProducts()).toBeDefined();
    vi.stubGlobal("WebAssembly", undefined);
    expect(compileKernelProducts()).toBeUndefined();
    const Module = vi.fn(refuse);
    vi.stubGlobal("WebAssembly", { Module });
    expect(compileKernelProducts()).toBeUndefined();
    expect(Module).toHaveBeenCalledOnce();
  });
});

describe("the erasure kernel", () => {
  it("multiplies every byte by every coefficient as the twin does, alone and in a sum", () => {
    const coefficients = everyByte.slice();
    for (let first = 0; first < 256; first += 128) {
      const some = coefficients.subarray(first, first + 128);
      const expected = plainProducts.sums(128, [everyByte], some);
      expect(areEqual(kernel.sums(128, [everyByte], some), expected)).toBe(true);
    }
    for (const coefficient of coefficients) {
      const target = noise(256, coefficient);
      const expected = target.slice();
      kernel.add(target, coefficient, everyByte);
      plainProducts.add(expected, coefficient, everyByte);
      expect(areEqual([target], [expected])).toBe(true);
    }
  });

  it("sums up what the twin sums up, for any numbers of rows and columns and any length", () => {
    const shapes = fc.record({
      rows: fc.integer({ min: 0, max: 20 }),
      columns: fc.integer({ min: 1, max: 20 }),
      length: fc.oneof(fc.integer({ min: 1, max: 1100 }), fc.integer({ min: 4090, max: 4110 })),
      seed: fc.nat(10_000),
    });
    fc.assert(
      fc.property(shapes, ({ rows, columns, length, seed }) => {
        const sources = noiseBlocks(columns, length, seed);
        const coefficients = noise(rows * columns, seed + 7);
        const made = kernel.sums(rows, sources, coefficients);
        expect(areEqual(made, plainProducts.sums(rows, sources, coefficients))).toBe(true);
        const [target] = noiseBlocks(1, length, seed + 1);
        const expected = target!.slice();
        kernel.add(target!, seed & 255, sources[0]!);
        plainProducts.add(expected, seed & 255, sources[0]!);
        expect(areEqual([target!], [expected])).toBe(true);
      }),
    );
  });

  it("does the largest call: 128 whole blocks from 128", () => {
    const sources = noiseBlocks(128, BLOCK_BYTES, 3);
    const coefficients = noise(128 * 128, 4);
    const made = kernel.sums(128, sources, coefficients);
    for (const row of [0, 77, 127]) {
      const [expected] = plainProducts.sums(1, sources, coefficients.subarray(row * 128));
      expect(Buffer.compare(made[row]!, expected!)).toBe(0);
    }
  });

  it("keeps nothing from one call to the next", () => {
    const sources = noiseBlocks(9, 500, 1);
    const coefficients = noise(36, 2);
    const first = kernel.sums(4, sources, coefficients);
    kernel.sums(20, noiseBlocks(20, 4200, 5), noise(400, 6));
    expect(kernel.sums(4, sources, coefficients)).toEqual(first);
  });

  it("decodes whole blocks, half of them missing", () => {
    const code = createErasureCode();
    const data = noiseBlocks(128, BLOCK_BYTES, 9);
    const blocks: (Uint8Array | undefined)[] = [...data, ...code.encode(data, 64)];
    for (let at = 0; at < 192; at += 3) blocks[at] = undefined;
    expect(areEqual(code.decode(128, blocks), data)).toBe(true);
    expect(erasureCodeOf(kernel).encode(data.slice(0, 5), 1)).toEqual(
      erasureCodeOf(plainProducts).encode(data.slice(0, 5), 1),
    );
  });
});
