import { instantiateModule } from "@umbel/core";
import { ERASURE_MODULE } from "./kernel-module.ts";
import type { Products } from "./products.ts";

/**
 * The arithmetic by the WASM kernel (packages/storage/assembly/erasure.ts), or undefined where WebAssembly with SIMD is missing or
 * forbidden. Compiled once in a realm; ERASURE_KERNEL_BYTES of memory.
 */
export function openKernelProducts(): Products | undefined {
  opened ??= { products: compileKernelProducts() };
  return opened.products;
}

let opened: { readonly products: Products | undefined } | undefined;

/** A new instance with a memory of its own, or undefined as in `openKernelProducts`. */
export function compileKernelProducts(): Products | undefined {
  const exports = instantiateModule(ERASURE_MODULE);
  return exports === undefined ? undefined : productsOf(exports as Exports);
}

/** What the module exports: places in memory as constants, so that they are written down once. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly COEFFICIENTS: Constant;
  readonly SOURCES: Constant;
  readonly TARGETS: Constant;
  readonly TILE: Constant;
  setUp(): void;
  prepare(rows: number, columns: number): void;
  sumProducts(rows: number, columns: number, bytes: number): void;
  addProduct(coefficient: number, bytes: number): void;
}
interface Constant {
  readonly value: number;
}

function productsOf(kernel: Exports): Products {
  kernel.setUp();
  const memory = new Uint8Array(kernel.memory.buffer);
  const { COEFFICIENTS, SOURCES, TARGETS, TILE } = kernel;
  return {
    sums(rows, sources, coefficients) {
      if (rows === 0) return [];
      const length = (sources[0] as Uint8Array).length;
      const targets = Array.from({ length: rows }, () => new Uint8Array(length));
      memory.set(coefficients, COEFFICIENTS.value);
      kernel.prepare(rows, sources.length);
      for (let from = 0; from < length; from += TILE.value) {
        const bytes = Math.min(TILE.value, length - from);
        for (let at = 0, place = SOURCES.value; at < sources.length; at++, place += TILE.value) {
          memory.set((sources[at] as Uint8Array).subarray(from, from + bytes), place);
        }
        kernel.sumProducts(rows, sources.length, bytes);
        for (let at = 0, place = TARGETS.value; at < rows; at++, place += TILE.value) {
          (targets[at] as Uint8Array).set(memory.subarray(place, place + bytes), from);
        }
      }
      return targets;
    },
    add(target, coefficient, source) {
      memory.set(source, SOURCES.value);
      memory.set(target, TARGETS.value);
      kernel.addProduct(coefficient, source.length);
      target.set(memory.subarray(TARGETS.value, TARGETS.value + target.length));
    },
  };
}
