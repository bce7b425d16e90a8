import { MAX_SPENT_BIDS } from "../limits.ts";

/** Bids that were counted once: a replayed request proves no work. */
export interface SpentBids {
  /** Remembers the bid; false when it is remembered already. */
  spend(bid: Uint8Array): boolean;
}

/** Remembers the last MAX_SPENT_BIDS bids at the least, and at most twice as many. */
export function createSpentBids(): SpentBids {
  let newer = new Set<string>();
  let older: ReadonlySet<string> = new Set();
  return {
    spend(bid) {
      const key = String.fromCharCode(...bid);
      if (newer.has(key) || older.has(key)) return false;
      if (newer.size >= MAX_SPENT_BIDS) {
        older = newer;
        newer = new Set();
      }
      newer.add(key);
      return true;
    },
  };
}
