import { multiply } from "./galois.ts";

/** The arithmetic of the erasure code. All blocks of a call have one length, at most BLOCK_BYTES; coefficients are bytes. */
export interface Products {
  /**
   * New blocks, up to 128: block i is the sum over j of coefficients[i * sources.length + j] * sources[j], of which there are 1 to
   * 128.
   */
  sums(rows: number, sources: readonly Uint8Array[], coefficients: Uint8Array): Uint8Array[];
  /** target ^= coefficient * source. */
  add(target: Uint8Array, coefficient: number, source: Uint8Array): void;
}

/** In plain TypeScript, with one look-up for each product of bytes: the kernel's oracle, and what serves without WebAssembly. */
export const plainProducts: Products = {
  sums(rows, sources, coefficients) {
    const length = (sources[0] as Uint8Array).length;
    return Array.from({ length: rows }, (_, row) => {
      const target = new Uint8Array(length);
      for (const [at, source] of sources.entries()) {
        plainProducts.add(target, coefficients[row * sources.length + at] as number, source);
      }
      return target;
    });
  },
  add(target, coefficient, source) {
    const products = productsOf(coefficient);
    for (let at = 0; at < target.length; at++) {
      target[at] = (target[at] as number) ^ (products[source[at] as number] as number);
    }
  },
};

/** The products of a coefficient with every byte; 64 KiB for all coefficients, made as they are first used. */
function productsOf(coefficient: number): Uint8Array {
  const products =
    tables[coefficient] ?? Uint8Array.from({ length: 256 }, (_, byte) => multiply(coefficient, byte));
  tables[coefficient] = products;
  return products;
}

const tables: (Uint8Array | undefined)[] = [];
