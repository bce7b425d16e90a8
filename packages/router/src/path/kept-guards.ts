import { type CryptoProvider, equalBytes, isUmbelError, type NodeId, UmbelError } from "@umbel/core";
import { GUARD_REPORTS_PER_SAVE } from "../limits.ts";
import { decodeGuardFile, encodeGuardFile, type GuardLists } from "./guard-file.ts";
import { addCounts, type BiasCounts } from "./path-bias.ts";
import { confirmGuard, type GuardWorld, renewSample } from "./sampled-guards.ts";

/** Where the list of guards is kept. Other processes may use the same one. */
export interface GuardStore {
  /** The bytes saved last; undefined when there are none. */
  load(): Promise<Uint8Array | undefined>;
  /**
   * Gives the bytes saved last to `change` and saves what it returns, as a whole, before anybody else can do the same; saves
   * nothing when that is undefined or `change` throws. Resolves when the bytes are safe.
   */
  update(change: (saved: Uint8Array | undefined) => Uint8Array | undefined): Promise<void>;
}

export interface GuardsOptions extends GuardWorld {
  readonly store: GuardStore;
  /** For the file's checksum. */
  readonly crypto: CryptoProvider;
}

/** The lists of guards as this process sees them, kept in a store that others may write to. */
export interface KeptGuards {
  /** The lists with what this process counted; empty before the first `renewed`. */
  now(): GuardLists;
  /**
   * The lists after `renew`, saved when it brought in or removed a node: applied to what is saved at that time, so that of two
   * processes the second takes what the first chose. Throws BAD_CONFIG, WRITE_FAILED (once; this run then keeps its own).
   */
  renewed(renew: Renewal): Promise<GuardLists>;
  /** Adds to a guard's counts; `confirms` when a circuit over it came to work. */
  count(nodeId: NodeId, counts: BiasCounts, confirms: boolean): void;
  /** Saves what was counted. Never rejects. */
  flush(): Promise<void>;
}

/** A change of the lists; the very same lists when there is nothing to change. */
export type Renewal = (lists: GuardLists) => GuardLists;

interface Tally extends BiasCounts {
  readonly confirms: boolean;
}

const NOTHING: GuardLists = { guards: [], secondGuards: [] };

export function createKeptGuards(options: GuardsOptions): KeptGuards {
  return new StoredGuards(options);
}

class StoredGuards implements KeptGuards {
  readonly #options: GuardsOptions;
  #lists = NOTHING;
  /** What was counted since the last save. */
  #tallies = new Map<NodeId, Tally>();
  #reports = 0;
  #loading: Promise<void> | undefined;
  /** The one update under way: another one waits for it. */
  #updating: Promise<void> | undefined;

  constructor(options: GuardsOptions) {
    this.#options = options;
  }

  now(): GuardLists {
    return withTallies(this.#options, this.#lists, this.#tallies);
  }

  async renewed(renew: Renewal): Promise<GuardLists> {
    await this.#loadOnce();
    await this.#alone(() => {
      const renewed = renew(this.#lists);
      if (!sameNodes(renewed, this.#lists)) return this.#update(renew);
      this.#lists = renewed;
      return undefined;
    });
    return this.now();
  }

  count(nodeId: NodeId, counts: BiasCounts, confirms: boolean): void {
    if (!this.#lists.guards.some((guard) => guard.nodeId === nodeId)) return;
    this.#tallies.set(nodeId, plus({ ...counts, confirms }, this.#tallies.get(nodeId)));
    if (++this.#reports >= GUARD_REPORTS_PER_SAVE) void this.flush();
  }

  async flush(): Promise<void> {
    this.#reports = 0;
    const renew: Renewal = (all) => ({ ...all, guards: renewSample(this.#options, all.guards) });
    const save = () => (this.#tallies.size === 0 ? undefined : this.#update(renew));
    await this.#alone(save).catch(() => undefined);
  }

  #loadOnce(): Promise<void> {
    this.#loading ??= this.#load().catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  async #load(): Promise<void> {
    this.#lists = this.#decode(await this.#options.store.load());
  }

  #decode(bytes: Uint8Array | undefined): GuardLists {
    const { crypto, network } = this.#options;
    return bytes === undefined ? NOTHING : decodeGuardFile(crypto, network, bytes);
  }

  /** Renews what is saved at this moment, adds what was counted here, and goes on with the outcome. */
  async #update(renew: Renewal): Promise<void> {
    const { store, crypto, network } = this.#options;
    const batch = this.#tallies;
    let next = this.#lists;
    this.#tallies = new Map();
    try {
      await store.update((bytes) => {
        next = withTallies(this.#options, renew(this.#decode(bytes)), batch);
        const encoded = encodeGuardFile(crypto, network, next);
        return bytes !== undefined && equalBytes(bytes, encoded) ? undefined : encoded;
      });
      this.#lists = next;
    } catch (cause) {
      this.#lists = renew(this.#lists);
      for (const [nodeId, tally] of batch) {
        this.#tallies.set(nodeId, plus(tally, this.#tallies.get(nodeId)));
      }
      if (isUmbelError(cause, "BAD_CONFIG")) throw cause;
      throw new UmbelError("WRITE_FAILED", "the list of guards could not be saved", { cause });
    }
  }

  /** Runs `work` when no other is under way; what that one met with concerns its own caller only. */
  async #alone(work: () => Promise<void> | undefined): Promise<void> {
    while (this.#updating !== undefined) await this.#updating.catch(() => undefined);
    this.#updating = work();
    try {
      await this.#updating;
    } finally {
      this.#updating = undefined;
    }
  }
}

function plus(a: Tally, b: Tally | undefined): Tally {
  if (b === undefined) return a;
  return {
    attempts: a.attempts + b.attempts,
    successes: a.successes + b.successes,
    confirms: a.confirms || b.confirms,
  };
}

function withTallies(world: GuardWorld, lists: GuardLists, tallies: ReadonlyMap<NodeId, Tally>): GuardLists {
  if (tallies.size === 0) return lists;
  let guards = lists.guards.map((guard) => {
    const tally = tallies.get(guard.nodeId);
    return tally === undefined ? guard : { ...guard, ...addCounts(guard, tally) };
  });
  for (const [nodeId, { confirms }] of tallies) {
    if (confirms) guards = [...confirmGuard(world, guards, nodeId)];
  }
  return { ...lists, guards };
}

function sameNodes(a: GuardLists, b: GuardLists): boolean {
  const ids = ({ guards, secondGuards }: GuardLists): string =>
    [...guards, null, ...secondGuards].map((guard) => guard?.nodeId ?? "").join();
  return ids(a) === ids(b);
}
