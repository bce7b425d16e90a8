import { type BlockId, equalBytes } from "@umbel/core";
import type { BlockCopy } from "../block/block-network.ts";
import { blockIdOf } from "../block/location.ts";
import { MAX_HANDOVERS } from "../limits.ts";
import { withOwnSignal } from "../service/cancellation.ts";
import { decodeSlot, type Slot, slotRank } from "../slot/slot.ts";
import { openSlotVerifyPart, type SlotVerifyPart } from "../slot/slot-body.ts";
import { putBack, throwIfStopped } from "./placing.ts";
import { type ContentRepairOptions, repairRoot, repairUnder } from "./repair-content.ts";
import { type RepairReport, Report } from "./repair-report.ts";

/** What lets one check and repair a site: its slot, and the key to what a slot says of its root. */
export interface SiteVerifyTarget {
  readonly slotId: BlockId;
  /** 32 bytes. */
  readonly verifyKey: Uint8Array;
}

/**
 * Repairs the slot of a site, the newest edition as a block of its own, and the content that it names; follows handovers. What a slot's
 * holders have is put at the other locations, nothing is judged: a fork stays one, for readers to see. Of a revoked site the slot
 * alone is repaired. Throws as `repairContent`.
 */
export function repairSite(options: ContentRepairOptions, target: SiteVerifyTarget): Promise<RepairReport> {
  return withOwnSignal(options.signal, (signal) =>
    repairSites({ ...options, signal }, target, new Report(options.progress)),
  );
}

/** The site, and those that it was handed over to. */
async function repairSites(
  options: ContentRepairOptions,
  target: SiteVerifyTarget,
  report: Report,
): Promise<RepairReport> {
  const { crypto } = options;
  let site: SiteVerifyTarget | undefined = target;
  for (let handovers = 0; site !== undefined && handovers <= MAX_HANDOVERS; handovers++) {
    const best = await repairSlot(options, site.slotId, report);
    const part: SlotVerifyPart | undefined = best && openSlotVerifyPart(crypto, site.verifyKey, best);
    site = part?.kind === "handover" ? part : undefined;
    if (best === undefined || part?.kind !== "edition") continue;
    report.add({ total: COPIES.length });
    report.addCounts(await repairRoot(options, blockIdOf(crypto, best.bytes), best.bytes));
    await repairUnder(options, part, report);
  }
  return report.now;
}

const COPIES: readonly BlockCopy[] = [0, 1, 2];

/** What the holders of a slot's three locations have, and the two blocks that rank first. */
export async function findSlot(
  options: Pick<ContentRepairOptions, "crypto" | "network" | "signal">,
  id: BlockId,
): Promise<{
  readonly found: readonly (readonly Slot[])[];
  readonly best: Slot | undefined;
  readonly second: Slot | undefined;
}> {
  const found = await Promise.all(COPIES.map((copy) => slotsAt(options, id, copy)));
  const [best, second] = distinct(found.flat()).sort(slotRank);
  return { found, best, second };
}

/** Puts the blocks that outrank the others at each location; the best of them, or undefined when none was found. */
async function repairSlot(
  options: ContentRepairOptions,
  id: BlockId,
  report: Report,
): Promise<Slot | undefined> {
  const { found, best, second } = await findSlot(options, id);
  report.add({ total: COPIES.length });
  if (best === undefined) {
    report.add({ checked: COPIES.length, missing: COPIES.length, lostRoots: 1 });
    return undefined;
  }
  const lacking = COPIES.filter((_, at) => !found[at]?.some(({ hash }) => equalBytes(hash, best.hash)));
  let restored = 0;
  for (const copy of options.checkOnly ? [] : lacking) {
    // A handover is taken only where something that names the successor is kept, so that goes first.
    if (second !== undefined && best.kind !== "edition") await putSlot(options, second, copy);
    if (await putSlot(options, best, copy)) restored++;
  }
  const missing = lacking.length;
  report.addCounts({ checked: COPIES.length, missing, restorable: missing, restored });
  return best;
}

/** The first in rank at one location, and the one that conflicts with it. */
async function slotsAt(
  { crypto, network, signal }: Pick<ContentRepairOptions, "crypto" | "network" | "signal">,
  id: BlockId,
  copy: BlockCopy,
): Promise<readonly Slot[]> {
  const slots: Slot[] = [];
  for (const rank of [0, 1] as const) {
    throwIfStopped(signal);
    const block = await network.getSlot({ id, copy, rank }, { signal });
    if (block === undefined) break;
    slots.push(decodeSlot(crypto, id, block));
  }
  return slots;
}

function putSlot(options: ContentRepairOptions, slot: Slot, copy: BlockCopy): Promise<boolean> {
  const { network, signal } = options;
  return putBack(options, () => network.putSlot({ id: slot.id, slot: slot.bytes, copy }, { signal }));
}

function distinct(slots: readonly Slot[]): Slot[] {
  return slots.filter((slot, at) => slots.findIndex(({ hash }) => equalBytes(hash, slot.hash)) === at);
}
