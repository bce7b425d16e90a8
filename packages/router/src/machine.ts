import type { Millis } from "@umbel/core";

/**
 * A protocol machine: no IO, no clock, no timers. The driver gives it one input and the time, performs all effects in
 * order, asks for the next deadline and arms one timer; inputs that arrive meanwhile wait. A machine never calls back.
 */
export interface Machine<Input, Effect> {
  handle(input: Input, now: Millis): readonly Effect[];
  /** When the machine wants an input of type "deadline", or undefined. O(1). */
  nextDeadline(): Millis | undefined;
}
