import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_CODING, MAX_SEGMENT_PARITY, parityOf } from "../../src/format/coding.ts";
import {
  idPositionOf,
  levelOf,
  type Segment,
  segmentOfBlock,
  segmentsOf,
} from "../../src/format/segments.ts";

const codings = fc.record({
  segmentData: fc.integer({ min: 1, max: 128 }),
  segmentParity: fc.integer({ min: 0, max: 128 }),
  crossSegments: fc.integer({ min: 0, max: 4 }),
});

describe("segments of a level", () => {
  it("stand one after the other, hold every data block once, and their ids are all the ids", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40_000 }), codings, (data, coding) => {
        const level = levelOf(data, coding);
        let ids = 0;
        let blocks = 0;
        for (const segment of segmentsOf(level)) {
          if (segment.firstId !== ids)
            expect.fail(`segment ${segment.index} begins at ${segment.firstId}, not ${ids}`);
          ids += segment.data + segment.parity;
          if (segment.kind === "cross") continue;
          if (segment.firstData !== blocks) expect.fail(`segment ${segment.index} holds other blocks`);
          blocks += segment.data;
        }
        expect([blocks, ids]).toEqual([data, level.ids]);
      }),
      { numRuns: 100 },
    );
  });

  it("are found by a data block", () => {
    const among = (segment: Segment, block: number) =>
      block >= segment.firstData && block < segment.firstData + segment.data;
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40_000 }), fc.nat(), codings, (data, any, coding) => {
        const level = levelOf(data, coding);
        const block = any % data;
        const segment = segmentOfBlock(level, block);
        expect(among(segment, block)).toBe(true);
        expect(idPositionOf(level, block)).toBe(segment.firstId + block - segment.firstData);
      }),
    );
  });

  it("are equalised at the end: the last two differ by at most one block", () => {
    for (const data of [129, 130, 255, 257, 2066]) {
      const segments = [...segmentsOf(levelOf(data, DEFAULT_CODING))].filter(({ kind }) => kind === "data");
      const [a, b] = segments.slice(-2) as [Segment, Segment];
      expect(a.data - b.data).toBeGreaterThanOrEqual(0);
      expect(a.data - b.data).toBeLessThanOrEqual(1);
    }
  });

  it("have cross segments from 16 segments on, one for each group of 128", () => {
    const cross = (blocks: number) =>
      [...segmentsOf(levelOf(blocks, DEFAULT_CODING))].filter(({ kind }) => kind === "cross").length;
    expect([cross(15 * 128), cross(15 * 128 + 1), cross(128 * 128), cross(128 * 128 + 1)]).toEqual([
      0, 1, 1, 2,
    ]);
  });

  it("have more parity for their size the shorter they are, and the coding's own when full", () => {
    const share = (data: number) => parityOf(DEFAULT_CODING, data) / data;
    expect(parityOf(DEFAULT_CODING, 128)).toBe(30);
    for (const data of [1, 2, 4, 8, 16, 32, 64]) expect(share(data)).toBeGreaterThanOrEqual(share(2 * data));
    expect(parityOf({ segmentData: 128, segmentParity: 128, crossSegments: 0 }, 127)).toBe(
      MAX_SEGMENT_PARITY,
    );
    expect(parityOf({ ...DEFAULT_CODING, segmentParity: 0 }, 7)).toBe(0);
  });
});
