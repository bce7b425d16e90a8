import {
  type Clock,
  type CryptoProvider,
  isUmbelError,
  type Logger,
  type Millis,
  type NodeId,
  type RandomSource,
  randomBelow,
  type Timers,
} from "@umbel/core";
import {
  HOLDER_COUNT,
  REPAIR_CALLS_AT_ONCE,
  REPAIR_FAR_TURNS,
  REPAIR_FULL_MS,
  REPAIR_MAX_NEIGHBOURS,
  REPAIR_NEAREST_NEIGHBOURS,
  REPAIR_PROBE_MS,
  REPAIR_RETRY_MAX_MS,
  REPAIR_TURN_MS,
} from "../limits.ts";
import { createCancellation } from "../service/cancellation.ts";
import { createHolderIndex, type Holders, holdersOf } from "../service/holders.ts";
import { createHolderFinder, type StoreDirectory } from "../service/store-directory.ts";
import { atOnce } from "./at-once.ts";
import { pause } from "./byte-rate.ts";
import { createAcquaintance, note, type Presence } from "./presence.ts";
import type { RepairCalls, RepairItem } from "./repair-calls.ts";
import { type OpenItems, runPass } from "./repair-pass.ts";
import type { SpareItems } from "./spare-items.ts";

export interface HolderRepairOptions {
  readonly crypto: CryptoProvider;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: RandomSource;
  readonly log: Logger;
  readonly ownId: NodeId;
  /** The nodes that are present: `presentDirectory` over `presence`. */
  readonly directory: StoreDirectory;
  /** All nodes, present or not. */
  readonly wholeDirectory: StoreDirectory;
  readonly presence: Presence;
  readonly calls: RepairCalls;
  /** Where walks say what this node need not keep. */
  readonly spares: SpareItems;
  /** A period of the network, in ms: whoever is known for less gets nothing where there is a choice. */
  readonly period: Millis;
  /** Other times than those of limits.ts: for simulations of days. */
  readonly times?: Partial<RepairTimes> | undefined;
}

/** When repair looks and acts, in ms on average. */
export interface RepairTimes {
  /** Between two looks at neighbours and directory: REPAIR_PROBE_MS. */
  readonly probe: Millis;
  /** Until the next one that has a block acts: REPAIR_TURN_MS. */
  readonly turn: Millis;
  /** Between two walks over the whole store: REPAIR_FULL_MS. */
  readonly full: Millis;
}

const DEFAULT_TIMES: RepairTimes = { probe: REPAIR_PROBE_MS, turn: REPAIR_TURN_MS, full: REPAIR_FULL_MS };

/** Counts for the operator, without a word on which blocks or for whom. */
export interface RepairCounters {
  /** Walks over the store. */
  readonly passes: number;
  /** Items put at other nodes: blocks, and slots with all their editions. */
  readonly items: number;
  /** Times that a walk found an item which others are responsible for and have. */
  readonly spare: number;
  /** Items that were not in place at the end of the last pass. */
  readonly open: number;
}

export interface HolderRepair {
  readonly counters: RepairCounters;
  /** Resolves when nothing runs any more. */
  stop(): Promise<void>;
}

/**
 * Keeps what this node holds at R nodes (docs/spec/14-repair.md): when others come, go or fall silent, and on a slow schedule.
 * Needs no trigger; stops with `stop`.
 */
export function startHolderRepair(options: HolderRepairOptions): HolderRepair {
  const counters = { passes: 0, items: 0, spare: 0, open: 0 };
  const cancellation = createCancellation();
  const done = new Repairer(options, cancellation.signal, counters).run();
  return {
    counters,
    async stop() {
      cancellation.cancel();
      await done;
    },
  };
}

type Counters = { -readonly [Key in keyof RepairCounters]: RepairCounters[Key] };
type HoldersAt = (location: Uint8Array) => Holders;

class Repairer {
  readonly #options: HolderRepairOptions;
  readonly #signal: HolderRepairSignal;
  readonly #counters: Counters;
  readonly #acquaintance;
  readonly #times: RepairTimes;
  readonly #holdersByDirectory: HoldersAt;
  /** Who was responsible when everything was last in place. */
  #settled: HoldersAt | undefined;
  #seenRevision: number | undefined;
  #nextFull: Millis;
  #retry: { readonly at: Millis; readonly delay: Millis } | undefined;
  readonly #neighbours = new Set<NodeId>();

  constructor(options: HolderRepairOptions, signal: HolderRepairSignal, counters: Counters) {
    this.#options = options;
    this.#signal = signal;
    this.#counters = counters;
    this.#times = { ...DEFAULT_TIMES, ...options.times };
    this.#acquaintance = createAcquaintance(options.clock, options.period);
    this.#holdersByDirectory = createHolderFinder(options.wholeDirectory);
    this.#nextFull = options.clock.now();
  }

