import type { Millis } from "../brand.ts";

/** The two clocks a node reads. Protocol machines never read them: time is an argument there. */
export interface Clock {
  /** Milliseconds since some fixed point; never steps back. */
  now(): Millis;
  /** Milliseconds since 1970-01-01T00:00Z; may step when the system's clock is set. */
  unixNow(): Millis;
}
