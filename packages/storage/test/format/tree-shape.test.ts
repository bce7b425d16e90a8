import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sampleBytes } from "../../../../test/support/publishing.ts";
import { CHUNK_BYTES } from "../../src/block/block.ts";
import { blockIdFromBytes } from "../../src/block/location.ts";
import { type Coding, DEFAULT_CODING } from "../../src/format/coding.ts";
import { decodeIndex, encodeIndex } from "../../src/format/index-block.ts";
import { ROOT_CONTENT_IDS, ROOT_SHARED_IDS } from "../../src/format/root-geometry.ts";
import { MAX_LEAVES } from "../../src/format/size-class.ts";
import {
  IDS_PER_INDEX,
  idsOfIndexBlock,
  isCodingFor,
  leavesOf,
  MAX_FILE_BYTES,
  treeShape,
} from "../../src/format/tree-shape.ts";

const PLAIN: Coding = { segmentData: 128, segmentParity: 0, crossSegments: 0 };
const dataOf = (leaves: number, topIds: number, coding: Coding) =>
  treeShape(leaves, topIds, coding).map(({ data }) => data);

describe("the shape of a tree", () => {
  it("has as many levels as its ids need", () => {
    expect(IDS_PER_INDEX).toBe(1015);
    expect(dataOf(0, 768, PLAIN)).toEqual([]);
    expect(dataOf(1, 768, PLAIN)).toEqual([1]);
    expect(dataOf(768, 768, PLAIN)).toEqual([768]);
    expect(dataOf(769, 768, PLAIN)).toEqual([769, 1]);
    expect(dataOf(1015, 768, PLAIN)).toEqual([1015, 1]);
    expect(dataOf(1016, 768, PLAIN)).toEqual([1016, 2]);
    expect(dataOf(768 * 1015 + 1, 768, PLAIN)).toEqual([768 * 1015 + 1, 769, 1]);
  });

  it("counts the ids of parity and cross segments too", () => {
    expect(treeShape(640, ROOT_CONTENT_IDS, DEFAULT_CODING).map(({ ids }) => ids)).toEqual([790]);
    // 21 segments of 158 ids, and a cross segment as wide as they are.
    const [leaves, index] = treeShape(21 * 128, ROOT_CONTENT_IDS, DEFAULT_CODING);
    expect([leaves?.ids, index?.data]).toEqual([22 * 158, 4]);
  });

  it("of the largest file has four levels by the default coding", () => {
    expect(treeShape(leavesOf(MAX_FILE_BYTES), ROOT_CONTENT_IDS, DEFAULT_CODING).length).toBe(4);
  });

  const codings = fc.record({
    segmentData: fc.integer({ min: 1, max: 128 }),
    segmentParity: fc.integer({ min: 0, max: 128 }),
    crossSegments: fc.integer({ min: 0, max: 4 }),
  });

  it("ends, by every coding that a root may name", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: MAX_LEAVES }),
        codings,
        fc.integer({ min: 1, max: 900 }),
        (leaves, coding, top) => {
          fc.pre(isCodingFor(top, coding));
          const shape = treeShape(leaves, top, coding);
          expect(shape.length).toBeLessThan(20);
          expect(shape.at(-1)?.ids).toBeLessThanOrEqual(top);
        },
      ),
    );
    const worst = { segmentData: 1, segmentParity: 63, crossSegments: 4 };
    expect(treeShape(MAX_LEAVES, ROOT_SHARED_IDS, worst).length).toBeLessThan(20);
  });

  it("is asked for by no coding out of range, and by none of which one block's ids do not fit", () => {
    const refused: Coding[] = [
      { ...DEFAULT_CODING, segmentData: 0 },
      { ...DEFAULT_CODING, segmentData: 129 },
      { ...DEFAULT_CODING, segmentParity: 129 },
      { ...DEFAULT_CODING, crossSegments: 5 },
      { segmentData: 1, segmentParity: 64, crossSegments: 0 },
    ];
    expect(refused.map((coding) => isCodingFor(ROOT_SHARED_IDS, coding))).toEqual(refused.map(() => false));
    const least: Coding = { segmentData: 1, segmentParity: 63, crossSegments: 0 };
    expect([DEFAULT_CODING, PLAIN, least].every((coding) => isCodingFor(ROOT_SHARED_IDS, coding))).toBe(true);
  });

  it("gives every id of a level a place in exactly one index block", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000_000 }),
        fc.integer({ min: 1, max: 900 }),
        codings,
        (leaves, top, coding) => {
          fc.pre(isCodingFor(top, coding));
          const shape = treeShape(leaves, top, coding);
          for (let level = 1; level < shape.length; level++) {
            const last = (shape[level]?.data as number) - 1;
            const inLast = idsOfIndexBlock(shape, level, last);
            expect(last * IDS_PER_INDEX + inLast).toBe(shape[level - 1]?.ids);
            expect(inLast).toBeGreaterThan(0);
          }
        },
      ),
    );
  });
});

describe("an index block", () => {
  const ids = (count: number) =>
    Array.from({ length: count }, (_, i) => blockIdFromBytes(sampleBytes(32, `id ${i}`)));

  for (const count of [1, 2, IDS_PER_INDEX - 1, IDS_PER_INDEX]) {
    it(`of ${count} ids reads back`, () => {
      expect(decodeIndex(encodeIndex(ids(count)), count)).toEqual(ids(count));
    });
  }

  it("has at least one id and at most its room", () => {
    for (const count of [0, IDS_PER_INDEX + 1]) {
      expect(() => encodeIndex(ids(count))).toThrowError(expect.objectContaining({ code: "BAD_ENCODING" }));
      expect(() => decodeIndex(encodeIndex(ids(1)), count)).toThrowError(
        expect.objectContaining({ code: "BAD_ENCODING" }),
      );
    }
  });

  it("is refused when it has more ids than its level says, another version, or bytes that must be zero", () => {
    const chunk = encodeIndex(ids(3));
    expect(() => decodeIndex(chunk, 2)).toThrow("index.padding: not zero");
    for (const [at, message] of [
      [0, "index.version"],
      [1, "index.reserved"],
      [15, "index.reserved"],
    ] as const) {
      const altered = chunk.slice();
      altered[at] = 7;
      expect(() => decodeIndex(altered, 3)).toThrow(message);
    }
    for (const length of [0, CHUNK_BYTES - 1, CHUNK_BYTES + 1]) {
      expect(() => decodeIndex(new Uint8Array(length), 1)).toThrowError(
        expect.objectContaining({ code: "BAD_ENCODING" }),
      );
    }
  });
});
