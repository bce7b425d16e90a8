import type { Millis } from "@umbel/core";

/** The time after which a cell that left counts half as much. docs/decisions/0054 weighs it. */
export const RECENT_USE_HALF_LIFE_MS = 500;

/** Weights are rebased after so many half-lives: long before 2^n leaves the range where doubles are exact enough. */
const HALF_LIVES_PER_EPOCH = 64;

/** What a fair queue keeps of one circuit. Only the queue writes it. */
export interface Flow {
  /** Cells that left, each weighted by when: the larger, the more and the later. In the scale of `epoch`. */
  use: number;
  epoch: number;
  /** When the flow took its place among flows of equal use: lower is longer ago. */
  turn: number;
  /** Index in the heap; -1 while nothing waits. */
  place: number;
}

/**
 * Whose turn it is: of the flows that wait the one that used the link least of late, among equals the one that waits longest
 * (Tor's circuitmux_ewma; Tang and Goldberg, "An improved algorithm for Tor circuit scheduling", CCS 2010). The past does not decay: the
 * weight of a cell that leaves grows by a factor of two with each half-life, which orders the flows in the same way and touches
 * only the one that leaves.
 */
export class FairQueue<Waiting extends Flow> {
  /** Binary heap by (use, turn), its least at 0. */
  readonly #heap: Waiting[] = [];
  #epoch = 0;
  #lastTurn = 0;

  /** The flow whose turn it is; undefined when none waits. */
  get first(): Waiting | undefined {
    return this.#heap[0];
  }

  /** Adds a flow that waits from now on. It must not be in the queue. */
  enter(flow: Waiting): void {
    if (flow.epoch !== this.#epoch) {
      flow.use *= 2 ** (HALF_LIVES_PER_EPOCH * (flow.epoch - this.#epoch));
      flow.epoch = this.#epoch;
    }
    flow.turn = ++this.#lastTurn;
    flow.place = this.#heap.length;
    this.#heap.push(flow);
    this.#rise(flow);
  }

  /** Takes a flow out, whatever its place. */
  leave(flow: Waiting): void {
    const { place } = flow;
    if (place < 0) return;
    flow.place = -1;
    const last = this.#heap.pop() as Waiting;
    if (last === flow) return;
    last.place = place;
    this.#heap[place] = last;
    this.#sink(last);
    this.#rise(last);
  }

  /** Counts a cell of the first flow, by its weight, and gives the turn on. */
  charge(weight: number): void {
    const flow = this.#heap[0] as Waiting;
    flow.use += weight;
    flow.turn = ++this.#lastTurn;
    if (this.#heap.length > 1) this.#sink(flow);
  }

  /** The weight of a cell that leaves now. Ask once for a run of cells. */
  weightAt(now: Millis): number {
    const halfLives = now / RECENT_USE_HALF_LIFE_MS - this.#epoch * HALF_LIVES_PER_EPOCH;
    if (halfLives >= HALF_LIVES_PER_EPOCH || halfLives < 0) {
      this.#rebase(Math.floor(now / (RECENT_USE_HALF_LIFE_MS * HALF_LIVES_PER_EPOCH)));
      return this.weightAt(now);
    }
    return 2 ** halfLives;
  }

  /** One factor for all keeps their order. Flows that do not wait are rebased when they enter. */
  #rebase(epoch: number): void {
    const factor = 2 ** (HALF_LIVES_PER_EPOCH * (this.#epoch - epoch));
    for (const flow of this.#heap) {
      flow.use *= factor;
      flow.epoch = epoch;
    }
    this.#epoch = epoch;
  }

  #rise(flow: Waiting): void {
    const heap = this.#heap;
    let { place } = flow;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const other = heap[above] as Waiting;
      if (!isBefore(flow, other)) break;
      heap[place] = other;
      other.place = place;
      place = above;
    }
    heap[place] = flow;
    flow.place = place;
  }

  #sink(flow: Waiting): void {
    const heap = this.#heap;
    let { place } = flow;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= heap.length) break;
      let other = heap[below] as Waiting;
      const right = heap[below + 1];
      if (right !== undefined && isBefore(right, other)) {
        other = right;
        below += 1;
      }
      if (!isBefore(other, flow)) break;
      heap[place] = other;
      other.place = place;
      place = below;
    }
    heap[place] = flow;
    flow.place = place;
  }
}

function isBefore(a: Flow, b: Flow): boolean {
  return a.use < b.use || (a.use === b.use && a.turn < b.turn);
}