  /** Ends only when the signal fires. What fails otherwise, as the reading of the store, is tried again later. */
  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        await this.#look();
      } catch (error) {
        if (this.#signal.aborted) return;
        this.#options.log.warn("repair.failed", { code: isUmbelError(error) ? error.code : "INTERNAL" });
        this.#retryLater(1);
      }
    }
  }

  async #look(): Promise<void> {
    const { directory, clock } = this.#options;
    await this.#pause(this.#times.probe);
    this.#acquaintance.meet(directory.storeNodes());
    await this.#probe();
    if (this.#isDue(clock.now())) await this.#repair();
  }

  #isDue(now: Millis): boolean {
    const retry = this.#retry;
    return (
      this.#options.directory.revision !== this.#seenRevision ||
      now >= this.#nextFull ||
      (retry !== undefined && now >= retry.at)
    );
  }

  /** Asks those near for a sign of life, so that somebody who left is noticed without a transfer. */
  async #probe(): Promise<void> {
    const { calls, presence } = this.#options;
    await atOnce(this.#toProbe(), REPAIR_CALLS_AT_ONCE, async (id) => {
      note(presence, id, await calls.have(id, [], this.#signal));
    });
  }

  /** All of a small network; else the neighbours, those away, who may be back, and the nodes nearest to this one. */
  #toProbe(): readonly NodeId[] {
    const { directory, wholeDirectory, ownId, presence } = this.#options;
    const all = wholeDirectory.storeNodes();
    if (all.length <= REPAIR_MAX_NEIGHBOURS) return all.map(({ id }) => id).filter((id) => id !== ownId);
    const own = all.find(({ id }) => id === ownId);
    const index = createHolderIndex(directory.storeNodes());
    const nearest = own ? index.nearest(own.position, REPAIR_NEAREST_NEIGHBOURS) : [];
    return [...new Set([...nearest, ...this.#neighbours, ...presence.away()])].filter((id) => id !== ownId);
  }

  /** Turn by turn, until all is in place: first where this node is the nearest that has the item, then where the nearer ones did not act. */
  async #repair(): Promise<void> {
    const { directory, clock, calls } = this.#options;
    const isFull = clock.now() >= this.#nextFull || this.#settled === undefined;
    const before = isFull ? undefined : this.#settled;
    let now = this.#holdersNow();
    let open = await this.#pass(now, before, 0, calls.items());
    for (let turn = 1; turn < HOLDER_COUNT + REPAIR_FAR_TURNS; turn++) {
      const isSame = directory.revision === this.#seenRevision;
      if (open.count === 0 && isSame) break;
      await this.#pause(this.#times.turn);
      if (directory.revision !== this.#seenRevision || open.items.length < open.count) {
        now = this.#holdersNow();
        open = await this.#pass(now, before, turn, calls.items());
      } else open = await this.#pass(now, undefined, turn, open.items);
    }
    if (isFull) this.#nextFull = clock.now() + this.#jittered(this.#times.full);
    if (open.count === 0) this.#settled = now;
    this.#retryLater(open.count);
  }

  #holdersNow(): HoldersAt {
    const { directory } = this.#options;
    this.#seenRevision = directory.revision;
    const index = createHolderIndex(directory.storeNodes());
    return (location) => holdersOf(index, location);
  }

  async #pass(
    holdersNow: HoldersAt,
    holdersBefore: HoldersAt | undefined,
    maxRank: number,
    items: AsyncIterable<RepairItem> | Iterable<RepairItem>,
  ): Promise<OpenItems> {
    const { crypto, ownId, calls, presence, spares } = this.#options;
    const counters = this.#counters;
    counters.passes++;
    const options = {
      ...{ crypto, ownId, calls, presence, maxRank, signal: this.#signal, holdersNow, holdersBefore },
      holdersByDirectory: this.#holdersByDirectory,
      isOld: (id: NodeId) => this.#acquaintance.isOld(id),
      onNeighbour: (id: NodeId) => this.#meet(id),
      onPut: () => void counters.items++,
      onLooked(item: RepairItem, isSpare: boolean) {
        if (isSpare) counters.spare++;
        spares.set(item, isSpare);
      },
    };
    const open = await runPass(options, items);
    if (this.#seenRevision !== undefined) spares.endWalk(this.#seenRevision);
    counters.open = open.count;
    return open;
  }

  /** Keeps the neighbours met last: blocks and directories change slowly. */
  #meet(id: NodeId): void {
    this.#neighbours.delete(id);
    const [oldest] = this.#neighbours;
    if (this.#neighbours.size >= REPAIR_MAX_NEIGHBOURS && oldest !== undefined)
      this.#neighbours.delete(oldest);
    this.#neighbours.add(id);
  }

  /** What cannot be put in place now, as where a node is full, is tried less and less often. */
  #retryLater(open: number): void {
    if (open === 0) {
      this.#retry = undefined;
      return;
    }
    const before = this.#retry?.delay;
    const delay = before === undefined ? this.#times.probe : Math.min(REPAIR_RETRY_MAX_MS, 2 * before);
    this.#retry = { at: this.#options.clock.now() + this.#jittered(delay), delay };
  }

  #pause(about: Millis): Promise<void> {
    return pause(this.#options.timers, this.#jittered(about), this.#signal);
  }

  /** Between 0.75 and 1.25 of `about`: nodes that saw the same change do not act in step. */
  #jittered(about: Millis): Millis {
    return about * (0.75 + randomBelow(this.#options.random, 1001) / 2000);
  }
}

type HolderRepairSignal = ReturnType<typeof createCancellation>["signal"];
