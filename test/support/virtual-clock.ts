import type { Clock, Millis, Timers } from "@umbel/core";
import { createTimerHeap } from "./timer-heap.ts";

export interface VirtualClockOptions {
  /** What `unixNow` says at the start, in milliseconds. */
  readonly unixStart?: Millis;
}

export interface RunOptions {
  /** How much virtual time may pass, in milliseconds. */
  readonly limit: Millis;
  /** What is waited for, for the error message. */
  readonly what?: string;
}

/**
 * Time that moves only when a test says so. Timers with equal deadlines run in the order they were armed. A turn is:
 * the timers due now, each followed by all microtasks, then what was deferred, each followed by all microtasks. While
 * that made new work for the same instant there is another turn; only then time moves. An error thrown by a timer
 * rejects the `advance`, `settle`, `runUntil` or `complete` that runs.
 */
export interface VirtualClock extends Clock, Timers {
  /** Timers that are armed and not cancelled. */
  readonly pending: number;
  /** Timers and deferred calls that ran so far. */
  readonly ran: number;
  /** Lets `ms` of virtual time pass. */
  advance(ms: Millis): Promise<void>;
  /** Runs all microtasks and what is due now; time does not move. */
  settle(): Promise<void>;
  /** Lets time pass until `condition` holds; it is asked before each move. Throws when `limit` passes or nothing is left to run. */
  runUntil(condition: () => boolean, options: RunOptions): Promise<void>;
  /** Lets time pass until `promise` is settled: its value, or its error. */
  complete<Value>(promise: Promise<Value>, options: RunOptions): Promise<Value>;
  /** Sets the wall clock forward or back; `now` does not notice. */
  stepUnix(by: Millis): void;
}

/** Default start of the wall clock: 2026-01-01T00:00Z. */
const DEFAULT_UNIX_START: Millis = 1_767_225_600_000;
/** So many callbacks without time moving are taken for an endless loop. */
const MAX_CALLBACKS_PER_INSTANT = 2_000_000;
/** The real event loop gets a turn this often, so that the test runner's own timers live. */
const HOPS_PER_REAL_TURN = 4096;

export function createVirtualClock(options: VirtualClockOptions = {}): VirtualClock {
  const state = { now: 0, unixOffset: options.unixStart ?? DEFAULT_UNIX_START, ran: 0, running: false };
  const heap = createTimerHeap();
  const deferred = createDeferredQueue();

  function runOne(): boolean {
    const run = deferred.takeCurrent() ?? heap.takeDue(state.now) ?? deferred.takeNext();
    if (run === undefined) return false;
    state.ran++;
    run();
    return true;
  }

  /** Runs each instant to its end, then asks `moveTo`: the time to go to, or undefined to stop. */
  function drive(moveTo: () => Millis | undefined): Promise<void> {
    if (state.running)
      return Promise.reject(new Error("the virtual clock is already running: await the call before"));
    state.running = true;
    let inThisInstant = 0;
    return new Promise<void>((resolve, reject) => {
      const step = (): void => {
        try {
          if (!runOne()) {
            const next = moveTo();
            if (next === undefined) {
              resolve();
              return;
            }
            state.now = next;
            inThisInstant = 0;
          } else if (++inThisInstant > MAX_CALLBACKS_PER_INSTANT) {
            throw new Error(`time stands still at ${state.now} ms: an endless loop of timers or defers`);
          }
          afterMicrotasks(step);
        } catch (error) {
          reject(error);
        }
      };
      setImmediate(step);
    }).finally(() => {
      state.running = false;
    });
  }

  function runUntil(condition: () => boolean, { limit, what = "the condition" }: RunOptions): Promise<void> {
    const end = state.now + limit;
    return drive(() => {
      if (condition()) return undefined;
      const next = heap.nextDeadline();
      if (next !== undefined && next <= end) return next;
      const rest =
        next === undefined ? "nothing is left to run" : `${heap.size()} timers armed, next at ${next} ms`;
      throw new Error(
        `${what} did not hold within ${limit} ms of virtual time (now ${state.now} ms, ${rest})`,
      );
    });
  }

  return {
    now: () => state.now,
    unixNow: () => state.unixOffset + state.now,
    get pending() {
      return heap.size();
    },
    get ran() {
      return state.ran;
    },
    schedule: (delay, run) => heap.add(state.now + checkedDelay(delay), run),
    defer: deferred.add,
    settle: () => drive(() => undefined),
    async advance(ms) {
      const end = state.now + checkedDelay(ms);
      await drive(() => {
        const next = heap.nextDeadline();
        return next !== undefined && next <= end ? next : undefined;
      });
      state.now = end;
    },
    runUntil,
    async complete(promise, options) {
      let settled = false;
      const note = (): void => {
        settled = true;
      };
      promise.then(note, note);
      await runUntil(() => settled, { what: "the promise", ...options });
      return promise;
    },
    stepUnix(by) {
      state.unixOffset += by;
    },
  };
}

/** Deferred calls in two generations: what is deferred while a turn's calls run belongs to the next turn. */
function createDeferredQueue() {
  let current: (() => void)[] = [];
  let taken = 0;
  let next: (() => void)[] = [];
  const takeCurrent = (): (() => void) | undefined => current[taken++];
  return {
    add: (run: () => void): void => {
      next.push(run);
    },
    takeCurrent,
    takeNext(): (() => void) | undefined {
      current = next;
      next = [];
      taken = 0;
      return takeCurrent();
    },
  };
}

function checkedDelay(delay: Millis): Millis {
  if (!Number.isFinite(delay)) throw new RangeError(`delay ${delay}`);
  return Math.max(0, delay);
}

const settledPromise = Promise.resolve();
let hops = 0;

/**
 * Calls `run` when no microtask is left. Node runs ticks only between full drains of the microtask queue, so a tick
 * that is asked for by a microtask comes after promise chains of any length, at a quarter of a setImmediate's cost.
 */
function afterMicrotasks(run: () => void): void {
  if (++hops % HOPS_PER_REAL_TURN === 0) setImmediate(run);
  else void settledPromise.then(() => process.nextTick(run));
}
