import type { Millis } from "@umbel/core";
import {
  STORE_RECENT_NAMES,
  STORE_SWEEP_ENTRIES,
  STORE_SWEEP_PAUSE_MS,
  STORE_WALK_ENTRIES,
} from "../limits.ts";
import type { StoreClaim } from "../store/block-store.ts";
import type { RecordCipher } from "../store/record-cipher.ts";
import { entryRecordOf, storeEntryOf } from "../store/store-records.ts";
import { getValue, type StoreFiles, type Table } from "./lmdb-files.ts";

/** A name as a key of a Map or Set. */
export function nameKey(name: Uint8Array): string {
  return Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString("latin1");
}

/** A hand that goes round the names of a table, in their order, which is random to everybody else. */
class Hand {
  readonly #table: Table;
  #page: Uint8Array[] = [];
  #after: Uint8Array | undefined;

  constructor(table: Table) {
    this.#table = table;
  }

  /** The next name; undefined at the end, after which it begins anew. */
  next(): Uint8Array | undefined {
    if (this.#page.length === 0) {
      const start = this.#after === undefined ? {} : { start: this.#after, exclusiveStart: true };
      this.#page = [...this.#table.getKeys({ ...start, limit: PAGE_NAMES })].reverse();
    }
    this.#after = this.#page.pop();
    return this.#after;
  }
}

/**
 * Which cached block goes next: a clock (Corbato 1968) over names in a random order. What was asked for since the hand came by is passed
 * over once. Memory is bounded: only the last STORE_RECENT_NAMES that were asked for are remembered.
 */
export class CacheClock {
  readonly #files: StoreFiles;
  readonly #hand: Hand;
  readonly #recent = new Set<string>();
  /** From the oldest on, while the set is full. One for all: each new one would walk over all that was deleted at the front. */
  #oldestFirst: Iterator<string> | undefined;

  constructor(files: StoreFiles) {
    this.#files = files;
    this.#hand = new Hand(files.cached);
  }

  /** Notes that a cached block was asked for. */
  used(name: Uint8Array): void {
    const key = nameKey(name);
    if (this.#recent.size < STORE_RECENT_NAMES) this.#oldestFirst = undefined;
    this.#recent.delete(key);
    if (this.#recent.size >= STORE_RECENT_NAMES) {
      this.#oldestFirst ??= this.#recent.values();
      this.#recent.delete(this.#oldestFirst.next().value);
    }
    this.#recent.add(key);
  }

  /** The name of a block that may go and that `isTaken` does not know; undefined when there is none. */
  next(isTaken: (key: string) => boolean): Uint8Array | undefined {
    let fallback: Uint8Array | undefined;
    for (let ends = 0, looked = 0; ends < 2; ) {
      const name = this.#hand.next();
      if (name === undefined) {
        ends++;
        continue;
      }
      const key = nameKey(name);
      if (isTaken(key) || !this.#files.cached.doesExist(name)) continue;
      if (!this.#recent.delete(key)) return name;
      fallback = name;
      if (++looked >= PAGE_NAMES) break;
    }
    return fallback;
  }
}

/** A block or slot that this node keeps without being responsible. */
export interface NearMiss {
  readonly table: "entries" | "slots";
  readonly name: Uint8Array;
}

/**
 * Finds near misses by going round all entries, a few for each batch of writes. A round that found none is not begun anew before the
 * directory has changed and some time has passed, or a near miss was put: else every put at a full store would cost a walk.
 */
export class NearMissHand {
  readonly #files: StoreFiles;
  readonly #cipher: RecordCipher;
  readonly #now: () => Millis;
  readonly #hands: Record<NearMiss["table"], Hand>;
  #table: NearMiss["table"] = "entries";
  /** Ends of tables passed since a near miss was found. */
  #ends = 0;
  /** The revision when this round began. */
  #revision: number | undefined;
  #fruitless: { readonly revision: number; readonly at: Millis } | undefined;

  constructor(files: StoreFiles, cipher: RecordCipher, now: () => Millis) {
    this.#files = files;
    this.#cipher = cipher;
    this.#now = now;
    this.#hands = { entries: new Hand(files.entries), slots: new Hand(files.slots) };
  }

  /** A near miss was put: there is one to be found. */
  added(): void {
    this.#fruitless = undefined;
    this.#begin();
  }

  /** A near miss that `isTaken` does not know; undefined when there is none, or `budget` is used up. */
  next(claim: StoreClaim, budget: { left: number }, isTaken: (key: string) => boolean): NearMiss | undefined {
    if (this.#isFruitless(claim)) return undefined;
    this.#revision ??= claim.revision;
    while (budget.left > 0) {
      const name = this.#hands[this.#table].next();
      if (name === undefined) {
        this.#table = this.#table === "entries" ? "slots" : "entries";
        if (++this.#ends <= TABLES) continue;
        this.#fruitless = { revision: this.#revision, at: this.#now() };
        this.#begin();
        return undefined;
      }
      budget.left--;
      if (isTaken(nameKey(name)) || !this.#mayGo(claim, name)) continue;
      this.#begin();
      return { table: this.#table, name };
    }
    return undefined;
  }

  #isFruitless({ revision }: StoreClaim): boolean {
    const last = this.#fruitless;
    if (last === undefined) return false;
    if (last.revision === revision || this.#now() < last.at + STORE_SWEEP_PAUSE_MS) return true;
    this.#fruitless = undefined;
    return false;
  }

  #begin(): void {
    this.#ends = 0;
    this.#revision = undefined;
  }

  /** What is there and cannot be read is nobody's. */
  #mayGo(claim: StoreClaim, name: Uint8Array): boolean {
    const sealed = getValue(this.#files[this.#table], name);
    if (sealed === undefined) return false;
    const record = this.#cipher.open(name, sealed);
    return record === undefined || !claim.isOurs(storeEntryOf(entryRecordOf(record)));
  }
}

/** Names that may be looked at for one batch of writes. */
export const SWEEP_BUDGET = STORE_SWEEP_ENTRIES;

const PAGE_NAMES = Math.min(STORE_WALK_ENTRIES, 256);
const TABLES = 2;
