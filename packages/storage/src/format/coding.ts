/** How the blocks of a level are coded against loss (docs/spec/08-files-and-sites.md, Coding). */
export interface Coding {
  /** Data blocks of a full segment, 1 to MAX_SEGMENT_DATA. */
  readonly segmentData: number;
  /** Parity blocks of a full segment, 0 to MAX_SEGMENT_PARITY; 0 for no parity anywhere. */
  readonly segmentParity: number;
  /** Cross segments of a group, 0 to MAX_CROSS_SEGMENTS, in levels of at least CROSS_FROM_SEGMENTS segments. */
  readonly crossSegments: number;
}

/** Data blocks of a segment: the erasure code's columns. */
export const MAX_SEGMENT_DATA = 128;
/** Parity blocks of a segment: the erasure code's rows. */
export const MAX_SEGMENT_PARITY = 128;
/** Cross segments of a group. */
export const MAX_CROSS_SEGMENTS = 4;
/** Segments of one group: what one cross segment covers. */
export const GROUP_SEGMENTS = 128;
/** Levels with fewer segments have no cross segments: one segment more would be a large part of them. */
export const CROSS_FROM_SEGMENTS = 16;

/** What a publish uses: docs/durability.md has the table that it comes from. */
export const DEFAULT_CODING: Coding = { segmentData: 128, segmentParity: 30, crossSegments: 1 };

/**
 * Parity blocks of a segment with `data` data blocks: the full segment's share, and more for a short one, about
 * 2 sqrt(data), since what a few blocks lose varies more. Integers alone, so that every reader computes the same.
 */
export function parityOf(coding: Coding, data: number): number {
  const { segmentData, segmentParity } = coding;
  if (segmentParity === 0 || data === 0) return 0;
  const share = Math.ceil((segmentParity * data) / segmentData);
  const extra = Math.ceil(((squareRoot(4 * data) + 2) * (segmentData - data)) / segmentData);
  return Math.min(MAX_SEGMENT_PARITY, share + extra);
}

/** The largest integer whose square is at most `value`, which is small enough for Math.sqrt to be right. */
function squareRoot(value: number): number {
  return Math.floor(Math.sqrt(value));
}
