import { type Millis, parseAddress, type Timers, UmbelError } from "@umbel/core";
import { MEMORY_DIAL_TIMEOUT_MS, TRANSPORT_HIGH_WATER_BYTES, TRANSPORT_LOW_WATER_BYTES } from "../limits.ts";
import { createPair, type MemoryEnd } from "./memory-connection.ts";
import type { PipeNetwork } from "./memory-pipe.ts";
import type { Connection, ConnectionHandler, Listener, Transport } from "./transport.ts";

/** A message on its way, as hooks see it. */
export interface MemoryMessage {
  /** Of the connection; counted from 0 in a network. */
  readonly connectionId: number;
  readonly from: string;
  readonly to: string;
  /** Not to be changed or kept: the receiver owns it. */
  readonly bytes: Uint8Array;
}

/** A connection between two hosts, for whoever plays the network. */
export interface MemoryConnection {
  readonly id: number;
  /** The dialer. */
  readonly from: string;
  readonly to: string;
  /** Both ends hear `closed` at the end of this turn; what was on the way is lost. */
  cut(): void;
}

/** How the network behaves; without hooks it is instant, wide and whole. Hosts are named as in URLs. */
export interface MemoryNetworkOptions {
  readonly timers: Timers;
  /** Bytes sent and not yet delivered above which `send` returns false. */
  readonly highWaterBytes?: number;
  /** Bytes at which `drained` follows. */
  readonly lowWaterBytes?: number;
  /** How long a dial waits for a host that is not reachable. */
  readonly dialTimeout?: Millis;
  /** One-way delay, asked once for each batch of messages. Order within a connection is kept. */
  latency?(from: string, to: string): Millis;
  /** How long `bytes` keep a connection's line busy: the inverse of a bandwidth. */
  transmitTime?(from: string, to: string, bytes: number): Millis;
  /** False while nothing gets from one host to the other: messages wait for `release`, dials time out. */
  reachable?(from: string, to: string): boolean;
  /** Sees each message as it leaves. */
  observe?(message: MemoryMessage): void;
  /** Returns what arrives in place of a message. */
  tamper?(message: MemoryMessage): Uint8Array;
  /** Hears of each connection once it is accepted. */
  connected?(connection: MemoryConnection): void;
}

/** Hosts in one process that talk in memory: for tests, simulation and workers. */
export interface MemoryNetwork {
  /** The transport as seen from `host`; it listens on that host's addresses only. */
  transportFor(host: string): Transport;
  /** Connections that are not ended on both sides, oldest first. */
  connections(): readonly MemoryConnection[];
  /** Lets messages travel that waited for `reachable`. */
  release(): void;
  /**
   * The process of `host` is gone: its listeners and handlers are never called again. Peers hear `closed` one delay
   * later, or, when `silent`, nothing: their messages stay in their buffers until somebody cuts the connection.
   */
  kill(host: string, options?: { readonly silent?: boolean }): void;
}

interface MemoryListener {
  readonly host: string;
  readonly accept: (connection: Connection) => ConnectionHandler;
}

interface Line extends MemoryConnection {
  readonly ends: readonly [dialer: MemoryEnd, acceptor: MemoryEnd];
  /** Who accepted it, once somebody did. */
  listener: MemoryListener | undefined;
}

/** The network's state, and the options with every hook filled in. */
interface NetworkState {
  readonly options: Required<MemoryNetworkOptions>;
  readonly listeners: Map<string, MemoryListener>;
  readonly lines: Set<Line>;
  nextConnectionId: number;
  nextPort: number;
}

/** Ports that `listen` with port 0 hands out start here, as dynamic ports do (RFC 6335). */
const FIRST_DYNAMIC_PORT = 49152;

export function createMemoryNetwork(options: MemoryNetworkOptions): MemoryNetwork {
  const network: NetworkState = {
    options: {
      highWaterBytes: TRANSPORT_HIGH_WATER_BYTES,
      lowWaterBytes: TRANSPORT_LOW_WATER_BYTES,
      dialTimeout: MEMORY_DIAL_TIMEOUT_MS,
      latency: () => 0,
      transmitTime: () => 0,
      reachable: () => true,
      observe: () => {},
      tamper: ({ bytes }) => bytes,
      connected: () => {},
      ...options,
    },
    listeners: new Map(),
    lines: new Set(),
    nextConnectionId: 0,
    nextPort: FIRST_DYNAMIC_PORT,
  };
  return {
    transportFor: (host) => ({
      async listen(url, accept) {
        return startListener(network, host, url, accept);
      },
      dial: (url, handler) => dial(network, host, url, handler),
    }),
    connections: () => [...network.lines],
    release() {
      for (const line of network.lines) for (const end of line.ends) end.release();
    },
    kill: (host, { silent = false } = {}) => kill(network, host, silent),
  };
}

