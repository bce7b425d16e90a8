import { type AbortLike, type Millis, type Timer, type Timers, UmbelError } from "@umbel/core";
import { createCancellation } from "./cancellation.ts";

/** One try of a staggered race. */
export interface StaggeredTry {
  /** 0 for the first. */
  readonly index: number;
  /** Fires when the race is decided. */
  readonly signal: AbortLike;
  /** Starts the clock of the next try: a try that still waits for its turn does not count as slow. */
  begin(): void;
  /** Called when another try is started because this one is slow. */
  onOvertaken(listener: () => void): void;
}

export interface StaggeredOptions<Result> {
  /** The most tries in total. */
  readonly tries: number;
  /** The most tries at once. */
  readonly atOnce: number;
  /** How long a try may be silent before the next one starts beside it. */
  readonly delay: Millis;
  readonly timers: Timers;
  readonly signal?: AbortLike | undefined;
  /** A result decides the race; undefined is a failure, after which the next try starts at once; a throw ends the race. */
  readonly attempt: (one: StaggeredTry) => Promise<Result | undefined>;
}

/**
 * Tries one after the other, and beside each other where one is slow; the first result wins and the others are
 * aborted. Resolves with undefined when every try failed. Throws ABORTED, and whatever a try threw.
 */
export function staggered<Result>(options: StaggeredOptions<Result>): Promise<Result | undefined> {
  return new Promise((resolve, reject) => {
    const cancellation = createCancellation(options.signal);
    const timers = new Map<number, Timer>();
    let started = 0;
    let active = 0;
    let decided = false;

    const decide = (settle: () => void) => {
      if (decided) return;
      decided = true;
      for (const timer of timers.values()) timer.cancel();
      settle();
      cancellation.cancel();
      cancellation.release();
    };
    const startNext = (): boolean => {
      if (decided || started >= options.tries || active >= options.atOnce) return false;
      active++;
      const one = createTry(started++);
      options.attempt(one).then(
        (result) => ended(one.index, result),
        (error) => decide(() => reject(error)),
      );
      return true;
    };
    const ended = (index: number, result: Result | undefined) => {
      active--;
      timers.get(index)?.cancel();
      if (result !== undefined) return decide(() => resolve(result));
      if (!startNext() && active === 0) decide(() => resolve(undefined));
    };
    const createTry = (index: number): StaggeredTry => {
      let overtaken: (() => void) | undefined;
      return {
        index,
        signal: cancellation.signal,
        begin() {
          if (decided || started > index + 1) return;
          const next = () => {
            if (startNext()) overtaken?.();
          };
          timers.set(index, options.timers.schedule(options.delay, next));
        },
        onOvertaken(listener) {
          overtaken = listener;
        },
      };
    };

    cancellation.signal.addEventListener("abort", () =>
      decide(() => reject(new UmbelError("ABORTED", "given up"))),
    );
    if (cancellation.signal.aborted) return decide(() => reject(new UmbelError("ABORTED", "given up")));
    if (options.tries === 0) return decide(() => resolve(undefined));
    startNext();
  });
}
