import { BLOCK_BYTES } from "@umbel/core";
import type { FetchContext } from "../fetch/block-getter.ts";
import { GROUP_SEGMENTS } from "../format/coding.ts";
import { maskParity, parityMaskKey } from "../format/parity-mask.ts";
import { segmentOf } from "../format/segments.ts";
import type { WalkedSegment } from "./verify-walk.ts";

/**
 * The data blocks of a cross segment, as they are stored, from all segments of its group: reads the whole group once and holds one
 * sum for each block. Throws NOT_FOUND when a segment of the group cannot be decoded without them.
 */
export async function rebuildCross(
  context: FetchContext,
  { tree, level, segment, source }: WalkedSegment,
): Promise<readonly Uint8Array[]> {
  const shape = tree.levels[level] as (typeof tree.levels)[number];
  const erasure = context.erasure();
  const row = segment.index % shape.cross;
  const first = segment.group * GROUP_SEGMENTS;
  const end = Math.min(first + GROUP_SEGMENTS, shape.segments);
  const sums = Array.from({ length: segment.data }, () => new Uint8Array(BLOCK_BYTES));
  for (let index = first; index < end; index++) {
    const options = { across: false, signal: context.signal };
    const blocks = await tree.recoverSegment(level, segmentOf(shape, index), options);
    for (const [column, block] of blocks.entries()) {
      erasure.accumulate(sums[column] as Uint8Array, row, index - first, block);
    }
  }
  const maskKey = parityMaskKey(context.crypto, source.verifyKey, source.name);
  return sums.map((sum, column) => {
    const position = { use: "cross", level, segment: segment.index, row: column } as const;
    return maskParity(context.crypto, maskKey, position, sum);
  });
}
