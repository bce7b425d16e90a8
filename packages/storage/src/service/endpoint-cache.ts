import { type BlockId, type Clock, type CryptoProvider, type RandomSource, randomBelow } from "@umbel/core";
import type { CircuitToken } from "@umbel/router";
import type { BlockCopy } from "../block/block-network.ts";
import {
  ENDPOINT_ABSENT_MS,
  ENDPOINT_MAX_ABSENT,
  ENDPOINT_MAX_SEEN,
  ENDPOINT_REQUESTS_PER_CACHED,
  ENDPOINT_SEEN_MS,
} from "../limits.ts";
import type { BlockCache } from "../store/block-store.ts";
import { createFadingMap } from "./fading-map.ts";
import { isBlockOf } from "./verified.ts";

/**
 * What an endpoint remembers of GETs (docs/spec/09-storage-network.md, Caches). A cache that the first GET or a PUT filled would tell
 * a prober who publishes or reads here; so a block is cached only once another circuit asks for it, and then only now and again.
 */
export interface EndpointCache {
  /** A cached block, verified; undefined when there is none. */
  get(id: BlockId): Promise<Uint8Array | undefined>;
  /** Holders gave the block to a request of this circuit. */
  found(id: BlockId, block: Uint8Array, circuit: CircuitToken): void;
  /** True when every holder lately said that it has no such block. */
  isAbsent(id: BlockId, copy: BlockCopy): boolean;
  /** Every holder said so now. */
  absent(id: BlockId, copy: BlockCopy): void;
  /** Somebody puts the block through this endpoint. */
  put(id: BlockId, copy: BlockCopy): void;
}

/** Remembers in memory, bounded; blocks themselves lie in `blocks`, if there is such a place. */
export function createEndpointCache(
  crypto: CryptoProvider,
  clock: Clock,
  random: RandomSource,
  blocks: BlockCache | undefined,
): EndpointCache {
  const seen = createFadingMap<BlockId, CircuitToken>(clock, ENDPOINT_SEEN_MS, ENDPOINT_MAX_SEEN);
  const missing = createFadingMap<string, true>(clock, ENDPOINT_ABSENT_MS, ENDPOINT_MAX_ABSENT);
  return {
    async get(id) {
      const block = await blocks?.getCached(id).catch(() => undefined);
      if (block === undefined || isBlockOf(crypto, id, block)) return block;
      await blocks?.dropCached(id).catch(() => false);
      return undefined;
    },
    found(id, block, circuit) {
      if (blocks === undefined) return;
      const before = seen.get(id);
      if (before === circuit) return;
      // The last one is remembered: who asks again over the same circuit gets no second draw.
      seen.set(id, circuit);
      if (before === undefined || randomBelow(random, ENDPOINT_REQUESTS_PER_CACHED) > 0) return;
      seen.delete(id);
      // A cache that fails is one without the block.
      blocks.cache(id, block).catch(() => {});
    },
    isAbsent: (id, copy) => missing.get(`${copy}${id}`) === true,
    absent: (id, copy) => missing.set(`${copy}${id}`, true),
    put: (id, copy) => missing.delete(`${copy}${id}`),
  };
}
