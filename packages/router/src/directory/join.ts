import {
  type Logger,
  type Millis,
  type RandomSource,
  randomBelow,
  shuffled,
  type Timer,
  type Timers,
} from "@umbel/core";
import { BOOTSTRAP_PARALLEL, BOOTSTRAP_RETRY_MAX_MS, BOOTSTRAP_RETRY_MIN_MS } from "../limits.ts";
import type { BootstrapEntry } from "../node/overlay.ts";

export interface JoinOptions {
  /** The bootstrap nodes to ask, asked for at each start. */
  readonly entries: () => readonly BootstrapEntry[];
  /** Reconciles with one; rejects when that fails. */
  readonly ask: (entry: BootstrapEntry) => Promise<void>;
  readonly timers: Timers;
  readonly random: RandomSource;
  readonly log: Logger;
}

/** Asks bootstrap nodes until enough have answered. */
export interface Join {
  /** Resolves when two have answered, or one has and every other failed at least once; at once without entries. */
  readonly ready: Promise<void>;
  start(): void;
  /** Asks again from the beginning, unless asking is still going on. */
  restart(): void;
  stop(): void;
}

/** A random duration within a quarter around `delay`, so that nodes do not act in step. */
export function jittered(random: RandomSource, delay: Millis): Millis {
  return Math.round(delay * (0.75 + randomBelow(random, 1001) / 2000));
}

export function createJoin(options: JoinOptions): Join {
  const { entries, random, timers, log } = options;
  let untried: { readonly entry: BootstrapEntry; readonly failures: number }[] = [];
  let resolveReady: () => void;
  const ready = new Promise<void>((resolve) => {
    resolveReady = resolve;
  });
  const retries = new Set<Timer>();
  let stopped = false;
  let answered = 0;
  let asking = 0;

  function settle(): void {
    const isEnough = answered >= BOOTSTRAP_PARALLEL;
    if (isEnough || (answered > 0 && asking === 0 && untried.length === 0)) resolveReady();
    if (!isEnough) return;
    for (const timer of retries) timer.cancel();
    retries.clear();
    untried = [];
  }

  /** Asks one after the other until one answers. */
  async function askUntilAnswered(): Promise<void> {
    for (let next = untried.shift(); next !== undefined && !stopped; next = untried.shift()) {
      asking++;
      const isAnswered = await options.ask(next.entry).then(
        () => true,
        () => false,
      );
      asking--;
      if (isAnswered) answered++;
      else noteFailure(next.entry, next.failures + 1);
      settle();
      if (isAnswered) return;
    }
  }

  function noteFailure(entry: BootstrapEntry, failures: number): void {
    log.debug("directory.bootstrap-failed", { failures });
    if (!stopped && answered < BOOTSTRAP_PARALLEL) retryLater(entry, failures);
  }

  function retryLater(entry: BootstrapEntry, failures: number): void {
    const delay = Math.min(BOOTSTRAP_RETRY_MIN_MS * 2 ** (failures - 1), BOOTSTRAP_RETRY_MAX_MS);
    const timer = timers.schedule(jittered(random, delay), () => {
      retries.delete(timer);
      untried.push({ entry, failures });
      void askUntilAnswered();
    });
    retries.add(timer);
  }

  function start(): void {
    answered = 0;
    untried = shuffled(random, entries()).map((entry) => ({ entry, failures: 0 }));
    if (untried.length === 0) resolveReady();
    for (let at = 0; at < BOOTSTRAP_PARALLEL; at++) void askUntilAnswered();
  }

  return {
    ready,
    start,
    restart() {
      if (!stopped && asking === 0 && untried.length === 0 && retries.size === 0) start();
    },
    stop() {
      stopped = true;
      for (const timer of retries) timer.cancel();
    },
  };
}
