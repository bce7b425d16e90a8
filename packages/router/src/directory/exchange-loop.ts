import {
  type Clock,
  type Descriptor,
  isUmbelError,
  type Logger,
  type Millis,
  type NodeId,
  periodStart,
  type RandomSource,
  randomBelow,
  type Timer,
  type Timers,
} from "@umbel/core";
import {
  FLOOD_DELAY_MS,
  FLOOD_FANOUT,
  MAX_FLOOD_QUEUE,
  RECONCILE_MAX_MS,
  RECONCILE_MIN_MS,
  RECONCILE_MS_PER_NODE,
} from "../limits.ts";
import type { BootstrapEntry, DirectCalls } from "../node/overlay.ts";
import { directoryCall } from "./bootstrap.ts";
import type { Arrival, Directory } from "./directory.ts";
import { pushRequests, reconcile } from "./exchange.ts";
import { createJoin, type Join, jittered } from "./join.ts";

export interface DirectoryExchangeOptions {
  readonly directory: Directory;
  readonly calls: DirectCalls;
  readonly bootstrap: readonly BootstrapEntry[];
  /** What the node publishes now, signed: see `createSelfDescriptors`. Empty for a client. */
  readonly self: () => readonly Uint8Array[];
  /** The node never asks itself. */
  readonly ownNodeId?: NodeId | undefined;
  readonly timers: Timers;
  readonly random: RandomSource;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface DirectoryExchange {
  /**
   * Resolves when two bootstrap nodes have answered, or one has and the others failed; at once without entries. Stays
   * pending while none answers (they are tried again and again) and after `stop`.
   */
  readonly ready: Promise<void>;
  stop(): void;
}

/** One reconciliation in so many is with a bootstrap node, so that parts of a network that lost each other meet again. */
const BOOTSTRAP_SHARE = 8;

/**
 * Joins the network and keeps the directory current (docs/spec/06-directory.md, Schedule): publishes the own descriptor,
 * reconciles with random peers, passes pushed descriptors on, forgets past periods.
 */
export function startDirectoryExchange(options: DirectoryExchangeOptions): DirectoryExchange {
  const loop = new ExchangeLoop(options);
  loop.start();
  return { ready: loop.ready, stop: () => loop.stop() };
}

class ExchangeLoop {
  readonly #options: DirectoryExchangeOptions;
  readonly #join: Join;
  readonly #stopListening: () => void;
  #stopped = false;
  #interval: Millis = RECONCILE_MIN_MS;
  /** The armed round; undefined while one runs. */
  #round: { readonly timer: Timer; readonly due: Millis } | undefined;
  #flood: Descriptor[] = [];
  #floodTimer: Timer | undefined;

  constructor(options: DirectoryExchangeOptions) {
    this.#options = options;
    this.#join = createJoin({
      ...options,
      entries: () => this.#foreignEntries(),
      ask: async (entry) => {
        await this.#reconcileWith(entry);
      },
    });
    this.#stopListening = options.directory.onAdded((descriptor, arrival) =>
      this.#added(descriptor, arrival),
    );
  }

  get ready(): Promise<void> {
    return this.#join.ready;
  }

  start(): void {
    this.#publish();
    this.#join.start();
    this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    this.#stopListening();
    this.#join.stop();
    this.#round?.timer.cancel();
    this.#floodTimer?.cancel();
  }

  /** Bootstrap entries that are not this node. */
  #foreignEntries(): readonly BootstrapEntry[] {
    const { bootstrap, directory, ownNodeId } = this.#options;
    const own = ownNodeId === undefined ? undefined : directory.get(ownNodeId);
    const ownUrls = own?.addresses.map((address) => address.url) ?? [];
    return bootstrap.filter(({ url, nodeId }) =>
      nodeId === undefined ? !ownUrls.includes(url) : nodeId !== ownNodeId,
    );
  }

  #publish(): void {
    const { directory, self, clock } = this.#options;
    directory.prune(clock.unixNow());
    for (const bytes of self()) directory.admit(bytes, clock.unixNow(), "pushed");
  }

  #added(descriptor: Descriptor, arrival: Arrival): void {
    this.#interval = this.#shortest();
    if (this.#round !== undefined && this.#round.due > this.#options.clock.now() + this.#interval)
      this.#arm();
    if (arrival === "pulled" || this.#flood.length >= MAX_FLOOD_QUEUE) return;
    this.#flood.push(descriptor);
    const delay = randomBelow(this.#options.random, FLOOD_DELAY_MS);
    this.#floodTimer ??= this.#options.timers.schedule(delay, () => this.#passOn());
  }

  #passOn(): void {
    const requests = pushRequests(this.#flood);
    this.#flood = [];
    this.#floodTimer = undefined;
    for (const peer of this.#peers(FLOOD_FANOUT)) {
      const call = directoryCall(this.#options.calls, peer);
      // A peer that does not hear of it here learns it by reconciling.
      for (const request of requests) call(request).catch(() => undefined);
    }
  }

  /** Between a second and a minute, longer the more nodes there are. */
  #shortest(): Millis {
    const wished = this.#options.directory.size * RECONCILE_MS_PER_NODE;
    return Math.min(Math.max(wished, RECONCILE_MIN_MS), RECONCILE_MAX_MS);
  }

  #arm(): void {
    if (this.#stopped) return;
    const { directory, clock, random, timers } = this.#options;
    this.#round?.timer.cancel();
    const untilNextPeriod = periodStart(directory.network, directory.period + 1) - clock.unixNow();
    const delay = Math.min(jittered(random, this.#interval), Math.max(untilNextPeriod, 1));
    const timer = timers.schedule(delay, () => void this.#runRound());
    this.#round = { timer, due: clock.now() + delay };
  }

  async #runRound(): Promise<void> {
    this.#round = undefined;
    let added = 0;
    try {
      this.#publish();
      const peer = this.#chooseRoundPeer();
      if (peer === undefined) this.#join.restart();
      else added = await this.#reconcileWith(peer);
    } catch (error) {
      this.#options.log.debug("directory.round-failed", {
        code: isUmbelError(error) ? error.code : "unexpected",
      });
    }
    this.#interval = added > 0 ? this.#shortest() : Math.min(this.#interval * 2, RECONCILE_MAX_MS);
    this.#arm();
  }

  #chooseRoundPeer(): NodeId | BootstrapEntry | undefined {
    const { random } = this.#options;
    const entries = this.#foreignEntries();
    const [peer] = this.#peers(1);
    if (peer === undefined || entries.length === 0 || randomBelow(random, BOOTSTRAP_SHARE) > 0) return peer;
    return entries[randomBelow(random, entries.length)];
  }

  async #reconcileWith(peer: NodeId | BootstrapEntry): Promise<number> {
    const { directory, clock, calls, log } = this.#options;
    const result = await reconcile({ directory, clock, push: true, call: directoryCall(calls, peer) });
    log.debug("directory.reconciled", { ...result, size: directory.size });
    return result.added;
  }

  /** Up to `count` different random nodes but this one. */
  #peers(count: number): NodeId[] {
    const { directory, random, ownNodeId } = this.#options;
    const all = directory.all();
    const chosen = new Set<NodeId>();
    for (let tries = 0; tries < 8 * count && chosen.size < count && all.length > 0; tries++) {
      const { nodeId } = all[randomBelow(random, all.length)]!;
      if (nodeId !== ownNodeId) chosen.add(nodeId);
    }
    return [...chosen];
  }
}
