import type { AddProducts } from "./erasure-code.ts";
import { multiply } from "./galois.ts";

/** The arithmetic in plain TypeScript: one table look-up for each product of bytes. The kernel's oracle, and what serves without WebAssembly. */
export const addProductsPlainly: AddProducts = (targets, sources, coefficients) => {
  for (const [row, target] of targets.entries()) {
    for (const [column, source] of sources.entries()) {
      addProduct(target, coefficients[row * sources.length + column] as number, source);
    }
  }
};

function addProduct(target: Uint8Array, coefficient: number, source: Uint8Array): void {
  const products = productsOf(coefficient);
  for (let at = 0; at < target.length; at++) {
    target[at] = (target[at] as number) ^ (products[source[at] as number] as number);
  }
}

/** The products of a coefficient with every byte; 64 KiB for all coefficients, made as they are first used. */
function productsOf(coefficient: number): Uint8Array {
  const products =
    tables[coefficient] ?? Uint8Array.from({ length: 256 }, (_, byte) => multiply(coefficient, byte));
  tables[coefficient] = products;
  return products;
}

const tables: (Uint8Array | undefined)[] = [];
