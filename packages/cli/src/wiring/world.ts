import { type Logger, networkNamed, parseBootstrapEntry } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import type { BootstrapEntry } from "@umbel/router";
import { systemClock, systemTimers } from "@umbel/router/platform/system-clock";
import { createWsTransport } from "@umbel/router/platform/ws-node";
import type { WorldPorts } from "@umbel/storage";

/** The real world: this system's clock, timers and random source, node:crypto, WebSockets. Throws BAD_INPUT for an unknown network. */
export function realWorld(network: string, log: Logger): WorldPorts {
  const parameters = networkNamed(nodeProvider, network);
  return {
    crypto: nodeProvider,
    random: nodeRandom,
    clock: systemClock,
    timers: systemTimers,
    transport: createWsTransport({ allowLocalAddresses: parameters.allowLocalAddresses }),
    log,
    network: parameters,
  };
}

/** Reads bootstrap addresses. Throws BAD_INPUT that says which one is wrong and where. */
export function bootstrapEntries(addresses: readonly string[]): readonly BootstrapEntry[] {
  return addresses.map((address) => parseBootstrapEntry(address));
}
