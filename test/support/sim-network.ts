import { createHash, type Hash } from "node:crypto";
import type { Millis } from "@umbel/core";
import {
  createMemoryNetwork,
  type MemoryConnection,
  type MemoryMessage,
  type MemoryNetwork,
} from "@umbel/router";
import { createSeededRandom, type SeededRandom } from "./seeded-random.ts";
import { createSimHost, type SimHost } from "./sim-host.ts";
import { createVirtualClock, type VirtualClock } from "./virtual-clock.ts";

export interface SimNetworkOptions {
  /** Everything follows from it; see `seedFor`. */
  readonly seed: string | number;
  /** One-way delays between two hosts lie in this range, in ms; the pair's own delay varies by `jitter`. [10, 100] when absent. */
  readonly latency?: readonly [min: Millis, max: Millis];
  /** How much longer a batch may take than the pair's own delay, as a part of it. A tenth when absent. */
  readonly jitter?: number;
  /** How often a connection is lost, on average, in a minute. 0 when absent. */
  readonly lossPerMinute?: number;
  /** Width of each connection in each direction; endless when absent. */
  readonly bytesPerSecond?: number;
  /** How long connections survive when nothing gets through, in ms. 15,000 when absent. */
  readonly stallTimeout?: Millis;
  /** The wall clock at the start. */
  readonly unixStart?: Millis;
}

/** Hosts in virtual time on a network that misbehaves on purpose: the same seed and the same calls give the same trace. */
export interface SimNetwork {
  readonly seed: string;
  readonly clock: VirtualClock;
  /** For the test's own choices. */
  readonly random: SeededRandom;
  /** The host of that name (an address as in URLs), started at the first call. */
  host(name: string): SimHost;
  /** Nothing gets from one group to the other, dials time out, and connections across are lost after `stallTimeout`. */
  partition(groupA: readonly string[], groupB: readonly string[]): void;
  /** Ends all partitions; connections that still stand go on where they were. */
  heal(): void;
  /** Kills the process of a host. Peers hear `closed`; when `silent` (power loss) only after `stallTimeout`. */
  crash(name: string, options?: { readonly silent?: boolean }): void;
  /** Starts a crashed host again: a new process without memory, which resets what its peers still held open. */
  restart(name: string): SimHost;
  /** Cuts the connections between two hosts, or all of one host. */
  cut(name: string, other?: string): void;
  /** Adds an eye on every message that leaves a host; returns how to take it off. */
  observe(see: (message: MemoryMessage) => void): () => void;
  /** Adds a hand on every message: returns what arrives instead, or undefined to leave it. Returns how to take it off. */
  tamper(change: (message: MemoryMessage) => Uint8Array | undefined): () => void;
  readonly connections: readonly MemoryConnection[];
  readonly messages: number;
  readonly bytes: number;
  /** SHA-256 over (time, from, to, length, bytes) of all messages so far, in hex. */
  digest(): string;
}

const DEFAULT_LATENCY_MS = [10, 100] as const;
const DEFAULT_STALL_TIMEOUT_MS = 15_000;
const DEFAULT_JITTER = 0.1;

export function createSimNetwork(options: SimNetworkOptions): SimNetwork {
  const clock = createVirtualClock(options.unixStart === undefined ? {} : { unixStart: options.unixStart });
  const random = createSeededRandom(options.seed);
  const stallTimeout = options.stallTimeout ?? DEFAULT_STALL_TIMEOUT_MS;
  const walls = createWalls();
  const wire = createWire(clock);
  const losses = random.fork("losses");
  const network = createMemoryNetwork({
    timers: clock,
    dialTimeout: stallTimeout,
    latency: createLatency(random, options.latency ?? DEFAULT_LATENCY_MS, options.jitter ?? DEFAULT_JITTER),
    transmitTime: (_from, _to, bytes) =>
      (bytes / (options.bytesPerSecond ?? Number.POSITIVE_INFINITY)) * 1000,
    reachable: walls.isReachable,
    observe: wire.see,
    tamper: wire.change,
    connected(connection) {
      const rate = (options.lossPerMinute ?? 0) / 60_000;
      if (rate > 0) clock.schedule(-Math.log(1 - losses.fraction()) / rate, connection.cut);
    },
  });

  /** Cuts what still cannot get through when the patience of TCP ends. */
  function cutStalledLater(): void {
    clock.schedule(stallTimeout, () => {
      for (const connection of network.connections()) {
        if (!walls.isReachable(connection.from, connection.to)) connection.cut();
      }
    });
  }

  return {
    seed: String(options.seed),
    clock,
    random: random.fork("test"),
    ...createHosts({ clock, network, random, walls, cutStalledLater }),
    partition(groupA, groupB) {
      walls.raise(groupA, groupB);
      cutStalledLater();
    },
    heal() {
      walls.fall();
      network.release();
    },
    cut(name, other) {
      for (const connection of network.connections()) {
        const ends = [connection.from, connection.to];
        if (ends.includes(name) && (other === undefined || ends.includes(other))) connection.cut();
      }
    },
    observe: wire.observe,
    tamper: wire.tamper,
    get connections() {
      return network.connections();
    },
    get messages() {
      return wire.counts.messages;
    },
    get bytes() {
      return wire.counts.bytes;
    },
    digest: wire.digest,
  };
}

