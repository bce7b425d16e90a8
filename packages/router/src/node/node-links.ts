import {
  CELL_BYTES,
  CELL_COMMAND,
  type CellCommand,
  type CircuitId,
  cellBody,
  cellCircuitId,
  cellCommand,
  type LinkPeer,
  type Millis,
  parseAddress,
  prefixGroup,
} from "@umbel/core";
import {
  ACCEPTED_LINK_IDLE_MS,
  LINK_IDLE_MS,
  MAX_CONSTANT_RATE_LINKS,
  MAX_LINKS,
  MAX_OWN_QUEUED_CELLS,
  MAX_PENDING_DIALS,
  MAX_PENDING_DIALS_FOR_OTHERS,
  MAX_PENDING_DIALS_PER_LINK,
  MAX_PENDING_DIALS_PER_PREFIX,
} from "../limits.ts";
import { EMPTY_BODY } from "../link/cell-queue.ts";
import {
  askForConstantRate,
  CONSTANT_RATE_GRANTED,
  type ConstantRate,
  constantRateAsked,
  grantsConstantRate,
  isSameRate,
} from "../link/constant-rate.ts";
import { type LinkEffect, type LinkInput, LinkMachine } from "../link/link-machine.ts";
import type { End, Link } from "./circuit-end.ts";
import { DeadlineHeap } from "./deadline-heap.ts";
import { type DialTarget, LinkTable } from "./link-table.ts";
import type { ConnectionInput, NodeEffect } from "./node-messages.ts";
import type { NodeMachineOptions } from "./node-options.ts";

/** What the links of a node tell the node. */
export interface NodeLinksEvents {
  emit(effect: NodeEffect): void;
  cell(link: Link, id: CircuitId, command: CellCommand, body: Uint8Array): void;
  /** The link is gone; its circuits still stand in `link.circuits`. */
  lost(link: Link): void;
  /** Another link to the same peer is preferred from now on. */
  superseded(link: Link): void;
  /** The queue took cells away: a circuit that waited may go on. */
  room(end: End): void;
}

/** The links of a node machine: which there are, how they begin and end, what they carry. */
export class NodeLinks {
  readonly #options: NodeMachineOptions;
  readonly #events: NodeLinksEvents;
  readonly #newNumber: () => number;
  readonly #table = new LinkTable<End>();
  readonly #deadlines = new DeadlineHeap<Link>();
  /** Links for which a client was granted a constant rate. */
  #granted = 0;
  #closed = false;

  constructor(options: NodeMachineOptions, newNumber: () => number, events: NodeLinksEvents) {
    this.#options = options;
    this.#newNumber = newNumber;
    this.#events = events;
  }

  /** Links in any state. */
  get size(): number {
    return this.#table.size;
  }

  all(): Iterable<Link> {
    return this.#table.all();
  }

  nextDeadline(): Millis | undefined {
    return this.#deadlines.earliest;
  }

  /** Takes in a connection that somebody made to this node. */
  accept(connection: number, host: string, now: Millis): void {
    if (this.#closed || this.#table.size >= MAX_LINKS) {
      this.#events.emit({ type: "close", connection });
      return;
    }
    this.#options.tap?.({ role: "relay", kind: "connection", host, connection });
    this.#add(connection, undefined, undefined, undefined, now);
  }

  /**
   * A link to the target, there already or dialled now, for `forLink`, whose circuit asks for it. Undefined when no more can be
   * dialled.
   */
  reach(target: DialTarget, forLink: Link, now: Millis): Link | undefined {
    return this.#table.find(target) ?? this.#dial(target, forLink.connection, undefined, now);
  }

