import { SERVICE } from "@umbel/core";
import type { Circuit } from "@umbel/router";
import { createRelays } from "../../packages/router/test/support/relays.ts";

/** How the path is made; of three relays, the widths of the line from the third to the second and from the second to the first. */
export interface ShapedPathOptions {
  readonly seed: string;
  /** Round trip of the whole path without queues, in ms; each of its three lines has a third of it. */
  readonly roundTrip: number;
  /** Width of the line from the second relay to the first, where all circuits share one link, in bits per second. */
  readonly bitsPerSecond: number;
}

const CELLS_PER_BLOCK = 8;
const BLOCK_BYTES = CELLS_PER_BLOCK * 4072;

/** Clients, two relays and an endpoint in virtual time. What the endpoint sends passes one line of the given width. */
export async function createShapedPath({ seed, roundTrip, bitsPerSecond }: ShapedPathOptions) {
  const hosts: string[] = [];
  const relays = createRelays(seed, {
    latency: () => roundTrip / 6,
    transmitTime: (from, to, bytes) =>
      from === hosts[1] && to === hosts[0] ? (bytes * 8 * 1000) / bitsPerSecond : 0,
  });
  const path = [await relays.relay(), await relays.relay(), await relays.relay()];
  hosts.push(...path.map(({ host }) => host));
  const block = new Uint8Array(BLOCK_BYTES);
  path[2]!.node.serve(SERVICE.BLOCKS, { maxRequestBytes: 64, handle: async () => block.slice() });
  const { clock } = relays;

  /** A client of its own with a circuit. */
  async function circuit(): Promise<Circuit> {
    const { node } = relays.client();
    const built = await clock.complete(node.buildCircuit(path.map(({ descriptor }) => descriptor)), {
      limit: 60_000,
    });
    if (!("path" in built)) throw new Error("no circuit");
    return built;
  }

  const get = (on: Circuit) =>
    on.call(SERVICE.BLOCKS, new Uint8Array(63), { maxResponseBytes: BLOCK_BYTES, timeout: 120_000 });

  return {
    clock,
    circuit,
    /** Fetches blocks, so many at once, until told to stop; counts bytes of whole ones. */
    bulk(on: Circuit, atOnce = 60) {
      const flow = { bytes: 0, stop: false };
      const worker = async () => {
        while (!flow.stop) {
          await get(on);
          flow.bytes += BLOCK_BYTES;
        }
      };
      for (let i = 0; i < atOnce; i++) worker().catch(() => {});
      return flow;
    },
    /** Round trips of one cell there and one back, one after the other with a pause between, in ms. */
    async roundTrips(on: Circuit, count: number, pause = 50): Promise<number[]> {
      const times: number[] = [];
      const ask = async () => {
        for (let i = 0; i < count; i++) {
          const started = clock.now();
          await on
            .call(SERVICE.DIRECTORY, new Uint8Array(8), { maxResponseBytes: 64, timeout: 60_000 })
            .catch(() => undefined);
          times.push(clock.now() - started);
          await new Promise<void>((resolve) => clock.schedule(pause, resolve));
        }
      };
      await clock.complete(ask(), { limit: 3_600_000 });
      return times;
    },
  };
}
