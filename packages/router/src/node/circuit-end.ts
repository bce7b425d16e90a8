import type { CircuitId, Millis, NodeId, OnionLayer } from "@umbel/core";
import type { HopLayers } from "../circuit/link-keyed.ts";
import type { OriginCircuit } from "../circuit/origin-circuit.ts";
import { RelayCircuit, type RelayCircuitOptions } from "../circuit/relay-circuit.ts";
import type { Deadlined } from "./deadline-heap.ts";
import type { LinkEntry } from "./link-table.ts";
import type { RequestOrigin } from "./overlay.ts";

/** What a circuit of somebody else comes over: of layers of its own it is not kept which, a relay has thousands. */
export type HopOrigin = { readonly via: "circuit" } | Extract<RequestOrigin, { readonly via: "link" }>;

/** A circuit that this node built: its number here, and its number on the link to the first hop. */
export interface OriginEnd extends Deadlined {
  readonly kind: "origin";
  readonly circuit: number;
  readonly machine: OriginCircuit;
  readonly link: Link;
  readonly id: CircuitId;
}

/** A circuit of somebody else that runs through, or to, this node. */
export interface HopEnd extends Deadlined {
  readonly kind: "hop";
  readonly circuit: number;
  readonly machine: RelayCircuit;
  readonly origin: HopOrigin;
  readonly previous: { readonly link: Link; readonly id: CircuitId };
  next: { readonly link: Link; readonly id: CircuitId } | undefined;
}

/** A circuit of somebody else whose hop handshake has no answer yet. */
export interface PendingEnd extends Deadlined {
  readonly kind: "pending";
  readonly circuit: number;
  readonly previous: { readonly link: Link; readonly id: CircuitId };
}

/** What a circuit number on a link stands for. */
export type End = OriginEnd | HopEnd | PendingEnd;
/** A link of this node. */
export type Link = LinkEntry<End>;

/** The end of a circuit that this node builds over a link. */
export function createOriginEnd(
  circuit: number,
  machine: OriginCircuit,
  link: Link,
  id: CircuitId,
): OriginEnd {
  const nextDeadline = () => machine.nextDeadline();
  return { kind: "origin", circuit, machine, link, id, entered: undefined, nextDeadline };
}

/** The end of somebody else's circuit until its hop handshake is answered. */
export function createPendingEnd(circuit: number, link: Link, id: CircuitId): PendingEnd {
  const nextDeadline = () => undefined;
  return { kind: "pending", circuit, previous: { link, id }, entered: undefined, nextDeadline };
}

/** What the end of somebody else's circuit asks of its node. */
export interface HopEndNode {
  readonly nodeId: NodeId | undefined;
  readonly links: {
    hasRoom(link: Link, id: CircuitId, end: HopEnd, taken: number): boolean;
    awaitRoom(link: Link, end: HopEnd): void;
  };
}

/** The origin of whatever comes over a circuit with layers of its own. */
export const VIA_CIRCUIT: HopOrigin = { via: "circuit" };

/** What a circuit of somebody else begins with at this node. */
export interface HopEndOptions extends HopLayers {
  readonly circuit: number;
  readonly origin: HopOrigin;
  readonly previous: HopEnd["previous"];
}

/** The end of a circuit of somebody else, which this node is the last hop of so far. */
export function createHopEnd(node: HopEndNode, options: HopEndOptions): HopEnd {
  return new RelayedEnd(node, options);
}

/** The end is also what its machine is made with: a relay has thousands, and objects and closures of their own add up. */
class RelayedEnd implements HopEnd, RelayCircuitOptions {
  readonly kind = "hop";
  readonly circuit: number;
  readonly machine: RelayCircuit;
  readonly origin: HopOrigin;
  readonly previous: HopEnd["previous"];
  next: HopEnd["next"] = undefined;
  entered: HopEnd["entered"] = undefined;
  readonly forward: OnionLayer;
  readonly backward: OnionLayer;
  readonly #node: HopEndNode;

  constructor(node: HopEndNode, { circuit, origin, previous, forward, backward }: HopEndOptions) {
    this.#node = node;
    this.circuit = circuit;
    this.origin = origin;
    this.previous = previous;
    this.forward = forward;
    this.backward = backward;
    this.machine = new RelayCircuit(this);
  }

  get mayExtend(): boolean {
    return this.origin.via === "circuit";
  }

  get neverNext(): readonly NodeId[] {
    const { peer } = this.previous.link;
    return [this.#node.nodeId, peer?.kind === "node" ? peer.nodeId : undefined].filter(
      (id) => id !== undefined,
    );
  }

  hasRoom(taken: number): boolean {
    const { link, id } = this.previous;
    return this.#node.links.hasRoom(link, id, this, taken);
  }

  awaitRoom(): void {
    this.#node.links.awaitRoom(this.previous.link, this);
  }

  nextDeadline(): Millis | undefined {
    return this.machine.nextDeadline();
  }
}
