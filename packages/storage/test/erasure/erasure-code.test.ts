import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { ReedSolomonErasure } from "@subspace/reed-solomon-erasure.wasm";
import { BLOCK_BYTES } from "@umbel/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { naiveDecode, naiveEncode } from "../../../../test/support/naive/reed-solomon.ts";
import { createErasureCode, erasureCodeOf } from "../../src/erasure/erasure-code.ts";
import { plainProducts } from "../../src/erasure/products.ts";

const plainCode = erasureCodeOf(plainProducts);
const implementations = {
  "as fast as this engine can": createErasureCode(),
  "in plain TypeScript": plainCode,
};

/** Different bytes for each seed and place. */
const bytes = (length: number, seed: number) => {
  let state = seed * 2654435761 + 1;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 24;
  });
};
const blocksOf = (count: number, length: number, seed = 0) =>
  Array.from({ length: count }, (_, at) => bytes(length, seed + at + 1));

/** A segment, and which of its blocks are there: as many as it has data blocks, any ones. */
const segments = fc
  .record({ data: fc.integer({ min: 1, max: 24 }), parity: fc.integer({ min: 0, max: 24 }) })
  .chain(({ data, parity }) =>
    fc.record({
      data: fc.constant(data),
      parity: fc.constant(parity),
      length: fc.integer({ min: 1, max: 300 }),
      seed: fc.nat(1000),
      there: fc.shuffledSubarray(
        Array.from({ length: data + parity }, (_, at) => at),
        { minLength: data, maxLength: data },
      ),
    }),
  );

describe.each(Object.entries(implementations))("the erasure code %s", (_, code) => {
  it("gives back all data from any k of n blocks", () => {
    fc.assert(
      fc.property(segments, ({ data, parity, length, seed, there }) => {
        const blocks = blocksOf(data, length, seed);
        const all = [...blocks, ...code.encode(blocks, parity)];
        const left = all.map((block, at) => (there.includes(at) ? block : undefined));
        expect(code.decode(data, left)).toEqual(blocks);
      }),
    );
  });

  it("does what the textbook says, encoding and decoding", () => {
    fc.assert(
      fc.property(segments, ({ data, parity, length, seed, there }) => {
        const blocks = blocksOf(data, length, seed);
        const rows = code.encode(blocks, parity);
        expect(rows).toEqual(naiveEncode(blocks, parity));
        const left = [...blocks, ...rows].map((block, at) => (there.includes(at) ? block : undefined));
        expect(code.decode(data, left)).toEqual(naiveDecode(data, left));
      }),
      { numRuns: 30 },
    );
  });

  it("gives back 128 whole blocks from parity alone", () => {
    const blocks = blocksOf(128, 272);
    const rows = code.encode(blocks, 128);
    expect(code.decode(128, [...blocks.map(() => undefined), ...rows])).toEqual(blocks);
  });

  it("makes the same parity block by block, in any order, as all at once", () => {
    const blocks = blocksOf(9, 100);
    const rows = Array.from({ length: 5 }, () => new Uint8Array(100));
    for (const column of [4, 0, 8, 2, 1, 7, 3, 6, 5]) {
      for (const [row, target] of rows.entries()) code.accumulate(target, row, column, blocks[column]!);
    }
    expect(rows).toEqual(code.encode(blocks, 5));
  });

  it("multiplies by every coefficient: all rows of all columns", () => {
    const source = bytes(272, 5);
    for (let row = 0; row < 128; row += 7) {
      for (let column = 0; column < 128; column += 5) {
        const target = bytes(272, 6);
        const expected = bytes(272, 6);
        code.accumulate(target, row, column, source);
        plainCode.accumulate(expected, row, column, source);
        expect(Buffer.compare(target, expected)).toBe(0);
      }
    }
  });

  it("takes any length up to a block's, and arrays at any place of a buffer", () => {
    for (const length of [1, 15, 16, 17, 127, 128, 129, 4095, 4096, 4097, BLOCK_BYTES - 1, BLOCK_BYTES]) {
      const blocks = Array.from({ length: 3 }, (_, at) =>
        bytes(length + 8, at + 1).subarray(at + 1, at + 1 + length),
      );
      const rows = code.encode(blocks, 2);
      expect(rows).toEqual(plainCode.encode(blocks, 2));
      expect(code.decode(3, [undefined, blocks[1], undefined, ...rows])).toEqual(blocks);
    }
  });

  it("returns blocks that are there as they are, and leaves its inputs alone", () => {
    const blocks = blocksOf(4, 64);
    const rows = code.encode(blocks, 2);
    const kept = [...blocks, ...rows].map((block) => block.slice());
    const data = code.decode(4, [blocks[0], undefined, blocks[2], blocks[3], undefined, rows[1]]);
    expect(data[0]).toBe(blocks[0]);
    expect([...blocks, ...rows]).toEqual(kept);
    expect(code.decode(4, blocks)).toEqual(blocks);
  });

  it("refuses a segment with one block too few", () => {
    const [a, b] = blocksOf(2, 64);
    const [row] = code.encode([a!, b!], 1);
    expect(() => code.decode(2, [undefined, undefined, row])).toThrow(
      expect.objectContaining({ code: "LIMIT_REACHED" }),
    );
  });

  it("refuses more than 128 data blocks or rows, no data, and other lengths", () => {
    const block = new Uint8Array(16);
    const many = (count: number) => Array.from({ length: count }, () => block);
    expect(code.encode(many(128), 128)).toHaveLength(128);
    expect(() => code.encode(many(129), 1)).toThrow(RangeError);
    expect(() => code.encode(many(1), 129)).toThrow(RangeError);
    expect(() => code.encode([], 1)).toThrow(RangeError);
    expect(() => code.encode([block, new Uint8Array(17)], 1)).toThrow(RangeError);
    expect(() => code.encode([new Uint8Array(BLOCK_BYTES + 1)], 1)).toThrow(RangeError);
    expect(() => code.accumulate(block.slice(), 128, 0, block)).toThrow(RangeError);
    expect(() => code.accumulate(block.slice(), 0, 128, block)).toThrow(RangeError);
    expect(() => code.accumulate(new Uint8Array(15), 0, 0, block)).toThrow(RangeError);
    expect(() => code.decode(1, many(130))).toThrow(RangeError);
    expect(() => code.decode(2, [block])).toThrow(RangeError);
  });
});

