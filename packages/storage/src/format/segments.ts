import { type Coding, CROSS_FROM_SEGMENTS, GROUP_SEGMENTS, parityOf } from "./coding.ts";

/**
 * How the data blocks of one level are cut into segments, and in which order the ids of a level's blocks stand in the level
 * above: group by group; in a group segment by segment, then its cross segments; in a segment data, then parity.
 * All of it follows from the number of data blocks and the coding.
 */
export interface Level {
  readonly coding: Coding;
  /** Data blocks, at least 1. */
  readonly data: number;
  /** Segments of data blocks: all full but the last two, which are equal to within one block; a single one may be short. */
  readonly segments: number;
  /** Cross segments of each group; 0 where there are too few segments. */
  readonly cross: number;
  /** Groups of up to GROUP_SEGMENTS segments. */
  readonly groups: number;
  /** Ids of the level: data, parity and cross segments. */
  readonly ids: number;
}

/** One segment: blocks of which any `data` give back all. */
export interface Segment {
  /** `data` holds blocks of the level itself; `cross` holds parity across the segments of its group. */
  readonly kind: "data" | "cross";
  /** From 0 within the level, for each kind. A cross segment's is group * cross + row. */
  readonly index: number;
  readonly group: number;
  /** The first data block within the level; 0 for a cross segment. */
  readonly firstData: number;
  readonly data: number;
  readonly parity: number;
  /** Where its ids begin among the ids of the level; data first, then parity. */
  readonly firstId: number;
}

/** The layout of a level with `data` blocks, at least 1. */
export function levelOf(data: number, coding: Coding): Level {
  const segments = Math.ceil(data / coding.segmentData);
  const cross = segments >= CROSS_FROM_SEGMENTS ? coding.crossSegments : 0;
  const groups = Math.ceil(segments / GROUP_SEGMENTS);
  const plain = { coding, data, segments, cross, groups };
  const last = cross === 0 ? segmentIn(plain, segments - 1) : crossIn(plain, groups * cross - 1);
  return { ...plain, ids: last.firstId + last.data + last.parity };
}

/** The segment `index` of a level. */
export function segmentOf(level: Level, index: number): Segment {
  return segmentIn(level, index);
}

/** The cross segment `index` of a level: group * cross + row. */
export function crossSegmentOf(level: Level, index: number): Segment {
  return crossIn(level, index);
}

/** The segment that holds the data block `block` of a level. */
export function segmentOfBlock(level: Level, block: number): Segment {
  const guess = segmentOf(level, Math.min(Math.floor(block / level.coding.segmentData), level.segments - 1));
  return block >= guess.firstData + guess.data ? segmentOf(level, guess.index + 1) : guess;
}

/** Where the id of the data block `block` stands among the ids of its level. */
export function idPositionOf(level: Level, block: number): number {
  const { firstId, firstData } = segmentOfBlock(level, block);
  return firstId + block - firstData;
}

/** Every segment of a level, in the order of their ids. */
export function* segmentsOf(level: Level): Generator<Segment, void, undefined> {
  for (let group = 0; group < level.groups; group++) {
    const end = Math.min(level.segments, (group + 1) * GROUP_SEGMENTS);
    for (let index = group * GROUP_SEGMENTS; index < end; index++) yield segmentOf(level, index);
    for (let row = 0; row < level.cross; row++) yield crossSegmentOf(level, group * level.cross + row);
  }
}

type Plain = Omit<Level, "ids">;

/** Data blocks of a segment. */
function widthOf({ data, segments, coding }: Plain, index: number): number {
  const full = coding.segmentData;
  if (segments === 1) return data;
  if (index < segments - 2) return full;
  const lastTwo = data - (segments - 2) * full;
  return index === segments - 2 ? Math.ceil(lastTwo / 2) : Math.floor(lastTwo / 2);
}

function segmentIn(level: Plain, index: number): Segment {
  const { coding, segments, cross } = level;
  const group = Math.floor(index / GROUP_SEGMENTS);
  const isLast = index === segments - 1 && segments > 1;
  const before = isLast ? index - 1 : index;
  const beforeWidth = isLast ? widthOf(level, before) : 0;
  const fullIds = coding.segmentData + parityOf(coding, coding.segmentData);
  const beforeIds = isLast ? beforeWidth + parityOf(coding, beforeWidth) : 0;
  const data = widthOf(level, index);
  return {
    kind: "data",
    index,
    group,
    firstData: before * coding.segmentData + beforeWidth,
    data,
    parity: parityOf(coding, data),
    firstId: before * fullIds + beforeIds + group * cross * fullIds,
  };
}

/** A cross segment is as wide as the widest segment of its group, which is the first. */
function crossIn(level: Plain, index: number): Segment {
  const group = Math.floor(index / level.cross);
  const lastOfGroup = Math.min(level.segments, (group + 1) * GROUP_SEGMENTS) - 1;
  const after = segmentIn(level, lastOfGroup);
  const data = widthOf(level, group * GROUP_SEGMENTS);
  const parity = parityOf(level.coding, data);
  const row = index % level.cross;
  const firstId = after.firstId + after.data + after.parity + row * (data + parity);
  return { kind: "cross", index, group, firstData: 0, data, parity, firstId };
}
