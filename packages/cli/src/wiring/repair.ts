import { BLOCK_BYTES } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { systemClock, systemTimers } from "@umbel/router/platform/system-clock";
import { type RepairReport, repairContent, repairSite } from "@umbel/storage";
import type { ClientOptions } from "../engine.ts";
import { withClient } from "./client.ts";
import { verifyTargetOf, wantedHolders } from "./verify-target.ts";

export interface RepairOptions extends ClientOptions {
  /** Only look. */
  readonly checkOnly: boolean;
}

export interface Repaired extends RepairReport {
  readonly seconds: number;
}

/**
 * Looks for every block that a reference leads to, past the caches of endpoints, and puts back what is missing. Throws BAD_REFERENCE,
 * BAD_INPUT, CRYPTO_FAILED, BAD_ENCODING, NETWORK_UNREACHABLE, NO_PATH, ABORTED.
 */
export async function repairReference(text: string, options: RepairOptions): Promise<Repaired> {
  const target = await verifyTargetOf(text, options);
  const started = performance.now();
  return withClient(options, async ({ client }) => {
    let circuits = 0;
    const network = client.operation({
      ...{ bypassCaches: true, secondGuard: true },
      onCircuits(inUse) {
        circuits = inUse.length;
        options.onCircuits?.(inUse.map(({ path }) => path));
      },
    });
    const repair = {
      ...{ crypto: nodeProvider, random: nodeRandom, network, wanted: wantedHolders(client) },
      ...{ checkOnly: options.checkOnly, signal: options.signal },
      timing: { clock: systemClock, timers: systemTimers },
      progress: ({ checked, total }: RepairReport) =>
        options.onProgress?.({
          ...{ bytesDone: checked * BLOCK_BYTES, bytesTotal: total * BLOCK_BYTES },
          ...{ blocksDone: checked, blocksTotal: total, circuits },
        }),
    };
    try {
      const report = await ("rootId" in target ? repairContent(repair, target) : repairSite(repair, target));
      return { ...report, seconds: (performance.now() - started) / 1000 };
    } finally {
      network.close();
    }
  });
}
