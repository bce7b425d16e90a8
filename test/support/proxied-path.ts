import {
  createNetwork,
  type Descriptor,
  generateNodeKeys,
  LOCAL_NETWORK,
  type NodeId,
  parseAddress,
  periodAt,
  signDescriptor,
} from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { OverlayNode } from "@umbel/router";
import { systemClock, systemTimers } from "@umbel/router/platform/system-clock";
import { createWsTransport } from "@umbel/router/platform/ws-node";
import { createPath, type ShapedPath, type ShapedPathOptions, serveBlocks } from "./shaped-path.ts";
import { startShapingProxy } from "./shaping-proxy.ts";

/** The same path over real WebSockets of this machine: a proxy in front of the second relay has all the delay and the width. */
export async function createProxiedPath({
  roundTrip,
  bitsPerSecond,
}: ShapedPathOptions): Promise<ShapedPath> {
  const network = createNetwork(nodeProvider, LOCAL_NETWORK);
  const known = new Map<NodeId, Descriptor>();
  const stops: (() => unknown)[] = [];
  const common = () => ({
    crypto: nodeProvider,
    random: nodeRandom,
    network,
    clock: systemClock,
    timers: systemTimers,
    transport: createWsTransport({ allowLocalAddresses: true }),
    lookUp: (id: NodeId) => known.get(id),
  });

  async function relay(number: number, shaped: boolean) {
    const keys = generateNodeKeys(nodeProvider, nodeRandom);
    const host = shaped ? "127.0.0.1" : `127.${number}.0.1`;
    const sign = (port: number): Descriptor =>
      signDescriptor(nodeProvider, network, keys, {
        period: periodAt(network, Date.now()),
        roles: { relay: true, store: true },
        capacityClass: 1,
        versions: { min: 1, max: 1 },
        family: undefined,
        addresses: [parseAddress(`ws://${host}:${port}`)],
      });
    const { nodeId } = sign(1);
    const node = new OverlayNode({
      ...common(),
      credentials: () => ({ linkKey: keys.linkKey, identity: keys.identity, features: 0 }),
      nodeId,
      hop: { nodeId, keys: () => [keys.hopKey], resolve: (id) => known.get(id) },
    });
    let port = Number(new URL(await node.listen(`ws://${host}:0`)).port);
    stops.unshift(() => node.stop());
    if (shaped) {
      const proxy = await startShapingProxy({ port, delay: roundTrip / 2, bitsPerSecond });
      stops.unshift(proxy.stop);
      port = proxy.port;
    }
    const descriptor = sign(port);
    known.set(nodeId, descriptor);
    return { node, descriptor };
  }

  const path = [await relay(1, false), await relay(2, true), await relay(3, false)];
  serveBlocks(path[2]!.node);
  const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  return createPath({
    now: () => performance.now(),
    pass: pause,
    run: (promise) => promise,
    pause,
    newClient() {
      const { linkKey } = generateNodeKeys(nodeProvider, nodeRandom);
      const credentials = () => ({ linkKey, features: 0 });
      const client = new OverlayNode({ ...common(), credentials, nodeId: undefined, hop: undefined });
      stops.unshift(() => client.stop());
      return client;
    },
    path: path.map(({ descriptor }) => descriptor),
    async stop() {
      for (const stop of stops) await stop();
    },
  });
}
