import {
  type CircuitId,
  type Descriptor,
  type LinkPeer,
  type Millis,
  type NodeId,
  UmbelError,
} from "@umbel/core";
import { MAX_CIRCUITS_PER_CLIENT_LINK, MAX_CIRCUITS_PER_LINK } from "../limits.ts";
import type { ConstantRate } from "../link/constant-rate.ts";
import type { LinkMachine } from "../link/link-machine.ts";
import type { DeadlineEntry } from "./deadline-heap.ts";

/** Whom to dial: an address, and who must answer there as far as known. */
export interface DialTarget {
  readonly url: string;
  readonly nodeId: NodeId | undefined;
  readonly linkKey: Uint8Array | undefined;
}

/** The target for a link to the node that signed this descriptor. */
export function dialTargetOf(descriptor: Descriptor): DialTarget {
  const address = descriptor.addresses[0];
  if (address === undefined) throw new UmbelError("INTERNAL", "a descriptor without an address");
  return { url: address.url, nodeId: descriptor.nodeId, linkKey: descriptor.linkKey };
}

/** A link with what the node keeps beside its machine. `Side` is the circuit end that a circuit number stands for. */
export interface LinkEntry<Side> {
  readonly connection: number;
  readonly machine: LinkMachine;
  /** The target when this node dialled; undefined for an accepted connection. */
  readonly target: DialTarget | undefined;
  /** The link whose circuit asked for this dial, by its connection; undefined when this node did. */
  readonly dialledFor: number | undefined;
  /** Known once the handshake is done. */
  peer: LinkPeer | undefined;
  /** The constant rate that this node dialled for, or granted; undefined for none. */
  rate: ConstantRate | undefined;
  /** Another link to the same node is preferred; this one ends with its last circuit. */
  superseded: boolean;
  /** Since when no circuit uses the link; undefined while one does. */
  idleSince: Millis | undefined;
  /** The number given out last, of its own so that it tells the peer nothing of other links. */
  lastCircuit: number;
  readonly circuits: Map<CircuitId, Side>;
  /** Circuits that start here and wait for room in the queue. */
  readonly waiting: Set<Side>;
  /** Its place among the deadlines. */
  entered: DeadlineEntry | undefined;
  nextDeadline(): Millis | undefined;
}

/** The half of the number space that belongs to whoever dialled: its first bit, which is that of the sign. */
const DIALER_BIT = -0x8000_0000;
const HALF = 0x8000_0000;

/** The links of a node: by connection, by peer, by address dialled; and the circuit numbers of each. */
export class LinkTable<Side> {
  readonly #byConnection = new Map<number, LinkEntry<Side>>();
  readonly #byNode = new Map<NodeId, LinkEntry<Side>>();
  readonly #byUrl = new Map<string, LinkEntry<Side>>();

  get size(): number {
    return this.#byConnection.size;
  }

  all(): Iterable<LinkEntry<Side>> {
    return this.#byConnection.values();
  }

  get(connection: number): LinkEntry<Side> | undefined {
    return this.#byConnection.get(connection);
  }

  /**
   * A link that reaches the target, established or on its way. An address alone says nothing of who answers there: where a
   * node is asked for, a link to its address counts only once that node has authenticated on it; and nobody waits for a dial that
   * will fail because it expects somebody else.
   */
  find(target: DialTarget): LinkEntry<Side> | undefined {
    if (target.nodeId !== undefined) return this.#byNode.get(target.nodeId);
    const byUrl = this.#byUrl.get(target.url);
    return byUrl?.peer !== undefined || byUrl?.target?.nodeId === undefined ? byUrl : undefined;
  }

  add(entry: LinkEntry<Side>): void {
    this.#byConnection.set(entry.connection, entry);
    if (entry.target === undefined) return;
    if (entry.target.nodeId !== undefined && !this.#byNode.has(entry.target.nodeId)) {
      this.#byNode.set(entry.target.nodeId, entry);
    }
    if (!this.#byUrl.has(entry.target.url)) this.#byUrl.set(entry.target.url, entry);
  }

  /**
   * Enters a peer that authenticated. Two nodes that dialled each other keep the link dialled by the lower node id: both ends
   * come to the same answer. Returns the link that is superseded, if any.
   */
  established(
    entry: LinkEntry<Side>,
    peer: LinkPeer,
    ownNodeId: NodeId | undefined,
  ): LinkEntry<Side> | undefined {
    entry.peer = peer;
    if (peer.kind !== "node") return undefined;
    const other = this.#byNode.get(peer.nodeId);
    if (other?.peer === undefined || other === entry) {
      this.#byNode.set(peer.nodeId, entry);
      return undefined;
    }
    const opposite = (other.target === undefined) !== (entry.target === undefined);
    const dialedHere = entry.target !== undefined;
    const lowerDialed = ownNodeId !== undefined && ownNodeId < peer.nodeId === dialedHere;
    const keepNew = opposite ? lowerDialed : true;
    const loser = keepNew ? other : entry;
    if (keepNew) this.#byNode.set(peer.nodeId, entry);
    loser.superseded = true;
    return loser;
  }

  remove(entry: LinkEntry<Side>): void {
    this.#byConnection.delete(entry.connection);
    const nodeId = nodeIdOf(entry);
    if (nodeId !== undefined && this.#byNode.get(nodeId) === entry) {
      this.#byNode.delete(nodeId);
      this.#promote(nodeId);
    }
    if (entry.target !== undefined && this.#byUrl.get(entry.target.url) === entry)
      this.#byUrl.delete(entry.target.url);
  }

  /** A free circuit number on the half of this end, or undefined when the link carries as many circuits as it may. */
  allocate(entry: LinkEntry<Side>): CircuitId | undefined {
    if (entry.circuits.size >= MAX_CIRCUITS_PER_LINK) return undefined;
    const half = entry.target === undefined ? 0 : DIALER_BIT;
    for (;;) {
      entry.lastCircuit = (entry.lastCircuit + 1) % HALF || 1;
      const id = (half | entry.lastCircuit) as CircuitId;
      if (!entry.circuits.has(id)) return id;
    }
  }

  /**
   * Whether the peer may open a circuit under this number: "never" is its fault, "full" need not be, since both ends may open
   * the last one at once.
   */
  mayPeerOpen(entry: LinkEntry<Side>, id: CircuitId): "yes" | "full" | "never" {
    const peerDialled = entry.target === undefined;
    const ofDialer = id < 0;
    if (peerDialled !== ofDialer || entry.circuits.has(id)) return "never";
    const most = entry.peer?.kind === "client" ? MAX_CIRCUITS_PER_CLIENT_LINK : MAX_CIRCUITS_PER_LINK;
    return entry.circuits.size < most ? "yes" : "full";
  }

  /** Another link to a node whose preferred one is gone is a good one again. */
  #promote(nodeId: NodeId): void {
    for (const other of this.#byConnection.values()) {
      if (nodeIdOf(other) !== nodeId) continue;
      other.superseded = false;
      this.#byNode.set(nodeId, other);
      return;
    }
  }
}

/** Who is, or must be, at the other end. */
function nodeIdOf(entry: LinkEntry<unknown>): NodeId | undefined {
  if (entry.peer === undefined) return entry.target?.nodeId;
  return entry.peer.kind === "node" ? entry.peer.nodeId : undefined;
}
