import { BLOCK_BYTES, UmbelError } from "@umbel/core";
import { MAX_SEGMENT_DATA, MAX_SEGMENT_PARITY } from "../format/coding.ts";
import { coefficientOf, parityCoefficients, recoveryCoefficients } from "./cauchy.ts";
import { openKernelProducts } from "./kernel.ts";
import { type Products, plainProducts } from "./products.ts";

/**
 * Systematic Cauchy Reed-Solomon over GF(2^8) (docs/spec/10-erasure-code.md): up to 128 data blocks, up to 128 parity blocks, and
 * any as many of them as there are data blocks give back all. Blocks of one call have one length, 1 to BLOCK_BYTES; other
 * lengths, rows and columns throw a RangeError.
 */
export interface ErasureCode {
  /** target ^= coefficient(row, column) * source. Parity rows and columns count from 0. */
  accumulate(target: Uint8Array, row: number, column: number, source: Uint8Array): void;
  /** Parity rows 0 to `parity` - 1 of the data blocks, at least one. Columns beyond them count as zeros, so `accumulate` can go on. */
  encode(data: readonly Uint8Array[], parity: number): Uint8Array[];
  /**
   * The `dataCount` data blocks. `blocks` has these and then parity (unmasked), row by row, undefined where one is missing; blocks
   * that are there come back as the same arrays. Throws LIMIT_REACHED when there are fewer than `dataCount`.
   */
  decode(dataCount: number, blocks: readonly (Uint8Array | undefined)[]): Uint8Array[];
}

/** The erasure code as fast as this engine can. */
export function createErasureCode(): ErasureCode {
  return erasureCodeOf(openKernelProducts() ?? plainProducts);
}

/** The erasure code by a given arithmetic. */
export function erasureCodeOf(products: Products): ErasureCode {
  return {
    accumulate(target, row, column, source) {
      assertWithin("row", row, 0, MAX_SEGMENT_PARITY - 1);
      assertWithin("column", column, 0, MAX_SEGMENT_DATA - 1);
      assertOneLength([target, source]);
      products.add(target, coefficientOf(row, column), source);
    },
    encode(data, parity) {
      assertWithin("data blocks", data.length, 1, MAX_SEGMENT_DATA);
      assertWithin("parity blocks", parity, 0, MAX_SEGMENT_PARITY);
      assertOneLength(data);
      return products.sums(parity, data, parityCoefficients(data.length, parity));
    },
    decode(dataCount, blocks) {
      assertWithin("data blocks", dataCount, 1, MAX_SEGMENT_DATA);
      assertWithin("blocks", blocks.length, dataCount, dataCount + MAX_SEGMENT_PARITY);
      return decodeWith(products, dataCount, blocks);
    },
  };
}

function decodeWith(
  products: Products,
  dataCount: number,
  blocks: readonly (Uint8Array | undefined)[],
): Uint8Array[] {
  const known: number[] = [];
  for (const [at, block] of blocks.entries()) {
    if (block !== undefined && known.length < dataCount) known.push(at);
  }
  if (known.length < dataCount) {
    throw new UmbelError("LIMIT_REACHED", `a segment needs ${dataCount} blocks, ${known.length} are there`);
  }
  const sources = known.map((at) => blocks[at] as Uint8Array);
  assertOneLength(sources);
  const data = blocks.slice(0, dataCount);
  const missing = [...data.keys()].filter((at) => data[at] === undefined);
  const found = products.sums(missing.length, sources, recoveryCoefficients(dataCount, known, missing));
  for (const [at, column] of missing.entries()) data[column] = found[at];
  return data as Uint8Array[];
}

function assertWithin(what: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new RangeError(`erasure code: ${what} must be ${least} to ${most}, not ${value}`);
}

function assertOneLength(blocks: readonly Uint8Array[]): void {
  const length = (blocks[0] as Uint8Array).length;
  assertWithin("bytes of a block", length, 1, BLOCK_BYTES);
  if (blocks.some((block) => block.length !== length)) {
    throw new RangeError("erasure code: all blocks must have one length");
  }
}
