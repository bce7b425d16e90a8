import type { Millis } from "@umbel/core";

/** How often something may happen: `burst` times at once, and `perSecond` times a second in the long run. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** Counts what happens against a rate. */
export interface TokenBucket {
  /** Takes one token; false when there is none. */
  take(now: Millis): boolean;
  /** True when nothing was taken for so long that a new bucket would be the same. */
  isFull(now: Millis): boolean;
}

/** A bucket that is full at first. */
export function createTokenBucket(rate: Rate, start: Millis): TokenBucket {
  let [tokens, at] = [rate.burst, start];
  const refill = (now: Millis): void => {
    tokens = Math.min(rate.burst, tokens + (Math.max(0, now - at) * rate.perSecond) / 1000);
    at = Math.max(at, now);
  };
  return {
    take(now) {
      refill(now);
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
    isFull(now) {
      refill(now);
      return tokens >= rate.burst;
    },
  };
}
