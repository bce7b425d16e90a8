import {
  type Clock,
  type Descriptor,
  type NodeId,
  type ServiceId,
  type Timers,
  UmbelError,
} from "@umbel/core";
import type { OriginCircuitEffect, OriginCircuitInput } from "../circuit/origin-circuit.ts";
import type { Transport } from "../transport/transport.ts";
import { CallTable } from "./call-table.ts";
import { DirectCircuits } from "./direct-calls.ts";
import { NodeDriver, type NodeNews } from "./driver.ts";
import { createHopEfforts, type HopEfforts } from "./hop-efforts.ts";
import { createInlineResponder, type HopResponder } from "./hop-responder.ts";
import { type DialTarget, dialTargetOf } from "./link-table.ts";
import type { MemoryCounts } from "./memory-bound.ts";
import { NodeMachine } from "./node-machine.ts";
import type { NodeMachineOptions } from "./node-options.ts";
import type { BootstrapEntry, CallOptions, Circuit, DirectCalls, Service } from "./overlay.ts";
import { ServiceHost } from "./service-host.ts";

/** What an overlay node is made with: the machine's options, and the ports of the world. */
export interface OverlayNodeOptions extends NodeMachineOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Does the heavy part of hop handshakes; in line when absent. The node does not end it. */
  readonly responder?: HopResponder | undefined;
  /** Hears of mistakes of our own, which have ended what they concerned and not the node. Thrown out of turn when absent. */
  readonly onFault?: ((error: unknown) => void) | undefined;
  /** Hears that a guard does not grant the constant rate that this client wants; the circuit is not built. */
  readonly onRateRefused?: (() => void) | undefined;
  /** Finds the descriptor for a direct call. */
  readonly lookUp: (nodeId: NodeId) => Descriptor | undefined;
}

/** How the building of a circuit ended when it failed. */
export interface BuildFailure {
  /** Hops that were reached: 0 means that not even the guard answered. */
  readonly hops: number;
  /** With no hops: the guard is there and said no, and might not to the higher bid that the next build makes. */
  readonly mayBidHigher?: boolean;
}

interface Build {
  readonly path: readonly Descriptor[];
  readonly resolve: (outcome: Circuit | BuildFailure) => void;
}

/** A node of the overlay as the layers above use it: links and circuits by promise. Serves any mix of roles. */
export class OverlayNode implements DirectCalls {
  readonly #options: OverlayNodeOptions;
  readonly #machine: NodeMachine;
  readonly #driver: NodeDriver;
  readonly #host: ServiceHost;
  readonly #calls: CallTable;
  readonly #direct: DirectCircuits;
  readonly #efforts: HopEfforts;
  readonly #builds = new Map<number, Build>();
  readonly #open = new Set<number>();
  #stopped = false;

