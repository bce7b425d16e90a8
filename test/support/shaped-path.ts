import { type Descriptor, SERVICE } from "@umbel/core";
import type { Circuit, OverlayNode } from "@umbel/router";
import { createRelays } from "../../packages/router/test/support/relays.ts";

/** A path of three relays, on which what the endpoint sends passes one line that all circuits share. */
export interface ShapedPathOptions {
  readonly seed: string;
  /** Of the whole path without queues, in ms. */
  readonly roundTrip: number;
  /** Width of the line from the second relay to the first. */
  readonly bitsPerSecond: number;
}

/** A circuit that always asks for more. */
export interface BulkFlow {
  /** Content that came. */
  bytes: number;
  stop: boolean;
}

/** What measurements do with a path, in whatever time it has. */
export interface ShapedPath {
  /** A client of its own with a circuit. */
  circuit(): Promise<Circuit>;
  /** Fetches blocks, many at once, until told to stop. */
  bulk(on: Circuit): BulkFlow;
  /** Round trips of one cell there and one back, one after the other with pauses between, in ms. */
  roundTrips(on: Circuit, count: number): Promise<number[]>;
  /** Lets time pass. */
  pass(ms: number): Promise<void>;
  stop(): Promise<void>;
}

/** The time and the nodes of a path. */
interface PathWorld {
  now(): number;
  pass(ms: number): Promise<void>;
  /** Lets time pass until `promise` is settled. */
  run<Value>(promise: Promise<Value>): Promise<Value>;
  /** Settles after `ms`, while somebody lets time pass. */
  pause(ms: number): Promise<void>;
  newClient(): OverlayNode;
  readonly path: readonly Descriptor[];
  stop(): Promise<void>;
}

const BLOCK_BYTES = 8 * 4072;
const AT_ONCE = 60;
const PAUSE_MS = 50;

/** In virtual time, over a memory network: each of the three lines has a third of the round trip. */
export async function createSimulatedPath(options: ShapedPathOptions): Promise<ShapedPath> {
  const { seed, roundTrip, bitsPerSecond } = options;
  const hosts: string[] = [];
  const relays = createRelays(seed, {
    latency: () => roundTrip / 6,
    transmitTime: (from, to, bytes) =>
      from === hosts[1] && to === hosts[0] ? (bytes * 8 * 1000) / bitsPerSecond : 0,
  });
  const path = [await relays.relay(), await relays.relay(), await relays.relay()];
  hosts.push(...path.map(({ host }) => host));
  serveBlocks(path[2]!.node);
  const { clock } = relays;
  return createPath({
    now: () => clock.now(),
    pass: (ms) => clock.advance(ms),
    run: (promise) => clock.complete(promise, { limit: 3_600_000 }),
    pause: (ms) => new Promise((resolve) => clock.schedule(ms, resolve)),
    newClient: () => relays.client().node,
    path: path.map(({ descriptor }) => descriptor),
    stop: async () => {},
  });
}

/** Answers every request with a block. */
export function serveBlocks(node: OverlayNode): void {
  const block = new Uint8Array(BLOCK_BYTES);
  node.serve(SERVICE.BLOCKS, { maxRequestBytes: 64, handle: async () => block.slice() });
}

/** The path of a world. */
export function createPath(world: PathWorld): ShapedPath {
  return {
    async circuit() {
      const built = await world.run(world.newClient().buildCircuit(world.path));
      if (!("path" in built)) throw new Error("no circuit");
      return built;
    },
    bulk(on) {
      const flow: BulkFlow = { bytes: 0, stop: false };
      const worker = async () => {
        while (!flow.stop) {
          const options = { maxResponseBytes: BLOCK_BYTES, timeout: 120_000 };
          await on.call(SERVICE.BLOCKS, new Uint8Array(63), options);
          flow.bytes += BLOCK_BYTES;
        }
      };
      for (let i = 0; i < AT_ONCE; i++) worker().catch(() => {});
      return flow;
    },
    roundTrips(on, count) {
      const ask = async () => {
        const times: number[] = [];
        for (let i = 0; i < count; i++) {
          const started = world.now();
          // The endpoint has no such service: it says so with one cell.
          const options = { maxResponseBytes: 64, timeout: 60_000 };
          await on.call(SERVICE.DIRECTORY, new Uint8Array(8), options).catch(() => undefined);
          times.push(world.now() - started);
          await world.pause(PAUSE_MS);
        }
        return times;
      };
      return world.run(ask());
    },
    pass: (ms) => world.pass(ms),
    stop: () => world.stop(),
  };
}
