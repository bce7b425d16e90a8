import type { BlockId, CryptoProvider, RandomSource } from "@umbel/core";
import type { BlockCopy } from "../block/block-network.ts";
import { createPace } from "../client/pace.ts";
import { createErasureCode, type ErasureCode } from "../erasure/erasure-code.ts";
import type { FetchContext, FetchTiming } from "../fetch/block-getter.ts";
import { FETCH_WINDOW_BLOCKS } from "../limits.ts";
import { withOwnSignal } from "../service/cancellation.ts";
import { lookFor, type Placing, putBack } from "./placing.ts";
import { type BlockCounts, type RepairReport, Report } from "./repair-report.ts";
import { repairSegment } from "./repair-segment.ts";
import { type VerifyTarget, walkVerify } from "./verify-walk.ts";

export interface ContentRepairOptions extends Placing {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  /** With it, slow blocks are overtaken while a segment is decoded. */
  readonly timing?: FetchTiming | undefined;
  readonly progress?: ((report: RepairReport) => void) | undefined;
}

/**
 * Looks for every block that a verify key leads to, makes those anew that are missing, and puts them back: data and parity from their
 * segments, a root from any location to the others. Reads nothing. Throws CRYPTO_FAILED and BAD_ENCODING when the publisher broke
 * the format, ABORTED, NO_PATH, NETWORK_UNREACHABLE.
 */
export function repairContent(options: ContentRepairOptions, target: VerifyTarget): Promise<RepairReport> {
  return withOwnSignal(options.signal, (signal) =>
    repairUnder({ ...options, signal }, target, new Report(options.progress)),
  );
}

/** As `repairContent`, as a part of something larger: adds to `report`. */
export async function repairUnder(
  options: ContentRepairOptions,
  target: VerifyTarget,
  report: Report,
): Promise<RepairReport> {
  const context = contextOf(options);
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
export function contextOf(
  options: Pick<ContentRepairOptions, "crypto" | "random" | "network" | "signal" | "timing">,
): FetchContext {
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
export async function repairRoot(placing: Placing, id: BlockId, block: Uint8Array): Promise<BlockCounts> {
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
