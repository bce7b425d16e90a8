import { silentLogger } from "@umbel/core";
import { type BlockNetwork, type Client, startClient } from "@umbel/storage";
import type { ClientOptions } from "../engine.ts";
import { openDataFolder } from "../files/data-folder.ts";
import { directoryStore } from "./directory-store.ts";
import { guardStore, guardWarnings } from "./guard-store.ts";
import { bootstrapEntries, realWorld } from "./world.ts";

/** What one command does with the network. `circuits` is how many are in use at the moment. */
export interface Operation {
  readonly client: Client;
  readonly network: BlockNetwork;
  circuits(): number;
}

/**
 * Starts a client for one command, runs `work` over circuits of its own, and ends everything, whatever the outcome. Throws what
 * `startClient` and `work` throw. `secondGuard` for what lasts, or what others can make last.
 */
export async function withClient<Result>(
  options: ClientOptions,
  work: (operation: Operation) => Promise<Result>,
  circuits: { readonly secondGuard?: boolean } = {},
): Promise<Result> {
  const world = realWorld(options.network, silentLogger);
  const bootstrap = bootstrapEntries(options.bootstrap);
  const folder = await openDataFolder(options.dataDir);
  const guards = guardStore(folder, world.network.name);
  const directories = directoryStore(folder, world.network.name);
  const { signal, constantRate } = options;
  const onRateRefused = once(() => options.onWarning?.(RATE_REFUSED));
  const client = await startClient({
    ...{ ...world, bootstrap, guards, directories },
    ...{ signal, constantRate, onRateRefused },
  });
  let inUse = 0;
  const network = client.operation({
    ...circuits,
    onCircuits(circuits) {
      inUse = circuits.length;
      options.onCircuits?.(circuits.map(({ path }) => path));
    },
  });
  try {
    return await work({ client, network, circuits: () => inUse });
  } finally {
    network.close();
    for (const warning of guardWarnings(client.guardBias(), folder, world.network.name))
      options.onWarning?.(warning);
    await client.stop();
  }
}

const RATE_REFUSED =
  "a guard does not grant the constant rate: it has no place left, or none at all; nothing goes over it, other guards are tried";

function once(run: () => void): () => void {
  let done = false;
  return () => {
    if (!done) run();
    done = true;
  };
}
