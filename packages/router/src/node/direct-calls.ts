import { type Clock, type Millis, type ServiceId, type Timer, type Timers, UmbelError } from "@umbel/core";
import {
  DIRECT_IDLE_MS,
  MAX_DIRECT_CIRCUITS,
  MAX_STREAMS_PER_CIRCUIT,
  MAX_WAITING_DIRECT_CALLS,
} from "../limits.ts";
import type { DialTarget } from "./link-table.ts";
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

/** How one-hop circuits are made, used and ended. */
export interface DirectCircuitPorts {
  readonly timers: Timers;
  readonly clock: Clock;
  /** A number for a new circuit. */
  readonly newNumber: () => number;
  /** Builds a one-hop circuit to the peer under that number; it is usable at once. */
  readonly build: (circuit: number, target: DialTarget) => void;
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
  readonly #ports: DirectCircuitPorts;
  readonly #peers = new Map<string, Peer>();

  constructor(ports: DirectCircuitPorts) {
    this.#ports = ports;
  }

  /**
   * Makes one call over a kept or a new circuit. Faults of the circuit come out as LINK_CLOSED; what a call waits for a free stream
   * counts as its time.
   */
  async call(
    target: DialTarget,
    service: ServiceId,
    payload: Uint8Array,
    options: CallOptions,
  ): Promise<Uint8Array> {
    const key = target.nodeId ?? target.url;
    const peer = this.#peer(key);
    peer.calls += 1;
    try {
      const deadline = this.#ports.clock.now() + options.timeout;
      let left = options;
      let held = this.#acquire(peer, target);
      if (held === undefined) {
        held = await this.#waitForStream(peer, target, options, deadline);
        left = { ...options, timeout: Math.max(1, deadline - this.#ports.clock.now()) };
      }
      try {
        return await this.#ports.call(held.circuit, service, payload, left);
      } finally {
        this.#release(peer, held);
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
  retire(circuit: number): void {
    for (const peer of this.#peers.values()) {
      const held = peer.circuits.find((candidate) => candidate.circuit === circuit);
      if (held === undefined) continue;
      held.retired = true;
      if (held.inFlight === 0) this.#ports.close(circuit);
    }
  }

  /** A place on a circuit, kept or new; undefined when each of the circuits that there may be is full. */
  #acquire(peer: Peer, target: DialTarget): DirectCircuit | undefined {
    let usable = 0;
    for (const held of peer.circuits) {
      if (held.retired) continue;
      if (held.inFlight < MAX_STREAMS_PER_CIRCUIT) return hold(held);
      usable += 1;
    }
    if (usable === MAX_DIRECT_CIRCUITS) return undefined;
    const { newNumber, build } = this.#ports;
    const held = hold({ circuit: newNumber(), inFlight: 0, retired: false, idle: undefined });
    peer.circuits.push(held);
    build(held.circuit, target);
    return held;
  }

  async #waitForStream(
    peer: Peer,
    target: DialTarget,
    options: CallOptions,
    deadline: Millis,
  ): Promise<DirectCircuit> {
    for (;;) {
      await this.#freeStream(peer, options, deadline);
      const held = this.#acquire(peer, target);
      if (held !== undefined) return held;
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
      const { timers, clock } = this.#ports;
      const timer = timers.schedule(Math.max(0, deadline - clock.now()), () =>
        settle(new UmbelError("TIMED_OUT", "no stream to the node became free in time")),
      );
      peer.waiting.add(wake);
      signal?.addEventListener("abort", onAbort);
      if (signal?.aborted === true) onAbort();
    });
  }

  #release(peer: Peer, held: DirectCircuit): void {
    held.inFlight -= 1;
    for (const wake of peer.waiting) {
      wake();
      break;
    }
    if (held.inFlight > 0 || !peer.circuits.includes(held)) return;
    const { timers, close } = this.#ports;
    if (held.retired) close(held.circuit);
    else held.idle = timers.schedule(DIRECT_IDLE_MS, () => close(held.circuit));
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
