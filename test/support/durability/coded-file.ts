import { BLOCK_BYTES } from "@umbel/core";
import {
  type Coding,
  FILE_INLINE_BYTES,
  HOLDER_COUNT,
  leavesOf,
  type Segment,
  segmentsOf,
  treeLevels,
} from "@umbel/storage";

/** Locations of a root. */
export const ROOT_LOCATIONS = 3;

/** A segment of a file, and where its blocks are among all coded blocks of the file. */
export interface PlacedSegment extends Segment {
  readonly level: number;
  readonly firstBlock: number;
}

/** What a file consists of beside its root, by the layout that publisher and reader use. */
export interface CodedFile {
  readonly bytes: number;
  /** Groups of segments, those of the uppermost level first: any group lost is the file lost. */
  readonly groups: readonly SegmentGroup[];
  /** Blocks but the root: data, parity, cross and index. */
  readonly blocks: number;
  /** Bytes of all copies of all blocks, for each byte of the file. */
  readonly storedPerByte: number;
}
export interface SegmentGroup {
  readonly data: readonly PlacedSegment[];
  readonly cross: readonly PlacedSegment[];
}

/** The layout of a file of `bytes` bytes. */
export function codedFileOf(bytes: number, coding: Coding): CodedFile {
  const leaves = bytes > FILE_INLINE_BYTES ? leavesOf(bytes) : 0;
  const groups: SegmentGroup[] = [];
  let blocks = 0;
  for (const [level, layout] of treeLevels("content", { leaves, coding }).entries()) {
    const placed: PlacedSegment[] = [];
    for (const segment of segmentsOf(layout)) {
      placed.push({ ...segment, level, firstBlock: blocks });
      blocks += segment.data + segment.parity;
    }
    for (let group = 0; group < layout.groups; group++) {
      const of = (kind: Segment["kind"]) => placed.filter((one) => one.group === group && one.kind === kind);
      groups.push({ data: of("data"), cross: of("cross") });
    }
  }
  const copies = HOLDER_COUNT * (blocks + ROOT_LOCATIONS);
  return { bytes, groups: groups.reverse(), blocks, storedPerByte: (copies * BLOCK_BYTES) / bytes };
}
