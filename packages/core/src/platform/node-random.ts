import { randomBytes, randomFillSync } from "node:crypto";
import type { RandomSource } from "../ports/random.ts";
import { plain } from "./node-keys.ts";

/** Bytes that the pool fetches from OpenSSL at once. */
const POOL_BYTES = 4096;
/** Requests up to this size come from the pool. */
const POOLED_BYTES = 256;

const pool = new Uint8Array(POOL_BYTES);
let used = POOL_BYTES;

/** The system's random source by OpenSSL. Small requests come from a pool whose bytes are erased as they are handed out. */
export const nodeRandom: RandomSource = {
  bytes(length) {
    if (length > POOLED_BYTES) return plain(randomBytes(length));
    if (used + length > POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    const taken = pool.slice(used, used + length);
    pool.fill(0, used, used + length);
    used += length;
    return taken;
  },
};
