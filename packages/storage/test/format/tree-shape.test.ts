import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sampleBytes } from "../../../../test/support/publishing.ts";
import { CHUNK_BYTES } from "../../src/block/block.ts";
import { blockIdFromBytes } from "../../src/block/location.ts";
import { decodeIndex, encodeIndex } from "../../src/format/index-block.ts";
import {
  IDS_PER_INDEX,
  idsOfIndexBlock,
  leavesOf,
  MAX_FILE_BYTES,
  ROOT_CONTENT_IDS,
  treeShape,
} from "../../src/format/tree-shape.ts";

describe("the shape of a tree", () => {
  it("has as many levels as its ids need", () => {
    expect(IDS_PER_INDEX).toBe(1015);
    expect(treeShape(0, 768)).toEqual([]);
    expect(treeShape(1, 768)).toEqual([1]);
    expect(treeShape(768, 768)).toEqual([768]);
    expect(treeShape(769, 768)).toEqual([769, 1]);
    expect(treeShape(1015, 768)).toEqual([1015, 1]);
    expect(treeShape(1016, 768)).toEqual([1016, 2]);
    expect(treeShape(768 * 1015 + 1, 768)).toEqual([768 * 1015 + 1, 769, 1]);
  });

  it("of the largest file has four levels", () => {
    expect(treeShape(leavesOf(MAX_FILE_BYTES), ROOT_CONTENT_IDS).length).toBe(4);
  });

  it("gives every id of a level a place in exactly one index block", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000_000 }),
        fc.integer({ min: 1, max: 900 }),
        (leaves, top) => {
          const shape = treeShape(leaves, top);
          expect(shape.at(-1)).toBeLessThanOrEqual(top);
          for (let level = 1; level < shape.length; level++) {
            const last = (shape[level] as number) - 1;
            const listed = last * IDS_PER_INDEX + idsOfIndexBlock(shape, level, last);
            expect(listed).toBe(shape[level - 1]);
            expect(idsOfIndexBlock(shape, level, last)).toBeGreaterThan(0);
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
