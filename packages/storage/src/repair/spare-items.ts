import { REPAIR_MAX_SPARES } from "../limits.ts";
import type { StoreEntry } from "../store/block-store.ts";
import type { RepairItem } from "./repair-calls.ts";

/** What this node keeps and need not: whoever is responsible confirmed it. */
export interface SpareItems {
  /** Grows whenever more may be spare; by walks, not by items. */
  readonly revision: number;
  /**
   * True when the entry is spare under each of its copy numbers, and the directory is the one of the last walk: those who confirmed it
   * may have left since.
   */
  has(entry: StoreEntry, directoryRevision: number): boolean;
  /** What a walk found. */
  set(item: RepairItem, isSpare: boolean): void;
  /** A walk over the store by this directory has ended. */
  endWalk(directoryRevision: number): void;
}

/** Remembers at most REPAIR_MAX_SPARES; what is beyond stays as it is until the next walk finds room. */
export function createSpareItems(): SpareItems {
  const spares = new Set<string>();
  let revision = 0;
  let hasGrown = false;
  let walked: number | undefined;
  return {
    get revision() {
      return revision;
    },
    has: ({ id, copies }, directoryRevision) =>
      directoryRevision === walked && copies.every((copy) => spares.has(`${copy}${id}`)),
    set({ id, copy }, isSpare) {
      const key = `${copy}${id}`;
      if (!isSpare) spares.delete(key);
      else if (!spares.has(key) && spares.size < REPAIR_MAX_SPARES) {
        spares.add(key);
        hasGrown = true;
      }
    },
    endWalk(directoryRevision) {
      if (hasGrown || directoryRevision !== walked) revision++;
      walked = directoryRevision;
      hasGrown = false;
    },
  };
}