  /** The same for a circuit of this node's own. To a guard it leads only over a link with the constant rate that is wanted now. */
  reachFirst(target: DialTarget, isGuard: boolean, now: Millis): Link | undefined {
    const there = this.#table.find(target);
    const rate = isGuard ? this.#options.constantRate?.() : there?.rate;
    if (there !== undefined && isSameRate(there.rate, rate)) return there;
    const pending = there && [...this.#table.all()].find((link) => leadsTo(link, target, rate));
    return pending ?? this.#dial(target, undefined, rate, now);
  }

  /** Gives a new circuit a number on the link; undefined when the link carries as many as it may. */
  allocate(link: Link): CircuitId | undefined {
    return this.#table.allocate(link);
  }

  /** Whether the peer may open a circuit under this number: see `LinkTable`. */
  mayPeerOpen(link: Link, id: CircuitId): ReturnType<LinkTable<End>["mayPeerOpen"]> {
    return this.#table.mayPeerOpen(link, id);
  }

  /** Binds a circuit number on the link to a circuit. */
  attach(link: Link, id: CircuitId, end: End): void {
    link.circuits.set(id, end);
    link.idleSince = undefined;
  }

  /** Frees a circuit number. */
  detach(link: Link, id: CircuitId, end: End, now: Millis): void {
    link.circuits.delete(id);
    link.waiting.delete(end);
    link.machine.forget(id);
    if (link.circuits.size > 0 || this.#table.get(link.connection) !== link) return;
    link.idleSince = now;
    this.#deadlines.update(link);
    this.#closeIfUnused(link, now);
  }

  /** Queues a cell. False when the queue is past its cap for this circuit: somebody ignores the windows. */
  send(link: Link, id: CircuitId, command: CellCommand, body: Uint8Array, now: Millis): boolean {
    if (link.machine.wouldRefuse(id, command)) return false;
    this.#toLink(link, { type: "cell", circuitId: id, command, body }, now);
    return true;
  }

  /** Queues a DESTROY, which is never refused. */
  sendDestroy(link: Link, id: CircuitId, now: Millis): void {
    this.#toLink(link, { type: "cell", circuitId: id, command: CELL_COMMAND.DESTROY, body: EMPTY_BODY }, now);
  }

  /**
   * True when a cell that starts at this node may join the queue beside `taken` that will; otherwise the circuit hears `room`
   * later.
   */
  hasRoom(link: Link, id: CircuitId, end: End, taken: number): boolean {
    if (link.machine.queuedFor(id) + taken < MAX_OWN_QUEUED_CELLS) return true;
    link.waiting.add(end);
    return false;
  }

  /** The circuit has cells to send: it hears `room` before the next record of the link is put together. */
  awaitRoom(link: Link, end: End): void {
    link.waiting.add(end);
    for (const { type } of link.machine.expectCells())
      if (type === "flush") this.#events.emit({ type, connection: link.connection });
  }

  /** Passes on what a connection did. */
  connection(input: ConnectionInput, now: Millis): void {
    const link = this.#table.get(input.connection);
    if (link === undefined) return;
    if (input.type === "message") {
      this.#toLink(link, { type: "message", bytes: input.bytes }, now);
      return;
    }
    if (input.type === "opened") {
      const host = link.target?.url ?? "";
      this.#options.tap?.({ role: "relay", kind: "connection", host, connection: link.connection });
    }
    const leaves = input.type === "flush" || input.type === "drained";
    if (leaves) this.#offerRoom(link);
    this.#toLink(link, { type: input.type }, now);
    if (leaves) this.#offerRoom(link);
  }

  /** Ends one link, or all of them, and then there will be no others. */
  close(link: Link | "all", now: Millis): void {
    if (link === "all") this.#closed = true;
    const links = link === "all" ? [...this.#table.all()] : [link];
    for (const one of links) this.#toLink(one, { type: "close" }, now);
  }

  /** Handles the deadlines that have passed. */
  deadline(now: Millis): void {
    for (const link of this.#deadlines.due(now)) {
      const idle = this.#idleDeadline(link);
      if (link.rate !== undefined) this.#offerRoom(link);
      this.#toLink(link, idle !== undefined && idle <= now ? { type: "close" } : { type: "deadline" }, now);
    }
  }

  #dial(
    target: DialTarget,
    forLink: number | undefined,
    rate: ConstantRate | undefined,
    now: Millis,
  ): Link | undefined {
    if (this.#closed || this.#table.size >= MAX_LINKS || !this.#mayDial(target, forLink)) return undefined;
    const link = this.#add(this.#newNumber(), target, forLink, rate, now);
    this.#events.emit({ type: "dial", connection: link.connection, url: target.url });
    return link;
  }

  #mayDial(target: DialTarget, forLink: number | undefined): boolean {
    const pending = [...this.#table.all()].filter(
      (link) => link.target !== undefined && link.peer === undefined,
    );
    if (forLink === undefined) return pending.length < MAX_PENDING_DIALS;
    const forOthers = pending.filter((link) => link.dialledFor !== undefined);
    const forThis = forOthers.filter((link) => link.dialledFor === forLink);
    const prefix = this.#prefixOf(target);
    const there = forOthers.filter(
      (link) => link.target !== undefined && this.#prefixOf(link.target) === prefix,
    );
    return (
      pending.length < MAX_PENDING_DIALS &&
      forOthers.length < MAX_PENDING_DIALS_FOR_OTHERS &&
      forThis.length < MAX_PENDING_DIALS_PER_LINK &&
      there.length < MAX_PENDING_DIALS_PER_PREFIX
    );
  }

  #prefixOf(target: DialTarget): string {
    return prefixGroup(parseAddress(target.url), this.#options.network);
  }

  #add(
    connection: number,
    target: DialTarget | undefined,
    dialledFor: number | undefined,
    rate: ConstantRate | undefined,
    now: Millis,
  ): Link {
    const { crypto, random, network } = this.#options;
    const own = this.#options.credentials();
    const more = target === undefined ? this.#offer() : rate === undefined ? 0 : askForConstantRate(rate);
    const credentials = { ...own, features: (own.features | more) >>> 0 };
    const expected = { nodeId: target?.nodeId, linkKey: target?.linkKey };
    const role =
      target === undefined ? ({ kind: "responder" } as const) : ({ kind: "initiator", expected } as const);
    const machine = new LinkMachine({ crypto, random, network: network.id, credentials, role, now });
    const link: Link = {
      connection,
      machine,
      target,
      dialledFor,
      peer: undefined,
      rate,
      superseded: false,
      idleSince: now,
      lastCircuit: 0,
      circuits: new Map(),
      waiting: new Set(),
      entered: undefined,
      nextDeadline: () => earlier(machine.nextDeadline(), this.#idleDeadline(link)),
    };
    this.#table.add(link);
    this.#deadlines.update(link);
    return link;
  }

  #toLink(link: Link, input: LinkInput, now: Millis): void {
    for (const effect of link.machine.handle(input, now)) this.#fromLink(link, effect, now);
    if (this.#table.get(link.connection) === link) this.#deadlines.update(link);
  }

  #fromLink(link: Link, effect: LinkEffect, now: Millis): void {
    switch (effect.type) {
      case "send":
        this.#events.emit({ type: "send", connection: link.connection, bytes: effect.bytes });
        break;
      case "flush":
        this.#events.emit({ type: "flush", connection: link.connection });
        break;
      case "established":
        this.#established(link, effect.peer, now);
        break;
      case "cells":
        this.#cells(link, effect.cells);
        break;
      case "closed":
        this.#table.remove(link);
        this.#deadlines.remove(link);
        if (link.target === undefined && link.rate !== undefined) this.#granted -= 1;
        this.#events.emit({ type: "close", connection: link.connection });
        this.#events.lost(link);
        break;
    }
  }

  #established(link: Link, peer: LinkPeer, now: Millis): void {
    if (peer.kind === "node" && peer.nodeId === this.#options.nodeId) {
      // An address that led back to this node: it has nothing to tell itself.
      this.close(link, now);
      return;
    }
    if (!this.#agreeOnRate(link, peer, now)) {
      this.close(link, now);
      return;
    }
    const loser = this.#table.established(link, peer, this.#options.nodeId);
    if (loser === undefined) return;
    this.#events.superseded(loser);
    this.#closeIfUnused(loser, now);
  }