describe("beside another implementation", () => {
  it("gives back from the same places the data that @subspace/reed-solomon-erasure.wasm does", async () => {
    const code = createErasureCode();
    await fc.assert(
      fc.asyncProperty(segments, async ({ data, parity, length, seed, there }) => {
        fc.pre(parity > 0);
        // A new one each time: after some hundred calls with other sizes its allocator writes out of bounds.
        const peer = await ReedSolomonErasure.fromCurrentDirectory();
        const blocks = blocksOf(data, length, seed);
        const shards = Buffer.concat([...blocks, new Uint8Array(parity * length)]);
        expect(peer.encode(shards, data, parity)).toBe(ReedSolomonErasure.RESULT_OK);
        const isThere = Array.from({ length: data + parity }, (_, at) => there.includes(at));
        for (const [at, is] of isThere.entries()) if (!is) shards.fill(0, at * length, (at + 1) * length);
        expect(peer.reconstruct(shards, data, parity, isThere)).toBe(ReedSolomonErasure.RESULT_OK);
        const ours = [...blocks, ...code.encode(blocks, parity)].map((block, at) =>
          isThere[at] ? block : undefined,
        );
        const decoded = Buffer.concat(code.decode(data, ours));
        expect(Buffer.compare(decoded, shards.subarray(0, data * length))).toBe(0);
      }),
      { numRuns: 40 },
    );
  });
});

/*
 * Parity is frozen: a change of any byte fails here. Data block j is the bytes i -> (i * 7 + 13 * j + (i >> 8)) mod 256.
 */
describe("the vectors of docs/spec/10-erasure-code.md", () => {
  const vectors = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8"));
  const block = (length: number, column: number) =>
    Uint8Array.from({ length }, (_, i) => (i * 7 + 13 * column + (i >> 8)) & 0xff);
  const data = (count: number, length: number) =>
    Array.from({ length: count }, (_, column) => block(length, column));
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  const sha256 = (blocks: readonly Uint8Array[]) =>
    createHash("sha256").update(Buffer.concat(blocks)).digest("hex");

  it.each(Object.entries(implementations))("are what it makes, %s", (_, code) => {
    const ones = (row: number, column: number) => {
      const target = new Uint8Array(1);
      code.accumulate(target, row, column, Uint8Array.of(1));
      return target[0]!;
    };
    const rows = Uint8Array.from({ length: 128 * 128 }, (_, at) => ones(at >> 7, at & 127));
    const whole = code.encode(data(128, BLOCK_BYTES), 3);
    expect({
      coefficients: {
        row0: hex(rows.subarray(0, 128)),
        row127: hex(rows.subarray(-128)),
        sha256: sha256([rows]),
      },
      parity3Of5: code.encode(data(5, 32), 3).map(hex),
      parity128Of128: { length: 64, sha256: sha256(code.encode(data(128, 64), 128)) },
      parity3Of128WholeBlocks: whole.map((row) => ({
        first16: hex(row.subarray(0, 16)),
        sha256: sha256([row]),
      })),
    }).toEqual(vectors);
  });
});
