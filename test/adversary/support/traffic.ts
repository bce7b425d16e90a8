import { SERVICE } from "@umbel/core";
import type { Circuit } from "@umbel/router";
import { createRelays } from "../../../packages/router/test/support/relays.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

/** A record as it leaves, which a tap on the line sees. */
export interface SeenRecord {
  readonly at: number;
  readonly bytes: number;
  /** Which connection carries it. */
  readonly connection: number;
}

/** Whose traffic runs over the relay's link to the next hop. */
export type Whose = "own" | "relayed";

/** One piece of work, seen on that link in both directions. */
export interface Trace {
  readonly out: readonly SeenRecord[];
  readonly back: readonly SeenRecord[];
}

export interface RelayedWorld {
  /** Redraws the delays of all links, then does the same work over the relay's own circuit, or over that of a client behind it. */
  trace(whose: Whose): Promise<Trace>;
  /** The same from the very first cell of a circuit on, its building included; the circuit is closed afterwards. */
  traceFromStart(whose: Whose): Promise<Trace>;
  stop(): Promise<void>;
}

/** One-way delays of a pair of hosts, in ms: uniform, and each batch strays by up to a tenth. */
const LATENCY_MS = [40, 50] as const;
const JITTER = 0.1;
const BYTES_PER_MS = 5000;
/** What is asked for, in bytes of the request, one after the other: something fetched, a block stored, something fetched; or much stored. */
const WORK = { blocks: [100, 32_000, 100], bulk: [600_000] } as const;
/** How much narrower the relay's line to the next hop is under "bulk": its queue fills. */
const NARROW = 8;
const CALL = { maxResponseBytes: 100_000, timeout: 60_000 };

/**
 * Four relays and a client. The relay's own circuit has three hops behind it; the client's has the relay as guard and two hops
 * behind it: every piece of work crosses three links in either case, the links drawn from one distribution.
 */
export async function createRelayedWorld(
  seed: string,
  kind: keyof typeof WORK = "blocks",
): Promise<RelayedWorld> {
  const random = createSeededRandom(`${seed} delays`);
  let delays = new Map<string, number>();
  let seen: { out: SeenRecord[]; back: SeenRecord[] } = { out: [], back: [] };
  const latency = (from: string, to: string): number => {
    const pair = [from, to].sort().join(" ");
    let delay = delays.get(pair);
    if (delay === undefined) {
      delay = LATENCY_MS[0] + (LATENCY_MS[1] - LATENCY_MS[0]) * random.fraction();
      delays.set(pair, delay);
    }
    return delay * (1 + JITTER * random.fraction());
  };
  const world = createRelays(seed, {
    latency,
    transmitTime(from, to, bytes) {
      const narrow = kind === "bulk" && from === relay.host && to === next.host ? NARROW : 1;
      return (bytes * narrow) / BYTES_PER_MS;
    },
    observe({ from, to, bytes, connectionId }) {
      const record = { at: world.clock.now(), bytes: bytes.length, connection: connectionId };
      if (from === relay.host && to === next.host) seen.out.push(record);
      if (from === next.host && to === relay.host) seen.back.push(record);
    },
  });
  const relay = await world.relay();
  const next = await world.relay();
  const middle = await world.relay();
  const end = await world.relay();
  const client = world.client();
  end.node.serve(SERVICE.BLOCKS, {
    maxRequestBytes: 1_000_000,
    handle: ({ payload }) => new Uint8Array(payload.length > 1000 ? 64 : 12_000),
  });
  const run = <Value>(promise: Promise<Value>) => world.clock.complete(promise, { limit: 600_000 });
  const build = async (whose: Whose): Promise<Circuit> => {
    const [a, b, c, d] = [relay, next, middle, end].map((one) => one.descriptor);
    const built =
      whose === "own" ? relay.node.buildCircuit([b!, c!, d!]) : client.node.buildCircuit([a!, b!, d!]);
    const circuit = await built;
    if (!("call" in circuit)) throw new Error("the circuit was not built");
    return circuit;
  };
  const work = async (circuit: Circuit): Promise<void> => {
    for (const size of WORK[kind]) await circuit.call(SERVICE.BLOCKS, new Uint8Array(size), CALL);
  };
  const circuits = { own: await run(build("own")), relayed: await run(build("relayed")) };
  const traced = async (doing: () => Promise<void>): Promise<Trace> => {
    // What the last work left on its way.
    await world.clock.advance(1000);
    delays = new Map();
    seen = { out: [], back: [] };
    await run(doing());
    return seen;
  };

  return {
    trace: (whose) => traced(() => work(circuits[whose])),
    traceFromStart: (whose) =>
      traced(async () => {
        const circuit = await build(whose);
        await work(circuit);
        circuit.close();
      }),
    stop: async () => {
      await Promise.all([client, relay, next, middle, end].map(({ node }) => node.stop()));
    },
  };
}

/** Times between records, in ms. */
export function gapsOf(records: readonly SeenRecord[]): number[] {
  return records.slice(1).map(({ at }, index) => at - records[index]!.at);
}

/** Bytes that came without a pause of `pause` ms or more between them. */
export function burstsOf(records: readonly SeenRecord[], pause: number): number[] {
  const bursts: number[] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const { at, bytes } of records) {
    if (at - last >= pause) bursts.push(0);
    bursts[bursts.length - 1]! += bytes;
    last = at;
  }
  return bursts;
}