  /** The features with which a constant rate is granted, while there is a place. */
  #offer(): number {
    const { hop, constantRateLinks = MAX_CONSTANT_RATE_LINKS } = this.#options;
    const places = Math.min(constantRateLinks, MAX_CONSTANT_RATE_LINKS);
    return hop !== undefined && this.#granted < places ? CONSTANT_RATE_GRANTED : 0;
  }

  /** Begins the constant rate that was asked for. False when it is not granted: the link must end, neither side may go on without. */
  #agreeOnRate(link: Link, peer: LinkPeer, now: Millis): boolean {
    if (link.target === undefined) {
      const asked = peer.kind === "client" ? constantRateAsked(peer.features) : undefined;
      if (asked === undefined) return true;
      if (asked === "too much" || this.#offer() === 0) return false;
      link.rate = asked;
      this.#granted += 1;
    } else {
      if (link.rate === undefined) return true;
      if (!grantsConstantRate(peer.features)) {
        this.#events.emit({ type: "rate-refused" });
        return false;
      }
    }
    this.#toLink(link, { type: "constant-rate", rate: link.rate }, now);
    return true;
  }

  #cells(link: Link, cells: Uint8Array): void {
    for (let offset = 0; offset < cells.length; offset += CELL_BYTES) {
      // One of these cells may have ended the link: then nothing behind it may open a circuit there.
      if (this.#table.get(link.connection) !== link) return;
      const id = cellCircuitId(cells, offset) as CircuitId;
      const command = cellCommand(cells, offset);
      if (command === CELL_COMMAND.PADDING) continue;
      const body = cellBody(cells, offset);
      const { connection } = link;
      this.#options.tap?.({
        role: "relay",
        kind: "cell",
        ...{ connection, circuitId: id, command, body: body.slice() },
      });
      this.#events.cell(link, id, command, body);
    }
  }

  /** Only the end that dialled closes a superseded link: the other cannot know what is on its way to it. */
  #closeIfUnused(link: Link, now: Millis): void {
    if (link.superseded && link.target !== undefined && link.circuits.size === 0)
      this.#toLink(link, { type: "close" }, now);
  }

  /** A constant rate that is still wanted goes on without circuits: that there are none is what it hides. */
  #idleDeadline(link: Link): Millis | undefined {
    if (link.idleSince === undefined || link.peer === undefined) return undefined;
    if (link.target === undefined)
      return link.rate === undefined ? link.idleSince + ACCEPTED_LINK_IDLE_MS : undefined;
    const isWanted = link.rate !== undefined && isSameRate(link.rate, this.#options.constantRate?.());
    return isWanted ? undefined : link.idleSince + LINK_IDLE_MS;
  }

  #offerRoom(link: Link): void {
    if (link.waiting.size === 0) return;
    for (const end of [...link.waiting]) {
      const id = end.kind === "origin" ? end.id : end.previous.id;
      if (link.machine.queuedFor(id) >= MAX_OWN_QUEUED_CELLS) continue;
      link.waiting.delete(end);
      this.#events.room(end);
    }
  }
}

/** True for a link at this constant rate that was dialled to the target, established or on its way. */
function leadsTo(link: Link, target: DialTarget, rate: ConstantRate | undefined): boolean {
  const { target: dialled } = link;
  const isSame =
    target.nodeId === undefined ? dialled?.url === target.url : dialled?.nodeId === target.nodeId;
  return isSame && !link.superseded && isSameRate(link.rate, rate);
}

/** The earlier of two deadlines, either of which may be absent. */
export function earlier(a: Millis | undefined, b: Millis | undefined): Millis | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.min(a, b);
}
