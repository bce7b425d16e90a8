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
  REPAIR_FULL_MS,
  REPAIR_MAX_NEIGHBOURS,
  REPAIR_NEAREST_NEIGHBOURS,
  REPAIR_PROBE_MS,
  REPAIR_RETRY_MAX_MS,
  REPAIR_TURN_MS,
} from "../limits.ts";
import { createCancellation } from "../service/cancellation.ts";
import { createHolderIndex, type Holders, holdersOf } from "../service/holders.ts";
import type { StoreDirectory } from "../service/store-directory.ts";
import { atOnce } from "./at-once.ts";
import { pause } from "./byte-rate.ts";
import { createAcquaintance, note, type Presence } from "./presence.ts";
import type { RepairCalls } from "./repair-calls.ts";
import { runPass } from "./repair-pass.ts";
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
  /** Who was responsible when everything was last in place. */
  #settled: HoldersAt | undefined;
  #seenRevision: number | undefined;
  #nextFull: Millis;
  #retry: { readonly at: Millis; readonly delay: Millis } | undefined;
  #neighbours = new Set<NodeId>();

  constructor(options: HolderRepairOptions, signal: HolderRepairSignal, counters: Counters) {
    this.#options = options;
    this.#signal = signal;
    this.#counters = counters;
    this.#times = { ...DEFAULT_TIMES, ...options.times };
    this.#acquaintance = createAcquaintance(options.clock, options.period);
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

  /** The neighbours of the last walk, those away, who may be back, and the nodes nearest to this one. */
  #toProbe(): readonly NodeId[] {
    const { directory, ownId, presence } = this.#options;
    const nodes = directory.storeNodes();
    const own = nodes.find(({ id }) => id === ownId);
    const nearest = own ? createHolderIndex(nodes).nearest(own.position, REPAIR_NEAREST_NEIGHBOURS) : [];
    return [...new Set([...nearest, ...this.#neighbours, ...presence.away()])].filter((id) => id !== ownId);
  }

  /** Turn by turn, until all is in place: first where this node is the nearest that has the item, then where the nearer ones did not act. */
  async #repair(): Promise<void> {
    const { directory, clock } = this.#options;
    const isFull = clock.now() >= this.#nextFull || this.#settled === undefined;
    const before = isFull ? undefined : this.#settled;
    const revision = directory.revision;
    this.#seenRevision = revision;
    const index = createHolderIndex(directory.storeNodes());
    const now: HoldersAt = (location) => holdersOf(index, location);
    let open = await this.#pass(now, before, 0);
    for (let turn = 1; open > 0 && turn < HOLDER_COUNT; turn++) {
      await this.#pause(this.#times.turn);
      if (directory.revision !== revision) return;
      open = await this.#pass(now, before, turn);
    }
    if (isFull) this.#nextFull = clock.now() + this.#jittered(this.#times.full);
    if (open === 0) this.#settled = now;
    this.#retryLater(open);
  }

  async #pass(now: HoldersAt, before: HoldersAt | undefined, maxRank: number): Promise<number> {
    const { crypto, ownId, calls, presence, spares } = this.#options;
    const counters = this.#counters;
    const neighbours = new Set<NodeId>();
    counters.passes++;
    counters.open = await runPass({
      ...{ crypto, ownId, calls, presence, maxRank, signal: this.#signal },
      holdersNow: now,
      holdersBefore: before,
      isOld: (id) => this.#acquaintance.isOld(id),
      onNeighbour(id) {
        if (neighbours.size < REPAIR_MAX_NEIGHBOURS) neighbours.add(id);
      },
      onPut: () => counters.items++,
      onLooked(item, isSpare) {
        if (isSpare) counters.spare++;
        spares.set(item, isSpare);
      },
    });
    spares.endWalk();
    this.#neighbours = neighbours;
    return counters.open;
  }

  /** What cannot be put in place now, as where a node is full, is tried less and less often. */
  #retryLater(open: number): void {
    if (open === 0) {
      this.#retry = undefined;
      return;
    }
    const delay = Math.min(REPAIR_RETRY_MAX_MS, 2 * (this.#retry?.delay ?? this.#times.probe));
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
