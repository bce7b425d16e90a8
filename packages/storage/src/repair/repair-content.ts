import type { BlockId, CryptoProvider, RandomSource } from "@umbel/core";
import type { BlockCopy } from "../block/block-network.ts";
import { createPace } from "../client/pace.ts";
import { createErasureCode, type ErasureCode } from "../erasure/erasure-code.ts";
import type { FetchContext, FetchTiming } from "../fetch/block-getter.ts";
import { FETCH_WINDOW_BLOCKS } from "../limits.ts";
import { lookFor, type Placing, putBack } from "./placing.ts";
import { type BlockCounts, repairSegment } from "./repair-segment.ts";
import { type VerifyTarget, walkVerify } from "./verify-walk.ts";

export interface ContentRepairOptions extends Placing {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  /** With it, slow blocks are overtaken while a segment is decoded. */
  readonly timing?: FetchTiming | undefined;
  readonly progress?: ((report: RepairReport) => void) | undefined;
}

/** What a check or a repair came to, so far. */
export interface RepairReport extends BlockCounts {
  /** Blocks at locations known of so far; all of them at the end. */
  readonly total: number;
  /** Roots found nowhere: what stands under them cannot be found either. */
  readonly lostRoots: number;
  /** Files of a folder that cannot be looked for, since the list of them is gone. */
  readonly unknownFiles: number;
}

/** True when everything is in place, or can be put there. */
export function isRestorable(report: RepairReport): boolean {
  return report.lostRoots === 0 && report.unknownFiles === 0 && report.restorable === report.missing;
}

/** True when everything is in place now. */
export function isInPlace(report: RepairReport): boolean {
  return isRestorable(report) && report.restored === report.missing;
}

/**
 * Looks for every block that a verify key leads to, makes those anew that are missing, and puts them back: data and parity from their
 * segments, a root from any location to the others. Reads nothing. Throws CRYPTO_FAILED and BAD_ENCODING when the publisher broke
 * the format, ABORTED, NO_PATH, NETWORK_UNREACHABLE.
 */
export async function repairContent(
  options: ContentRepairOptions,
  target: VerifyTarget,
): Promise<RepairReport> {
  const context = contextOf(options);
  const report = new Report(options.progress);
  for await (const part of walkVerify(context, target)) {
    if (part.kind === "lost children") report.add({ unknownFiles: part.count });
    else if (part.kind === "segment") report.addCounts(await repairSegment(context, options, part));
    else if (part.block === undefined) report.add({ total: 3, checked: 3, missing: 3, lostRoots: 1 });
    else {
      report.add({ total: 3 + part.blocksUnder });
      report.addCounts(await repairRoot(options, part.id, part.block));
    }
  }
  return report.now;
}

/** What walking and decoding need. */
export function contextOf(options: ContentRepairOptions): FetchContext {
  const { crypto, random, network, signal, timing } = options;
  let erasure: ErasureCode | undefined;
  return {
    ...{ crypto, random, network, signal, timing },
    ahead: FETCH_WINDOW_BLOCKS,
    pace: createPace(),
    erasure() {
      erasure ??= createErasureCode();
      return erasure;
    },
    onBlock() {},
  };
}

/** A root at each of its locations. */
async function repairRoot(placing: Placing, id: BlockId, block: Uint8Array): Promise<BlockCounts> {
  const { network, signal, checkOnly } = placing;
  const repairCopy = async (copy: BlockCopy): Promise<BlockCounts> => {
    const place = { id, copy, lane: "roots" } as const;
    if ((await lookFor(placing, place)) !== undefined) return FOUND;
    const isBack = !checkOnly && (await putBack(placing, () => network.put({ ...place, block }, { signal })));
    return { checked: 1, missing: 1, restorable: 1, restored: isBack ? 1 : 0 };
  };
  const counts = await Promise.all(([0, 1, 2] as const).map(repairCopy));
  return counts.reduce(sumOf);
}

const FOUND: BlockCounts = { checked: 1, missing: 0, restorable: 0, restored: 0 };

function sumOf(a: BlockCounts, b: BlockCounts): BlockCounts {
  return {
    checked: a.checked + b.checked,
    missing: a.missing + b.missing,
    restorable: a.restorable + b.restorable,
    restored: a.restored + b.restored,
  };
}

class Report {
  now: RepairReport = {
    ...{ total: 0, checked: 0, missing: 0, restorable: 0, restored: 0 },
    ...{ lostRoots: 0, unknownFiles: 0 },
  };
  readonly #listener: ((report: RepairReport) => void) | undefined;

  constructor(listener: ((report: RepairReport) => void) | undefined) {
    this.#listener = listener;
  }

  add(more: Partial<RepairReport>): void {
    const next: Record<string, number> = { ...this.now };
    for (const [name, count] of Object.entries(more)) next[name] = (next[name] as number) + (count as number);
    this.now = next as unknown as RepairReport;
    this.#listener?.(this.now);
  }

  addCounts({ checked, missing, restorable, restored }: BlockCounts): void {
    this.add({ checked, missing, restorable, restored });
  }
}
