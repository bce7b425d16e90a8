import { setMaxListeners } from "node:events";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import type { Client, SiteContext } from "@umbel/storage";
import { evidenceKeeper, siteMemory } from "./site-files.ts";
import { openSiteNetworks } from "./site-networks.ts";

export interface SiteContextOptions {
  readonly dataDir: string;
  /** The network's name: what was seen in another is of no use here. */
  readonly network: string;
  readonly signal: AbortSignal;
  readonly onWarning?: ((text: string) => void) | undefined;
  /** True for a publish. */
  readonly secondGuard?: boolean;
}

/** Runs `work` with circuits that ask for one site and carry nothing else, and with what this data folder has seen of it. */
export async function withSiteContext<Result>(
  client: Client,
  { dataDir, network, signal, onWarning, secondGuard = false }: SiteContextOptions,
  work: (context: SiteContext) => Promise<Result>,
): Promise<Result> {
  const { networks, close } = openSiteNetworks(client, { secondGuard });
  const own = crowdedSignal(signal);
  try {
    return await work({
      ...{ crypto: nodeProvider, random: nodeRandom, networks, signal: own },
      ...{ memory: siteMemory(dataDir, network), evidence: evidenceKeeper(dataDir) },
      notice: (text) => onWarning?.(text),
    });
  } finally {
    close();
  }
}

/** A signal that aborts with `signal`, for so many requests at once that Node would warn of a leak. */
export function crowdedSignal(signal: AbortSignal): AbortSignal {
  const own = AbortSignal.any([signal]);
  setMaxListeners(0, own);
  return own;
}
