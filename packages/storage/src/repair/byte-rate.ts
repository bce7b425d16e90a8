import { type AbortLike, type Clock, type Timers, UmbelError } from "@umbel/core";

/** Holds back who sends faster than a rate. */
export interface ByteRate {
  /** Resolves when `bytes` more may be sent; in order of the calls. Throws ABORTED. */
  take(bytes: number, signal: AbortLike): Promise<void>;
}

/** At most `bytesPerSecond` on average, without a burst: what was not used is lost. */
export function createByteRate(clock: Clock, timers: Timers, bytesPerSecond: number): ByteRate {
  let free = clock.now();
  return {
    take(bytes, signal) {
      const start = Math.max(free, clock.now());
      free = start + (bytes * 1000) / bytesPerSecond;
      return pause(timers, start - clock.now(), signal);
    },
  };
}

/** Resolves after `delay` ms. Throws ABORTED as soon as `signal` fires. */
export function pause(timers: Timers, delay: number, signal: AbortLike): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new UmbelError("ABORTED", "stopped"));
    if (delay <= 0) return resolve();
    const stop = () => {
      timer.cancel();
      reject(new UmbelError("ABORTED", "stopped"));
    };
    const timer = timers.schedule(delay, () => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
    signal.addEventListener("abort", stop);
  });
}
