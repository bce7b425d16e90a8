import { type Descriptor, type NodeId, UmbelError } from "@umbel/core";
import { nodeProvider as crypto } from "@umbel/core/platform/node-crypto";
import { createVirtualClock, type VirtualClock } from "../../../../test/support/virtual-clock.ts";
import { createDirectory, type Directory } from "../../src/directory/directory.ts";
import { createDirectoryService } from "../../src/directory/exchange.ts";
import type { DirectCalls, Service } from "../../src/node/overlay.ts";
import { NOON, network } from "./descriptors.ts";

/** Directories that call one another over nothing but virtual time. */
export interface DirectoryWorld {
  readonly clock: VirtualClock;
  /** Requests made so far. */
  readonly requests: number;
  /** A directory filled with `known`, reachable under the first address of `self`. */
  node(self: Descriptor, known?: readonly Descriptor[]): Directory;
  /** A directory that nobody can call. */
  client(): Directory;
  /** Answers calls to `self` with something else from now on; undefined lets them fail. */
  replace(self: Descriptor, service: Service | undefined): void;
  /** Calls by node id or address, with 20 ms of latency each way. */
  readonly calls: DirectCalls;
  /** The nodes that were called, in order. */
  readonly called: readonly NodeId[];
  /** What was sent, in order. */
  readonly payloads: readonly Uint8Array[];
}

export function createDirectoryWorld(unixStart = NOON): DirectoryWorld {
  const clock = createVirtualClock({ unixStart });
  const services = new Map<NodeId, Service | undefined>();
  const byUrl = new Map<string, NodeId>();
  const called: NodeId[] = [];
  const payloads: Uint8Array[] = [];
  const pause = (): Promise<void> => new Promise((resolve) => clock.schedule(20, resolve));
  const client = (): Directory => createDirectory({ crypto, network });
  return {
    clock,
    called,
    payloads,
    get requests() {
      return called.length;
    },
    client,
    node(self, known = [self]) {
      const directory = client();
      for (const { bytes } of known) directory.admit(bytes, clock.unixNow());
      services.set(self.nodeId, createDirectoryService(directory, clock));
      byUrl.set(self.addresses[0]!.url, self.nodeId);
      return directory;
    },
    replace: (self, service) => services.set(self.nodeId, service),
    calls: {
      async call(peer, _service, payload, { maxResponseBytes }) {
        const id = typeof peer === "string" ? peer : (peer.nodeId ?? byUrl.get(peer.url));
        const service = id && services.get(id);
        if (id) called.push(id);
        payloads.push(payload);
        await pause();
        if (!service) throw new UmbelError("LINK_CLOSED", "nobody there");
        if (payload.length > service.maxRequestBytes) throw new UmbelError("STREAM_CLOSED", "too long");
        const response = await service.handle({ payload, origin: { via: "link", peer: undefined } });
        await pause();
        if (response.length > maxResponseBytes) throw new UmbelError("LIMIT_REACHED", "too long");
        return response;
      },
    },
  };
}
