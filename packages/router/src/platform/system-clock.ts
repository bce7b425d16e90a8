import { performance } from "node:perf_hooks";
import type { Clock, Millis, Timers } from "@umbel/core";

/** The machine's clocks. `now` counts from the start of the process and never steps back. */
export const systemClock: Clock = {
  now: () => performance.now(),
  unixNow: () => Date.now(),
};

/** setTimeout's longest delay; a longer one would fire at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * Node's timers. `defer` is setImmediate: it runs after the poll phase, when all that the sockets had ready was read,
 * so what they caused leaves together. Timers keep the process alive, as Node's own do: whoever arms one closes what
 * it belongs to, and a command that forgets hangs where a test sees it, instead of ending with work undone.
 */
export const systemTimers: Timers = {
  schedule(delay: Millis, run: () => void) {
    if (!Number.isFinite(delay)) throw new RangeError(`delay ${delay}`);
    let handle: NodeJS.Timeout;
    const arm = (rest: Millis): void => {
      const part = Math.min(rest, MAX_TIMEOUT_MS);
      handle = setTimeout(() => (rest > part ? arm(rest - part) : run()), part);
    };
    arm(Math.max(0, delay));
    return { cancel: () => clearTimeout(handle) };
  },
  defer: (run) => {
    setImmediate(run);
  },
};
