import type { Millis } from "@umbel/core";
import { type ChainReader, CIRCUIT_CREDIT_EVERY, isCircuitCreditDue, sameProof } from "./credits.ts";

/**
 * Tor's Vegas (proposal 324) in cells of 4 KiB; docs/decisions/0055 gives the reasons. Queue lengths are cells of this circuit that
 * wait somewhere on its path, as told by the round trips: one record of 15 cells at each of three hops is what keeps a path busy.
 */
export const CONGESTION = {
  /** The window of a new circuit: 512 KiB. */
  initial: 128,
  /** The smallest window: two credits can be under way. */
  least: 64,
  /** The largest, 3.5 MiB: less than a relay queues for one circuit (MAX_QUEUED_CELLS_PER_CIRCUIT), control cells included. */
  most: 896,
  /** With fewer cells in queues the window grows, by one cell for each credit. */
  alpha: 45,
  /** With more it shrinks by as much. */
  beta: 60,
  /** Slow start ends with so many. */
  gamma: 60,
  /** With more the window falls to this at once. */
  delta: 90,
  /** From this window on slow start no longer doubles it in one round trip (RFC 3742). */
  slowStartCap: 384,
  /** The window grows only while all but so many cells of it are in use. */
  gap: 64,
  /** A shorter round trip counts as this, in ms: five event loops and their batches take as long without any queue. */
  leastRtt: 10,
  /**
   * After so long, in ms, a full window is drained: for so many round trips the circuit keeps to half of what is under way without
   * queues. The first empties its queue; in the next it and the others on the path see the path without it.
   */
  drainEvery: 5000,
  drainRoundTrips: 2,
  /**
   * More than delta cells in queues say that another circuit came. It takes the queue of this one for the path and would keep the larger
   * share, so this one drains at once, for one round trip more, since the other is still in slow start; but not within so many ms of
   * its last drain.
   */
  drainApart: 500,
} as const;

/** The sending side of a circuit, of one hop and direction: how much may be under way, by the round trips of its credits. */
export interface CongestionWindow {
  /** Cells that may be sent now. */
  readonly available: number;
  /** The window, in cells. */
  readonly cells: number;
  /** Counts one sent cell. */
  sent(chain: ChainReader, now: Millis): void;
  /**
   * Takes an acknowledgement. False when none is due, or its proof is not the chain value after the cell it acknowledges: the peer
   * has not received what it says, and the circuit must die.
   */
  credit(proof: Uint8Array, now: Millis): boolean;
}

/** A sent cell whose credit is due. */
interface Awaited {
  readonly cell: number;
  readonly proof: Uint8Array;
  readonly sentAt: Millis;
}

/** A fresh window, in slow start. */
export function createCongestionWindow(): CongestionWindow {
  return new VegasWindow();
}

class VegasWindow implements CongestionWindow {
  readonly #awaited: Awaited[] = [];
  #sent = 0;
  #acknowledged = 0;
  #cells: number = CONGESTION.initial;
  #inSlowStart = true;
  #wasFull = false;
  /** After a cut nothing is cut again before the cells sent until then are acknowledged: what they tell is of the time before it. */
  #settled = 0;
  /** The round trips of a drain that are still to come: cells sent so far are acknowledged at the end of each. */
  #drains = 0;
  #drainedBy = 0;
  /** What may be under way in a drain. */
  #drainCells = 0;
  #drainAt: Millis = Number.POSITIVE_INFINITY;
  #drainNotBefore: Millis = 0;
  #rtt: Millis | undefined;
  #leastRtt: Millis = Number.POSITIVE_INFINITY;

