import type { Millis } from "@umbel/core";
import { CLIENT_OVERTAKE_MAX_MS, CLIENT_OVERTAKE_MIN_MS } from "../limits.ts";

/** How long requests of one kind take lately, and from when on one counts as slow. */
export interface Pace {
  /** Three times the smoothed duration, within the limits: on a busy line, tries beside each other only add load. */
  overtakeAfter(): Millis;
  /** A request was answered after `duration`. */
  answered(duration: Millis): void;
}

const SLOW_FACTOR = 3;
/** Weight of the newest duration in the average, as in TCP's smoothed round-trip time (RFC 6298). */
const NEWEST_WEIGHT = 1 / 8;

export function createPace(): Pace {
  let smoothed: Millis | undefined;
  return {
    overtakeAfter: () =>
      Math.min(
        CLIENT_OVERTAKE_MAX_MS,
        Math.max(CLIENT_OVERTAKE_MIN_MS, (smoothed ?? CLIENT_OVERTAKE_MIN_MS) * SLOW_FACTOR),
      ),
    answered(duration) {
      smoothed = smoothed === undefined ? duration : smoothed + (duration - smoothed) * NEWEST_WEIGHT;
    },
  };
}