  constructor(options: OverlayNodeOptions) {
    const { transport, clock, timers, tap } = options;
    this.#options = options;
    this.#machine = new NodeMachine({ ...options, collected: (circuit) => this.#host.collected(circuit) });
    this.#driver = new NodeDriver({
      machine: this.#machine,
      transport,
      clock,
      timers,
      responder: options.responder ?? createInlineResponder(options.crypto, options.random),
      onNews: (news) => this.#news(news),
    });
    this.#host = new ServiceHost({
      toHop: (circuit, input) => this.#driver.input({ type: "hop", circuit, input }),
      clock,
      tap,
    });
    this.#calls = new CallTable({ timers, toOrigin: (circuit, input) => this.#command(circuit, input) });
    this.#direct = new DirectCircuits({
      timers,
      clock,
      newNumber: () => this.#machine.newNumber(),
      build: (circuit, target) => this.#driver.input({ type: "build-direct", circuit, target }),
      close: (circuit) => this.#close(circuit),
      call: (circuit, service, payload, call) => this.#calls.call(circuit, service, payload, call),
    });
    this.#efforts = createHopEfforts(options);
  }

  /** Links in any state. */
  get linkCount(): number {
    return this.#machine.linkCount;
  }

  /** What the queues of this node hold, and what was ended because they held too much. */
  get memory(): MemoryCounts {
    return this.#machine.memory;
  }

  /** Accepts links at `url`; returns the URL in use, with the real port. Throws IN_USE, BAD_INPUT. */
  listen(url: string): Promise<string> {
    return this.#driver.listen(url);
  }

  /** Offers a service to whoever opens a stream to this node. */
  serve(id: ServiceId, service: Service): void {
    this.#host.serve(id, service);
  }

  call(
    peer: NodeId | BootstrapEntry,
    service: ServiceId,
    payload: Uint8Array,
    options: CallOptions,
  ): Promise<Uint8Array> {
    if (this.#stopped) return Promise.reject(new UmbelError("LINK_CLOSED", "this node has stopped"));
    const target = this.#target(peer);
    if (target === undefined) {
      return Promise.reject(new UmbelError("NO_PATH", "the node is not in the directory"));
    }
    return this.#direct.call(target, service, payload, options);
  }

  /** Builds a circuit over exactly this path, guard first. */
  buildCircuit(path: readonly Descriptor[]): Promise<Circuit | BuildFailure> {
    if (this.#stopped) return Promise.resolve({ hops: 0 });
    const bids = this.#efforts.bidsFor(path);
    if (bids instanceof Promise) return bids.then((found) => this.#build(path, found));
    return this.#build(path, []);
  }

  /** Closes every circuit, link and listener. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#driver.stop();
  }

  #build(
    path: readonly Descriptor[],
    bids: readonly (Uint8Array | undefined)[],
  ): Promise<Circuit | BuildFailure> {
    if (this.#stopped) return Promise.resolve({ hops: 0 });
    return new Promise((resolve) => {
      const circuit = this.#machine.newNumber();
      this.#builds.set(circuit, { path, resolve });
      this.#driver.input({ type: "build", circuit, path, bids });
    });
  }

  #target(peer: NodeId | BootstrapEntry): DialTarget | undefined {
    if (typeof peer !== "string") return { url: peer.url, nodeId: peer.nodeId, linkKey: undefined };
    const descriptor = this.#options.lookUp(peer);
    return descriptor === undefined ? undefined : dialTargetOf(descriptor);
  }

  #command(circuit: number, input: OriginCircuitInput): void {
    this.#driver.input({ type: "origin", circuit, input });
  }

  #close(circuit: number): void {
    this.#command(circuit, { type: "close" });
  }

  #news(news: NodeNews): void {
    switch (news.type) {
      case "hop":
        this.#host.event(news.circuit, news.origin, news.event);
        break;
      case "hop-closed":
        this.#host.circuitClosed(news.circuit);
        break;
      case "superseded":
        this.#direct.retire(news.circuit);
        break;
      case "rate-refused":
        this.#options.onRateRefused?.();
        break;
      case "origin":
        this.#origin(news.circuit, news.effect);
        break;
      case "fault":
        this.#fault(news.error);
        break;
    }
  }

  #fault(error: unknown): void {
    const { onFault, timers } = this.#options;
    if (onFault !== undefined) onFault(error);
    else
      timers.defer(() => {
        throw error;
      });
  }

  #origin(circuit: number, effect: OriginCircuitEffect): void {
    const build = this.#builds.get(circuit);
    if (effect.type === "built" && build !== undefined) {
      this.#builds.delete(circuit);
      this.#open.add(circuit);
      build.resolve(this.#circuit(circuit, build.path));
    } else if (effect.type === "closed") {
      this.#builds.delete(circuit);
      this.#open.delete(circuit);
      build?.resolve(this.#failure(build.path, effect));
      this.#direct.closed(circuit);
    }
    this.#calls.event(circuit, effect);
  }

  #failure(
    path: readonly Descriptor[],
    { hops, refused }: OriginCircuitEffect & { readonly type: "closed" },
  ): BuildFailure {
    const next = refused === true ? path[hops] : undefined;
    const mayBidHigher = next !== undefined && this.#efforts.refused(next.nodeId);
    return hops === 0 && mayBidHigher ? { hops, mayBidHigher } : { hops };
  }

  #circuit(circuit: number, path: readonly Descriptor[]): Circuit {
    const isOpen = (): boolean => this.#open.has(circuit);
    const inFlight = (): number => this.#calls.inFlight(circuit);
    return {
      path: path.map((descriptor) => descriptor.nodeId),
      get isOpen() {
        return isOpen();
      },
      get callsInFlight() {
        return inFlight();
      },
      call: (service, payload, options) => this.#calls.call(circuit, service, payload, options),
      close: () => this.#close(circuit),
    };
  }
}