  get available(): number {
    const cells = this.#drains > 0 ? this.#drainCells : this.#cells;
    return Math.max(0, cells - (this.#sent - this.#acknowledged));
  }

  get cells(): number {
    return this.#cells;
  }

  sent(chain: ChainReader, now: Millis): void {
    this.#sent += 1;
    if (this.#sent - this.#acknowledged + CONGESTION.gap >= this.#cells) this.#wasFull = true;
    if (isCircuitCreditDue(this.#sent)) this.#awaited.push({ cell: this.#sent, proof: chain(), sentAt: now });
  }

  credit(proof: Uint8Array, now: Millis): boolean {
    const awaited = this.#awaited.shift();
    if (awaited === undefined || !sameProof(awaited.proof, proof)) return false;
    const cells = awaited.cell - this.#acknowledged;
    this.#acknowledged = awaited.cell;
    this.#measured(Math.max(CONGESTION.leastRtt, now - awaited.sentAt));
    const queued = this.#cells - this.#bandwidthDelay();
    if (this.#inSlowStart) this.#slowStart(cells, queued, now);
    else if (this.#drains > 0) this.#drain(now);
    else this.#steady(queued, now);
    this.#cells = Math.min(CONGESTION.most, Math.max(CONGESTION.least, this.#cells));
    if (this.#sent - this.#acknowledged + CONGESTION.gap < this.#cells) this.#wasFull = false;
    return true;
  }

  /** Smooths over about two samples, as Tor does; the least smoothed one stands for the path without queues. */
  #measured(sample: Millis): void {
    this.#rtt = this.#rtt === undefined ? sample : (2 * sample + this.#rtt) / 3;
    // At the smallest window there is no queue of ours to speak of: the path itself has become longer.
    const stuck = this.#cells === CONGESTION.least && !this.#inSlowStart;
    if (stuck || this.#rtt < this.#leastRtt) this.#leastRtt = this.#rtt;
  }

  /** Cells that are under way without waiting anywhere. */
  #bandwidthDelay(): number {
    return Math.floor((this.#cells * this.#leastRtt) / (this.#rtt as Millis));
  }

  #slowStart(acknowledged: number, queued: number, now: Millis): void {
    if (queued >= CONGESTION.gamma) {
      this.#cells = this.#bandwidthDelay() + CONGESTION.gamma;
      this.#inSlowStart = false;
      this.#settled = this.#sent;
      this.#drainAt = now + CONGESTION.drainEvery;
    } else if (this.#wasFull) {
      const { slowStartCap } = CONGESTION;
      const share = this.#cells <= slowStartCap ? 1 : slowStartCap / (2 * this.#cells);
      this.#cells += Math.max(1, Math.floor(acknowledged * share));
    }
  }

  #steady(queued: number, now: Millis): void {
    if (now >= this.#drainAt && this.#wasFull) this.#startDrain(CONGESTION.drainRoundTrips);
    else if (queued < CONGESTION.alpha) {
      if (this.#wasFull) this.#cells += 1;
    } else if (this.#acknowledged < this.#settled) return;
    else if (queued > CONGESTION.delta) {
      this.#cells = this.#bandwidthDelay() + CONGESTION.delta;
      this.#settled = this.#sent;
      if (now >= this.#drainNotBefore && this.#wasFull) {
        this.#startDrain(CONGESTION.drainRoundTrips + 1);
      }
    } else if (queued > CONGESTION.beta) this.#cells -= 1;
  }

  #startDrain(roundTrips: number): void {
    this.#drains = roundTrips;
    this.#drainedBy = this.#sent;
    this.#drainCells = Math.max(CIRCUIT_CREDIT_EVERY, this.#bandwidthDelay() >> 1);
  }

  #drain(now: Millis): void {
    // Of the cells sent until then the last few may have no credit of their own.
    if (this.#acknowledged + CIRCUIT_CREDIT_EVERY <= this.#drainedBy) return;
    // What was measured with the queue must not blur what is measured without it.
    this.#rtt = undefined;
    this.#drains -= 1;
    this.#drainedBy = this.#sent;
    if (this.#drains > 0) return;
    this.#drainAt = now + CONGESTION.drainEvery;
    this.#drainNotBefore = now + CONGESTION.drainApart;
  }
}
