import { type BlockId, isUmbelError, UmbelError } from "@umbel/core";
import type { FetchContext } from "../fetch/block-getter.ts";
import { REPAIR_GETS_AT_ONCE } from "../limits.ts";
import { atOnce } from "./at-once.ts";
import { rebuildCross } from "./cross-segment.ts";
import { type Looking, lookFor, type Placing, putBack } from "./placing.ts";
import type { BlockCounts } from "./repair-report.ts";
import type { WalkedSegment } from "./verify-walk.ts";

/** Looks for every block of a segment and puts back what is missing. Holds the blocks of one segment, or two when it decodes. */
export async function repairSegment(
  context: FetchContext,
  placing: Placing,
  part: WalkedSegment,
): Promise<BlockCounts> {
  const { segment } = part;
  const checked = segment.data + segment.parity;
  const ids = await idsOf(part);
  if (ids === undefined) return { checked, missing: checked, restorable: 0, restored: 0 };
  const blocks = await lookForAll(placing, part, ids);
  const missing = [...blocks.keys()].filter((at) => blocks[at] === undefined);
  if (missing.length === 0) return { checked, missing: 0, restorable: 0, restored: 0 };
  const whole = await restore(context, part, blocks);
  if (whole === undefined) return { checked, missing: missing.length, restorable: 0, restored: 0 };
  const restored = placing.checkOnly ? 0 : await putAll(placing, part, ids, missing, whole);
  return { checked, missing: missing.length, restorable: missing.length, restored };
}

/** The blocks `ids` of a segment, from its first on; what is missing is made anew. Throws NOT_FOUND when too few are left. */
export async function wholeSegment(
  context: FetchContext,
  looking: Looking,
  part: WalkedSegment,
  ids: readonly BlockId[],
): Promise<readonly Uint8Array[]> {
  const found = await lookForAll(looking, part, ids);
  if (found.every((block) => block !== undefined)) return found as readonly Uint8Array[];
  const whole = await restore(context, part, found);
  if (whole === undefined) {
    throw new UmbelError(
      "NOT_FOUND",
      "too few blocks of a segment are left: umbel repair --check says how much can be restored",
    );
  }
  return whole;
}

async function lookForAll(
  looking: Looking,
  { lane }: WalkedSegment,
  ids: readonly BlockId[],
): Promise<(Uint8Array | undefined)[]> {
  const blocks: (Uint8Array | undefined)[] = new Array(ids.length).fill(undefined);
  await atOnce(ids.entries(), REPAIR_GETS_AT_ONCE, async ([at, id]) => {
    blocks[at] = await lookFor(looking, { id, copy: 0, lane });
  });
  return blocks;
}

/** The ids of a segment; undefined when the index above it is gone for good. */
async function idsOf({ tree, level, segment }: WalkedSegment): Promise<readonly BlockId[] | undefined> {
  try {
    return await tree.segmentIds(level, segment);
  } catch (error) {
    if (isUmbelError(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}

/** All blocks of a segment, data first, then parity, as they are stored; undefined when too few are left. */
async function restore(
  context: FetchContext,
  part: WalkedSegment,
  known: readonly (Uint8Array | undefined)[],
): Promise<readonly Uint8Array[] | undefined> {
  const { tree, level, segment } = part;
  try {
    const data =
      segment.kind === "cross"
        ? await recoverCross(context, part, known)
        : await tree.recoverSegment(level, segment, { known, signal: context.signal });
    return [...data, ...tree.parityBlocks(level, segment, data)];
  } catch (error) {
    if (isUmbelError(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}

/** From its own parity, or else anew from the segments that it covers. */
async function recoverCross(
  context: FetchContext,
  part: WalkedSegment,
  known: readonly (Uint8Array | undefined)[],
): Promise<readonly Uint8Array[]> {
  const { tree, level, segment } = part;
  try {
    return await tree.recoverSegment(level, segment, { known, signal: context.signal });
  } catch (error) {
    if (!isUmbelError(error, "NOT_FOUND")) throw error;
    return rebuildCross(context, part);
  }
}

async function putAll(
  placing: Placing,
  { lane }: WalkedSegment,
  ids: readonly BlockId[],
  missing: readonly number[],
  whole: readonly Uint8Array[],
): Promise<number> {
  const { network, signal } = placing;
  let restored = 0;
  await atOnce(missing, REPAIR_GETS_AT_ONCE, async (at) => {
    const put = { id: ids[at] as BlockId, block: whole[at] as Uint8Array, copy: 0, lane } as const;
    if (await putBack(placing, () => network.put(put, { signal }))) restored++;
  });
  return restored;
}
