import { UmbelError, verifyReferenceOf } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { takeReceiptOf as takeReceipt } from "@umbel/storage";
import type { ClientOptions, ReceiptCounts } from "../engine.ts";
import { withClient } from "./client.ts";
import { openInner } from "./references.ts";

/**
 * Fetches a sample of what a reference names, past caches. Throws BAD_REFERENCE, BAD_INPUT for a reference that names no content of
 * its own, NOT_FOUND, NETWORK_UNREACHABLE, NO_PATH, ABORTED.
 */
export async function takeReceiptOf(text: string, options: ClientOptions): Promise<ReceiptCounts> {
  const reference = await openInner(text, options);
  const target =
    reference.kind === "file" || reference.kind === "verify"
      ? verifyReferenceOf(nodeProvider, reference)
      : undefined;
  if (target === undefined || !("rootId" in target)) {
    throw new UmbelError("BAD_INPUT", "--receipt-only takes the reference of a file or folder");
  }
  return withClient(options, async ({ client }) => {
    let circuits = 0;
    const network = client.operation({
      bypassCaches: true,
      onCircuits(inUse) {
        circuits = inUse.length;
        options.onCircuits?.(inUse.map(({ path }) => path));
      },
    });
    try {
      const { confirmed, asked } = await takeReceipt({
        ...{ crypto: nodeProvider, random: nodeRandom, network, target, signal: options.signal },
        onProgress: (blocksDone, blocksTotal) =>
          options.onProgress?.({ bytesDone: 0, bytesTotal: undefined, blocksDone, blocksTotal, circuits }),
      });
      return { confirmed, asked };
    } finally {
      network.close();
    }
  });
}
