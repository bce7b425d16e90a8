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
 * Tries one after the other, and beside each other where the newest is slow; the first result wins and the others are
 * aborted. Resolves with undefined when every try failed. Throws ABORTED, and whatever a try threw.
 */
export function staggered<Result>(options: StaggeredOptions<Result>): Promise<Result | undefined> {
  const { tries, atOnce, delay, timers, signal, attempt } = options;
  return new Promise((resolve, reject) => {
    const cancellation = createCancellation();
    let started = 0;
    let active = 0;
    let decided = false;
    /** The clock of the newest try. */
    let timer: Timer | undefined;

    const decide = (settle: () => void) => {
      if (decided) return;
      decided = true;
      timer?.cancel();
      signal?.removeEventListener("abort", giveUp);
      settle();
      cancellation.cancel();
    };
    const giveUp = () => decide(() => reject(new UmbelError("ABORTED", "given up")));
    const startNext = (): boolean => {
      if (decided || started >= tries || active >= atOnce) return false;
      active++;
      const one = createTry(started++);
      attempt(one).then(
        (result) => ended(one.index, result),
        (error) => decide(() => reject(error)),
      );
      return true;
    };
    const ended = (index: number, result: Result | undefined) => {
      active--;
      if (result !== undefined) return decide(() => resolve(result));
      if (index === started - 1) timer?.cancel();
      if (!startNext() && active === 0) decide(() => resolve(undefined));
    };
    const createTry = (index: number): StaggeredTry => {
      let overtaken: (() => void) | undefined;
      return {
        index,
        signal: cancellation.signal,
        begin() {
          if (decided || started > index + 1) return;
          timer?.cancel();
          timer = timers.schedule(delay, () => {
            if (startNext()) overtaken?.();
          });
        },
        onOvertaken(listener) {
          overtaken = listener;
        },
      };
    };

    if (signal?.aborted) return giveUp();
    if (tries === 0) return resolve(undefined);
    signal?.addEventListener("abort", giveUp);
    startNext();
  });
}