interface HostsOptions {
  readonly clock: VirtualClock;
  readonly network: MemoryNetwork;
  readonly random: SeededRandom;
  readonly walls: Walls;
  cutStalledLater(): void;
}

function createHosts(options: HostsOptions): Pick<SimNetwork, "host" | "crash" | "restart"> {
  const { clock, network, random, walls } = options;
  const running = new Map<string, ReturnType<typeof createSimHost>>();
  const starts = new Map<string, number>();

  function start(name: string): SimHost {
    const count = starts.get(name) ?? 0;
    starts.set(name, count + 1);
    const process = createSimHost({ name, clock, network, random: random.fork(`host ${name} ${count}`) });
    running.set(name, process);
    return process.host;
  }

  return {
    host: (name) => running.get(name)?.host ?? start(name),
    crash(name, { silent = false } = {}) {
      running.get(name)?.die();
      network.kill(name, { silent });
      if (!silent) return;
      walls.bury(name);
      options.cutStalledLater();
    },
    restart(name) {
      if (running.get(name)?.host.isAlive) throw new Error(`${name} still runs: crash it first`);
      walls.dig(name);
      for (const connection of network.connections()) {
        if (connection.from === name || connection.to === name) connection.cut();
      }
      return start(name);
    },
  };
}

type Walls = ReturnType<typeof createWalls>;

/** Who cannot reach whom. */
function createWalls() {
  let walls: { readonly a: ReadonlySet<string>; readonly b: ReadonlySet<string> }[] = [];
  const buried = new Set<string>();
  return {
    raise(groupA: readonly string[], groupB: readonly string[]): void {
      walls.push({ a: new Set(groupA), b: new Set(groupB) });
    },
    fall(): void {
      walls = [];
    },
    bury: (name: string): unknown => buried.add(name),
    dig: (name: string): unknown => buried.delete(name),
    isReachable(from: string, to: string): boolean {
      if (buried.has(from) || buried.has(to)) return false;
      return !walls.some(({ a, b }) => (a.has(from) && b.has(to)) || (b.has(from) && a.has(to)));
    },
  };
}

/** Each pair's own delay, the same in both directions, varied a little for each batch. */
function createLatency(
  random: SeededRandom,
  [min, max]: readonly [Millis, Millis],
  most: number,
): (from: string, to: string) => Millis {
  const pairs = new Map<string, Millis>();
  const jitter = random.fork("jitter");
  return (from, to) => {
    const pair = from < to ? `${from} ${to}` : `${to} ${from}`;
    let base = pairs.get(pair);
    if (base === undefined) {
      base = min + (max - min) * random.fork(`latency ${pair}`).fraction();
      pairs.set(pair, base);
    }
    return base * (1 + most * jitter.fraction());
  };
}

/** What the hooks see of messages: the trace, the eyes and the hands. */
function createWire(clock: VirtualClock) {
  const trace: Hash = createHash("sha256");
  const eyes = new Set<(message: MemoryMessage) => void>();
  const hands = new Set<(message: MemoryMessage) => Uint8Array | undefined>();
  const counts = { messages: 0, bytes: 0 };
  return {
    counts,
    see(message: MemoryMessage): void {
      counts.messages++;
      counts.bytes += message.bytes.length;
      trace
        .update(`${clock.now()} ${message.from} ${message.to} ${message.bytes.length}\n`)
        .update(message.bytes);
      for (const eye of eyes) eye(message);
    },
    change(message: MemoryMessage): Uint8Array {
      let { bytes } = message;
      for (const hand of hands) bytes = hand({ ...message, bytes }) ?? bytes;
      return bytes;
    },
    observe: (see: (message: MemoryMessage) => void) => added(eyes, see),
    tamper: (change: (message: MemoryMessage) => Uint8Array | undefined) => added(hands, change),
    digest: () => trace.copy().digest("hex"),
  };
}

function added<Item>(set: Set<Item>, item: Item): () => void {
  set.add(item);
  return () => {
    set.delete(item);
  };
}
