import type { Clock, Millis, RandomSource, Timer, Timers } from "@umbel/core";

/** When the puts of a publish may start. */
export interface PutPace {
  /** Runs `run` when the next put may start; asked once for each put. */
  afterGap(run: () => void): Timer;
}

export interface SpreadOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: RandomSource;
  /** The end of the span, in milliseconds since 1970. */
  readonly until: Millis;
  /** Puts that are left, at least 1. */
  readonly puts: number;
}

/** No timer of a platform takes longer ones: a longer gap is waited for in parts. */
const LONGEST_TIMER_MS = 24 * 60 * 60 * 1000;

/**
 * Puts at random times, independent and uniform over what is left of a span: the next of n is the least of n uniform times,
 * which is the rest of the span times 1 - u^(1/n). After the span, or after more puts than were told, nothing waits.
 */
export function spreadOver(options: SpreadOptions): PutPace {
  const { clock, timers, random } = options;
  let left = options.puts;
  return {
    afterGap(run) {
      const span = Math.max(0, options.until - clock.unixNow());
      const gap = left < 1 ? 0 : span * (1 - uniform(random) ** (1 / left));
      left--;
      return waitUntil(timers, clock, clock.now() + gap, run);
    },
  };
}

/** Runs `run` at `time` of the clock that never steps back, however far it is. */
export function waitUntil(timers: Timers, clock: Clock, time: Millis, run: () => void): Timer {
  let timer: Timer;
  const arm = (): void => {
    const rest = Math.max(0, time - clock.now());
    timer = timers.schedule(Math.min(rest, LONGEST_TIMER_MS), rest > LONGEST_TIMER_MS ? arm : run);
  };
  arm();
  return { cancel: () => timer.cancel() };
}

/** Uniform in (0, 1], 48 bits. */
function uniform(random: RandomSource): number {
  let value = 0;
  for (const byte of random.bytes(6)) value = value * 256 + byte;
  return (value + 1) / 2 ** 48;
}
