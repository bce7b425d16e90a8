import {
  type Clock,
  type CryptoProvider,
  type Descriptor,
  type Millis,
  type NetworkParameters,
  type NodeId,
  puzzleSeed,
  puzzleSlot,
  type RandomSource,
  searchBid,
  type Timers,
} from "@umbel/core";
import {
  BID_TRIES_PER_TURN,
  FIRST_HOP_EFFORT,
  HOP_EFFORT_MEMORY_MS,
  HOP_EFFORT_STEP,
  MAX_HOP_EFFORTS,
  MAX_OFFERED_EFFORT,
} from "../limits.ts";

export interface HopEffortsOptions {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  readonly network: NetworkParameters;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** What an originator bids to hops that refused it lately (docs/spec/04-circuits.md, Puzzle bids). */
export interface HopEfforts {
  /** The hop refused a handshake: the next bid is higher. False when it was the highest already. */
  refused(nodeId: NodeId): boolean;
  /** A bid for each hop of a path, at once where none is needed; undefined for no bid. */
  bidsFor(path: readonly Descriptor[]): readonly undefined[] | Promise<readonly (Uint8Array | undefined)[]>;
}

/** Efforts by node, forgotten some time after the last refusal. Bids are searched for in small pieces between other work. */
export function createHopEfforts(options: HopEffortsOptions): HopEfforts {
  const { crypto, random, network, clock, timers } = options;
  const efforts = new Map<NodeId, { readonly effort: number; readonly since: Millis }>();

  function effortFor(nodeId: NodeId): number {
    const held = efforts.get(nodeId);
    return held === undefined || held.since + HOP_EFFORT_MEMORY_MS <= clock.now() ? 0 : held.effort;
  }

  function search({ nodeId, hopKey }: Descriptor): Promise<Uint8Array> {
    const target = { network: network.id, nodeId, hopKey };
    const seed = puzzleSeed(crypto, target, puzzleSlot(clock.unixNow()));
    const bid = searchBid(crypto, random, seed, effortFor(nodeId));
    return new Promise((resolve) => {
      const go = (): void => {
        const found = bid.run(BID_TRIES_PER_TURN);
        if (found !== undefined) resolve(found);
        else timers.schedule(1, go);
      };
      go();
    });
  }

  return {
    refused(nodeId) {
      const before = effortFor(nodeId);
      if (before >= MAX_OFFERED_EFFORT) return false;
      const effort = before === 0 ? FIRST_HOP_EFFORT : Math.min(before + HOP_EFFORT_STEP, MAX_OFFERED_EFFORT);
      efforts.delete(nodeId);
      efforts.set(nodeId, { effort, since: clock.now() });
      for (const oldest of efforts.keys()) {
        if (efforts.size <= MAX_HOP_EFFORTS) break;
        efforts.delete(oldest);
      }
      return true;
    },
    bidsFor(path) {
      if (path.every(({ nodeId }) => effortFor(nodeId) === 0)) return path.map(() => undefined);
      return Promise.all(path.map((hop) => (effortFor(hop.nodeId) === 0 ? undefined : search(hop))));
    },
  };
}
