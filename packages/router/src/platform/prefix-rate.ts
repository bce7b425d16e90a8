import type { Millis } from "@umbel/core";
import { MAX_RATED_PREFIXES } from "../limits.ts";
import { createTokenBucket, type Rate, type TokenBucket } from "../node/token-bucket.ts";
import { prefixOf } from "./prefix-counter.ts";

/** Bounds how often connections may be made, by one prefix and by all. */
export interface PrefixRate {
  /** False when this connection is one too many now. Asking counts. */
  take(host: string, now: Millis): boolean;
}

/**
 * At most `each` for one IPv4 /24 or IPv6 /48, and `all` in total. Loopback counts in total only: a reverse proxy or a test network
 * stands there. MAX_RATED_PREFIXES are remembered, those that did nothing lately forgotten first.
 */
export function createPrefixRate(each: Rate, all: Rate, start: Millis): PrefixRate {
  const total = createTokenBucket(all, start);
  const buckets = new Map<string, TokenBucket>();

  function bucketOf(prefix: string, now: Millis): TokenBucket {
    const bucket = buckets.get(prefix) ?? createTokenBucket(each, now);
    buckets.delete(prefix);
    if (buckets.size >= MAX_RATED_PREFIXES) forget(now);
    buckets.set(prefix, bucket);
    return bucket;
  }

  function forget(now: Millis): void {
    for (const [prefix, bucket] of buckets) if (bucket.isFull(now)) buckets.delete(prefix);
    for (const oldest of buckets.keys()) {
      if (buckets.size < MAX_RATED_PREFIXES) break;
      buckets.delete(oldest);
    }
  }

  return {
    take(host, now) {
      const prefix = prefixOf(host);
      return (prefix === undefined || bucketOf(prefix, now).take(now)) && total.take(now);
    },
  };
}
