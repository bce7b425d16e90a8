import { REPAIR_MAX_SPARES } from "../limits.ts";
import type { StoreEntry } from "../store/block-store.ts";
import type { RepairItem } from "./repair-calls.ts";

/** What this node keeps and need not: whoever is responsible confirmed it. */
export interface SpareItems {
  /** Grows whenever more may be spare; by walks, not by items. */
  readonly revision: number;
  /** True when the entry is spare under each of its copy numbers. */
  has(entry: StoreEntry): boolean;
  /** What a walk found. */
  set(item: RepairItem, isSpare: boolean): void;
  /** A walk has ended. */
  endWalk(): void;
}

/** Remembers at most REPAIR_MAX_SPARES; what is beyond stays as it is until the next walk finds room. */
export function createSpareItems(): SpareItems {
  const spares = new Set<string>();
  let revision = 0;
  let hasGrown = false;
  return {
    get revision() {
      return revision;
    },
    has: ({ id, copies }) => copies.every((copy) => spares.has(`${copy}${id}`)),
    set({ id, copy }, isSpare) {
      const key = `${copy}${id}`;
      if (!isSpare) spares.delete(key);
      else if (!spares.has(key) && spares.size < REPAIR_MAX_SPARES) {
        spares.add(key);
        hasGrown = true;
      }
    },
    endWalk() {
      if (hasGrown) revision++;
      hasGrown = false;
    },
  };
}
