import { CELL_BYTES, type CircuitId, type Millis } from "@umbel/core";
import type { Waiting } from "../circuit/channel.ts";
import { QUEUE_RELIEF_SHARE, STALLED_LINK_MS, TRANSPORT_HIGH_WATER_BYTES } from "../limits.ts";
import type { End, Link } from "./circuit-end.ts";

/** What a memory bound counts, and whom it tells. */
export interface MemoryWorld {
  readonly links: { all(): Iterable<Link>; close(link: Link, now: Millis): void };
  readonly circuits: ReadonlyMap<number, End>;
  /** What the unfinished requests of a circuit hold above this node's machines; nothing when absent. */
  readonly collected: ((circuit: number) => Waiting) | undefined;
  endCircuit(end: End): void;
}

/** Numbers for an operator: nothing of whom they concern. */
export interface MemoryCounts {
  /** Bytes in all queues when they were last counted. */
  readonly queuedBytes: number;
  /** Circuits ended because memory was short, and links because they had taken nothing for long meanwhile. */
  readonly circuitsEnded: number;
  readonly linksEnded: number;
}

/** The queues are counted each time so much of the bound has come in: by as much they can be off. */
const STEP_SHARE = 1 / 32;
/** Cells that wait for longer are copied out of the records that they came in, in ms: a view keeps up to 15 times its length. */
const VIEW_MS = 1000;

/**
 * Bounds what all queues of a node hold together: cells at links, answers in streams, unfinished requests, and what connections that
 * are full have taken. Over the bound it ends what has waited longest (docs/decisions/0056): an attacker's queue does not move, an
 * honest one does.
 */
export class MemoryBound {
  readonly #limit: number;
  readonly #world: MemoryWorld;
  #grown = 0;
  #queuedBytes = 0;
  #circuitsEnded = 0;
  #linksEnded = 0;

  /** Of `limit` bytes. */
  constructor(limit: number, world: MemoryWorld) {
    this.#limit = limit;
    this.#world = world;
  }

  get counts(): MemoryCounts {
    return {
      queuedBytes: this.#queuedBytes,
      circuitsEnded: this.#circuitsEnded,
      linksEnded: this.#linksEnded,
    };
  }

  /** So many bytes came in, all of which may wait now. Ends circuits and links when there are too many. */
  grew(bytes: number, now: Millis): void {
    this.#grown += bytes;
    if (this.#grown < this.#limit * STEP_SHARE) return;
    this.#grown = 0;
    this.#queuedBytes = this.#count(now);
    if (this.#queuedBytes <= this.#limit * (1 - STEP_SHARE)) return;
    this.#endStalledLinks(now);
    this.#endOldestCircuits();
  }

  get #isRelieved(): boolean {
    return this.#queuedBytes <= this.#limit * QUEUE_RELIEF_SHARE;
  }

  #count(now: Millis): number {
    let bytes = 0;
    for (const { machine } of this.#world.links.all()) {
      machine.queue.copyViews(now - VIEW_MS);
      bytes += machine.queue.bytes + inConnection(machine.blockedSince);
    }
    for (const end of this.#world.circuits.values()) bytes += this.#above(end).bytes;
    return bytes;
  }

  /** A connection that takes nothing keeps what it holds until it ends. */
  #endStalledLinks(now: Millis): void {
    const stalled = [...this.#world.links.all()].filter(
      ({ machine }) => machine.blockedSince !== undefined && machine.blockedSince <= now - STALLED_LINK_MS,
    );
    stalled.sort((a, b) => (a.machine.blockedSince as Millis) - (b.machine.blockedSince as Millis));
    for (const link of stalled) {
      if (this.#isRelieved) return;
      this.#queuedBytes -= inConnection(link.machine.blockedSince);
      for (const end of new Set(link.circuits.values())) this.#queuedBytes -= this.#waitingOn(end).bytes;
      this.#linksEnded += 1;
      this.#world.links.close(link, now);
    }
  }

  #endOldestCircuits(): void {
    if (this.#isRelieved) return;
    const waiting = [...this.#world.circuits.values()].flatMap((end) => {
      const { bytes, since } = this.#waitingOn(end);
      return since === undefined ? [] : [{ end, bytes, since }];
    });
    waiting.sort((a, b) => a.since - b.since);
    for (const { end, bytes } of waiting) {
      if (this.#isRelieved) return;
      this.#queuedBytes -= bytes;
      this.#circuitsEnded += 1;
      this.#world.endCircuit(end);
    }
  }

  /** What one circuit holds, at its links and above them. */
  #waitingOn(end: End): Waiting {
    if (end.kind === "origin") return joined(this.#above(end), atLink(end));
    const previous = joined(this.#above(end), atLink(end.previous));
    return end.kind === "hop" && end.next !== undefined ? joined(previous, atLink(end.next)) : previous;
  }

  /** In its streams, and what has come on them of requests. */
  #above(end: End): Waiting {
    if (end.kind === "pending") return NOTHING;
    if (end.kind === "origin") return end.machine.waiting;
    return joined(end.machine.waiting, this.#world.collected?.(end.circuit) ?? NOTHING);
  }
}

const NOTHING: Waiting = { bytes: 0, since: undefined };

function atLink({ link, id }: { readonly link: Link; readonly id: CircuitId }): Waiting {
  const { queue } = link.machine;
  return { bytes: queue.queuedFor(id) * CELL_BYTES, since: queue.oldestOf(id) };
}

function joined(a: Waiting, b: Waiting): Waiting {
  if (a.since === undefined) return b;
  if (b.since === undefined) return a;
  return { bytes: a.bytes + b.bytes, since: Math.min(a.since, b.since) };
}

function inConnection(blockedSince: Millis | undefined): number {
  return blockedSince === undefined ? 0 : TRANSPORT_HIGH_WATER_BYTES;
}
