import type { NodeId } from "@umbel/core";
import type { BlockNetwork, Client } from "@umbel/storage";

/** Two operations that end at different endpoints, for asking two locations of a slot. */
export interface SiteNetworks {
  readonly networks: readonly [BlockNetwork, BlockNetwork];
  close(): void;
}

/** The second operation waits so long at most for the first one's circuit, in ms. */
const WAIT_MS = 3_000;

/**
 * One endpoint that answered for both locations could hide what it likes. So the second operation is made when the first one's
 * endpoint is known, and keeps away from it. `secondGuard` for a publish.
 */
export function openSiteNetworks(client: Client, { secondGuard = false } = {}): SiteNetworks {
  const used = new Set<NodeId>();
  let known = () => {};
  const isKnown = new Promise<void>((resolve) => {
    known = resolve;
  });
  const first = client.operation({
    secondGuard,
    onCircuits(circuits) {
      for (const { path } of circuits) {
        const endpoint = path.at(-1);
        if (endpoint !== undefined) used.add(endpoint);
      }
      if (used.size > 0) known();
    },
  });
  const timer = setTimeout(known, WAIT_MS);
  let opened: BlockNetwork | undefined;
  let isClosed = false;
  const second = async (): Promise<BlockNetwork> => {
    await isKnown;
    opened ??= client.operation({ secondGuard, avoidEndpoints: used });
    if (isClosed) opened.close();
    return opened;
  };
  return {
    networks: [first, lateNetwork(second)],
    close() {
      isClosed = true;
      clearTimeout(timer);
      known();
      first.close();
      opened?.close();
    },
  };
}

function lateNetwork(made: () => Promise<BlockNetwork>): BlockNetwork {
  return {
    get: async (request, options) => (await made()).get(request, options),
    put: async (request, options) => (await made()).put(request, options),
    getSlot: async (request, options) => (await made()).getSlot(request, options),
    putSlot: async (request, options) => (await made()).putSlot(request, options),
    close: () => void made().then((network) => network.close()),
  };
}
