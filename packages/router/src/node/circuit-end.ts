import type { CircuitId, Millis } from "@umbel/core";
import type { OriginCircuit } from "../circuit/origin-circuit.ts";
import type { RelayCircuit } from "../circuit/relay-circuit.ts";
import type { Deadlined } from "./deadline-heap.ts";
import type { LinkEntry } from "./link-table.ts";
import type { RequestOrigin } from "./overlay.ts";

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
  readonly origin: RequestOrigin;
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
  return { kind: "origin", circuit, machine, link, id, nextDeadline: () => machine.nextDeadline() };
}

/** The end of a circuit of somebody else, which this node is the last hop of so far. */
export function createHopEnd(
  circuit: number,
  machine: RelayCircuit,
  origin: RequestOrigin,
  previous: HopEnd["previous"],
): HopEnd {
  const nextDeadline = (): Millis | undefined => machine.nextDeadline();
  return { kind: "hop", circuit, machine, origin, previous, next: undefined, nextDeadline };
}
