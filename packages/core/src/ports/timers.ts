import type { Millis } from "../brand.ts";

/** A timer that was armed. Cancelling twice, or after it ran, does nothing. */
export interface Timer {
  cancel(): void;
}

/** Later execution. The only source of it outside `platform/`. */
export interface Timers {
  /** Runs `run` once, `delay` milliseconds from now. */
  schedule(delay: Millis, run: () => void): Timer;
  /** Runs `run` once at the end of this turn of the event loop, after pending IO of the turn. */
  defer(run: () => void): void;
}