function startListener(
  network: NetworkState,
  host: string,
  url: string,
  accept: MemoryListener["accept"],
): Listener {
  const address = parseAddress(url, { listening: true });
  if (address.host.text !== host) {
    throw new UmbelError("BAD_INPUT", `cannot listen on ${address.host.text}: not an address of this host`);
  }
  const port = address.port === 0 ? network.nextPort++ : address.port;
  const key = listenerKey(host, port);
  if (network.listeners.has(key)) {
    throw new UmbelError("IN_USE", `cannot listen on ${host} port ${port}: the port is taken`);
  }
  const listener: MemoryListener = { host, accept };
  network.listeners.set(key, listener);
  return {
    url: address.port === 0 ? parseAddress(url.replace(/:0(?=\/|$)/, `:${port}`)).url : address.url,
    async close() {
      if (network.listeners.get(key) === listener) network.listeners.delete(key);
      for (const line of network.lines) if (line.listener === listener) line.ends[1].connection.close();
    },
  };
}

function dial(network: NetworkState, from: string, url: string, handler: ConnectionHandler): Connection {
  const { timers, reachable, latency, dialTimeout } = network.options;
  const target = readTarget(url);
  const line = createLine(network, from, target?.host ?? "");
  const dialer = line.ends[0];
  dialer.attach(handler);
  if (target === undefined) {
    line.cut();
  } else if (!reachable(from, target.host)) {
    timers.schedule(dialTimeout, line.cut);
  } else {
    after(timers, latency(from, target.host), () => {
      const isAccepted = accept(network, line, network.listeners.get(target.key));
      after(timers, latency(target.host, from), () => {
        if (!isAccepted) line.cut();
        if (dialer.isClosing) return;
        dialer.open();
        handler.opened?.();
      });
    });
  }
  return dialer.connection;
}

/** The dial reached its target: false when nobody listens there, or the dialer has hung up. */
function accept(network: NetworkState, line: Line, listener: MemoryListener | undefined): boolean {
  const [dialer, acceptor] = line.ends;
  if (listener === undefined || dialer.isClosing) return false;
  line.listener = listener;
  acceptor.attach(listener.accept(acceptor.connection));
  network.options.connected(line);
  acceptor.open();
  return true;
}

function createLine(network: NetworkState, from: string, to: string): Line {
  const id = network.nextConnectionId++;
  const ends = createPair({
    timers: network.options.timers,
    hosts: [from, to],
    lines: [direction(network, id, from, to), direction(network, id, to, from)],
    ended: () => network.lines.delete(line),
  });
  const cut = (): void => {
    for (const end of ends) end.lose();
  };
  const line: Line = { id, from, to, ends, cut, listener: undefined };
  network.lines.add(line);
  return line;
}

function direction({ options }: NetworkState, connectionId: number, from: string, to: string): PipeNetwork {
  return {
    timers: options.timers,
    highWaterBytes: options.highWaterBytes,
    lowWaterBytes: options.lowWaterBytes,
    delay: () => options.latency(from, to),
    transmitTime: (bytes) => options.transmitTime(from, to, bytes),
    reachable: () => options.reachable(from, to),
    carry(bytes) {
      const message = { connectionId, from, to, bytes };
      options.observe(message);
      return options.tamper(message);
    },
  };
}

function kill(network: NetworkState, host: string, silent: boolean): void {
  for (const [key, listener] of network.listeners) if (listener.host === host) network.listeners.delete(key);
  for (const line of network.lines) {
    const dead = line.ends.filter((end) => end.host === host);
    if (dead.length === 0) continue;
    for (const end of dead) end.die();
    const peer = line.from === host ? line.to : line.from;
    if (!silent) after(network.options.timers, network.options.latency(host, peer), line.cut);
  }
}

function readTarget(url: string): { readonly host: string; readonly key: string } | undefined {
  try {
    const { host, port } = parseAddress(url);
    return { host: host.text, key: listenerKey(host.text, port) };
  } catch {
    return undefined;
  }
}

function after(timers: Timers, delay: Millis, run: () => void): void {
  if (delay > 0) timers.schedule(delay, run);
  else timers.defer(run);
}

function listenerKey(host: string, port: number): string {
  return `${host} ${port}`;
}
