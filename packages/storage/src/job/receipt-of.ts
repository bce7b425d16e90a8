import type { AbortLike, CryptoProvider, RandomSource } from "@umbel/core";
import type { BlockNetwork } from "../block/block-network.ts";
import { RECEIPT_SAMPLE_BLOCKS } from "../limits.ts";
import { contextOf } from "../repair/repair-content.ts";
import { type VerifyTarget, type WalkedSegment, walkVerify } from "../repair/verify-walk.ts";
import { createReceiptSample, type Receipt, takeReceipt } from "./receipt.ts";

export interface ReceiptOfOptions {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  /** Over circuits of its own, and past caches. */
  readonly network: BlockNetwork;
  /** What was published, by the key that finds its blocks and cannot read them. */
  readonly target: VerifyTarget;
  readonly signal?: AbortLike | undefined;
  readonly onProgress?: ((done: number, asked: number) => void) | undefined;
}

/**
 * A receipt for what was published before, by its reference alone: walks the index, samples, and fetches the sample. Throws
 * CRYPTO_FAILED, BAD_ENCODING, NOT_FOUND where an index block is gone beyond repair, ABORTED, NO_PATH, NETWORK_UNREACHABLE.
 */
export async function takeReceiptOf(options: ReceiptOfOptions): Promise<Receipt> {
  const { crypto, random, network, signal } = options;
  const sample = createReceiptSample(random, RECEIPT_SAMPLE_BLOCKS);
  const context = contextOf({ crypto, random, network, signal, timing: undefined });
  let number = 0;
  for await (const part of walkVerify(context, options.target)) {
    if (part.kind === "root") sample.add({ id: part.id, purpose: "root", lane: "roots", number });
    if (part.kind !== "segment") {
      number += 3;
      continue;
    }
    const ids = await part.tree.segmentIds(part.level, part.segment);
    for (const [at, id] of ids.entries()) sample.add({ id, number: number++, ...purposeOf(part, at) });
  }
  return takeReceipt({ ...options, sample: sample.all() });
}

/** Which circuits a block of a segment travels on, as when it was put. */
function purposeOf({ level, segment, lane }: WalkedSegment, at: number) {
  const isParity = segment.kind === "cross" || at >= segment.data;
  return { lane, purpose: isParity ? "parity" : level > 0 ? "index" : "data" } as const;
}
