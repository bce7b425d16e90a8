import {
  type Clock,
  type Millis,
  type NodeId,
  type ServiceId,
  type Timer,
  type Timers,
  UmbelError,
} from "@umbel/core";
import {
  DIRECT_IDLE_MS,
  MAX_DIRECT_CIRCUITS,
  MAX_STREAMS_PER_CIRCUIT,
  MAX_WAITING_DIRECT_CALLS,
} from "../limits.ts";
import type { CallOptions } from "./overlay.ts";

interface DirectCircuit {
  readonly circuit: number;
  inFlight: number;
  retired: boolean;
  idle: Timer | undefined;
}

interface Peer {
  readonly circuits: DirectCircuit[];
  /** Calls that wait for a free stream, in order: each is called once, and leaves. */
  readonly waiting: Set<() => void>;
  /** Calls that are not settled. */
  calls: number;
}

/** How one-hop circuits to one peer are made, used and ended. */
export interface DirectCircuitPorts {
  /** A number for a new circuit. */
  readonly newNumber: () => number;
  /** Builds a one-hop circuit to the peer under that number; it is usable at once. */
  readonly build: (circuit: number) => void;
  readonly close: (circuit: number) => void;
  readonly call: (
    circuit: number,
    service: ServiceId,
    payload: Uint8Array,
    options: CallOptions,
  ) => Promise<Uint8Array>;
}

/** The kept one-hop circuits of this node, by peer: reused, bounded, closed when idle. */
export class DirectCircuits {
  readonly #peers = new Map<string, Peer>();
  readonly #timers: Timers;
  readonly #clock: Clock;

  constructor(timers: Timers, clock: Clock) {
    this.#timers = timers;
    this.#clock = clock;
  }

  /**
   * Makes one call over a kept or a new circuit. `key` names the peer. Faults of the circuit come out as LINK_CLOSED; what a call
   * waits for a free stream counts as its time.
   */
  async call(
    key: NodeId | string,
    service: ServiceId,
    payload: Uint8Array,
    options: CallOptions,
    ports: DirectCircuitPorts,
  ): Promise<Uint8Array> {
    const peer = this.#peer(key);
    peer.calls += 1;
    try {
      const deadline = this.#clock.now() + options.timeout;
      const held = await this.#acquire(peer, options, deadline, ports);
      try {
        const timeout = Math.max(1, deadline - this.#clock.now());
        return await ports.call(held.circuit, service, payload, { ...options, timeout });
      } finally {
        this.#release(peer, held, ports.close);
      }
    } catch (error) {
      if (error instanceof UmbelError && error.code === "CIRCUIT_CLOSED") {
        throw new UmbelError("LINK_CLOSED", "the link to the node is gone", { cause: error });
      }
      throw error;
    } finally {
      peer.calls -= 1;
      this.#forgetIfEmpty(key, peer);
    }
  }

  /** A circuit is gone: it is not used again. */
  closed(circuit: number): void {
    for (const [key, peer] of this.#peers) {
      const index = peer.circuits.findIndex((held) => held.circuit === circuit);
      if (index < 0) continue;
      peer.circuits[index]?.idle?.cancel();
      peer.circuits.splice(index, 1);
      this.#forgetIfEmpty(key, peer);
      return;
    }
  }

  /** A circuit should end when its calls are done. */
  retire(circuit: number, close: (circuit: number) => void): void {
    for (const peer of this.#peers.values()) {
      const held = peer.circuits.find((candidate) => candidate.circuit === circuit);
      if (held === undefined) continue;
      held.retired = true;
      if (held.inFlight === 0) close(circuit);
    }
  }

  async #acquire(
    peer: Peer,
    options: CallOptions,
    deadline: Millis,
    ports: DirectCircuitPorts,
  ): Promise<DirectCircuit> {
    for (;;) {
      const usable = peer.circuits.filter((held) => !held.retired);
      const free = usable.find((held) => held.inFlight < MAX_STREAMS_PER_CIRCUIT);
      if (free !== undefined) return hold(free);
      if (usable.length < MAX_DIRECT_CIRCUITS) {
        const held = hold({ circuit: ports.newNumber(), inFlight: 0, retired: false, idle: undefined });
        peer.circuits.push(held);
        ports.build(held.circuit);
        return held;
      }
      await this.#freeStream(peer, options, deadline);
    }
  }

  #freeStream(peer: Peer, { signal }: CallOptions, deadline: Millis): Promise<void> {
    return new Promise((resolve, reject) => {
      if (peer.waiting.size >= MAX_WAITING_DIRECT_CALLS) {
        reject(new UmbelError("LIMIT_REACHED", "too many requests to one node wait"));
        return;
      }
      const settle = (error?: UmbelError): void => {
        if (!peer.waiting.delete(wake)) return;
        timer.cancel();
        signal?.removeEventListener("abort", onAbort);
        if (error === undefined) resolve();
        else reject(error);
      };
      const wake = (): void => settle();
      const onAbort = (): void => settle(new UmbelError("ABORTED", "the request was cancelled"));
      const timer = this.#timers.schedule(Math.max(0, deadline - this.#clock.now()), () =>
        settle(new UmbelError("TIMED_OUT", "no stream to the node became free in time")),
      );
      peer.waiting.add(wake);
      signal?.addEventListener("abort", onAbort);
      if (signal?.aborted === true) onAbort();
    });
  }

  #release(peer: Peer, held: DirectCircuit, close: (circuit: number) => void): void {
    held.inFlight -= 1;
    const [next] = peer.waiting;
    next?.();
    if (held.inFlight > 0 || !peer.circuits.includes(held)) return;
    if (held.retired) close(held.circuit);
    else held.idle = this.#timers.schedule(DIRECT_IDLE_MS, () => close(held.circuit));
  }

  #peer(key: string): Peer {
    let peer = this.#peers.get(key);
    if (peer === undefined) {
      peer = { circuits: [], waiting: new Set(), calls: 0 };
      this.#peers.set(key, peer);
    }
    return peer;
  }

  #forgetIfEmpty(key: string, peer: Peer): void {
    if (peer.circuits.length === 0 && peer.calls === 0) this.#peers.delete(key);
  }
}

function hold(held: DirectCircuit): DirectCircuit {
  held.inFlight += 1;
  held.idle?.cancel();
  held.idle = undefined;
  return held;
}
