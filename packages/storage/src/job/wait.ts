import { type AbortLike, type Clock, type Millis, type Timer, type Timers, UmbelError } from "@umbel/core";

/** A clock that is set, or a machine that slept, is noticed after this long at most. */
const LOOK_MS = 60_000;

/** Resolves after `duration`. Throws ABORTED. */
export function pause(timers: Timers, duration: Millis, signal: AbortLike): Promise<void> {
  return new Promise((resolve, reject) => {
    let timer: Timer;
    const stop = (): void => {
      timer.cancel();
      reject(new UmbelError("ABORTED", "the publish was stopped"));
    };
    timer = timers.schedule(duration, () => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
  });
}

/** Resolves at `time`, in milliseconds since 1970 by the system's clock. Throws ABORTED. */
export async function waitForTime(
  { clock, timers }: { readonly clock: Clock; readonly timers: Timers },
  time: Millis,
  signal: AbortLike,
): Promise<void> {
  for (let rest = time - clock.unixNow(); rest > 0; rest = time - clock.unixNow()) {
    await pause(timers, Math.min(rest, LOOK_MS), signal);
  }
}
