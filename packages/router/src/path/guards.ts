import { type Descriptor, type Millis, type NodeId, UmbelError } from "@umbel/core";
import { GUARD_ABSENT_DAYS } from "../limits.ts";
import { createGuardRetries } from "./guard-retries.ts";
import { createKeptGuards, type GuardsOptions } from "./kept-guards.ts";
import { type GuardBias, guardBias } from "./path-bias.ts";
import { guardsInUse, renewSample } from "./sampled-guards.ts";
import { renewSecondGuards, secondGuardsFor } from "./second-guards.ts";

/** What came of a circuit, as far as it concerns its guard. `collapsed`: built, and destroyed by others before it was of any use. */
export type GuardReport = "unreachable" | "failed" | "built" | "collapsed";

/**
 * The few nodes that a client uses as first hops, for long (docs/spec/04-circuits.md, Guards): a sample in order on disk, of which
 * the first three that the directory has are in use. Neither an outage nor a failed circuit adds a guard or takes one away.
 */
export interface Guards {
  /**
   * The first guard in use that is reachable or due for another try. `now` is on the monotonic clock. Throws
   * NETWORK_UNREACHABLE when none in use answered just now (the first is due again soon) or all sampled ones are gone;
   * NO_PATH when the directory has no relay; BAD_CONFIG for an unusable file, and whatever the store throws when it loads;
   * WRITE_FAILED, once, to the caller for whom new guards were chosen and could not be saved.
   */
  current(now: Millis): Promise<Descriptor>;
  /** The second guards for circuits over `guard`; none in a small network. Throws what `current` throws of files. */
  second(guard: Descriptor): Promise<readonly Descriptor[]>;
  /** Counts a circuit; a guard that did not answer is left out for a while that grows, one that did has its place again. */
  report(nodeId: NodeId, what: GuardReport, now: Millis): void;
  /** How circuits over each guard went, in order, without names; empty before the first `current`. */
  bias(): readonly GuardBias[];
  /** Resolves when the counts are saved, or could not be: they are no reason to fail. */
  flush(): Promise<void>;
}

/** Guards over a store. Nothing is read before the first `current`. */
export function createGuards(options: GuardsOptions): Guards {
  const retries = createGuardRetries();
  const kept = createKeptGuards(options);

  return {
    async current(now) {
      const lists = await kept.renewed((all) => ({ ...all, guards: renewSample(options, all.guards) }));
      const guards = guardsInUse(options, lists.guards);
      if (guards.length === 0) throw noGuard(lists.guards.length);
      const ready = retries.firstReady(guards, now);
      if (ready === undefined) throw noAnswer(guards.length);
      return ready;
    },
    async second(guard) {
      const lists = await kept.renewed((all) => ({
        ...all,
        secondGuards: renewSecondGuards(options, all.secondGuards, guard),
      }));
      return secondGuardsFor(options, lists.secondGuards, guard);
    },
    report(nodeId, what, now) {
      if (what === "unreachable") {
        retries.failed(nodeId, now);
        return;
      }
      const wasOffline = what !== "collapsed" && retries.answered(nodeId, now);
      kept.count(nodeId, TALLIES[what], what === "built" && !wasOffline);
    },
    bias: () => guardBias(kept.now().guards),
    flush: () => kept.flush(),
  };
}

const TALLIES = {
  failed: { attempts: 1, successes: 0 },
  built: { attempts: 1, successes: 1 },
  collapsed: { attempts: 0, successes: -1 },
} as const;

function noGuard(sampled: number): UmbelError {
  if (sampled === 0) return new UmbelError("NO_PATH", "no path: the directory has no relay for a guard");
  const gone = `all ${sampled} guards of the list have left the network`;
  const wait = `new ones are chosen when they are gone for ${GUARD_ABSENT_DAYS} days`;
  return new UmbelError("NETWORK_UNREACHABLE", `${gone}; ${wait}, or when you remove the guard file`);
}

function noAnswer(guards: number): UmbelError {
  const who = guards === 1 ? "the only guard does not answer" : `none of the ${guards} guards answers`;
  return new UmbelError("NETWORK_UNREACHABLE", `${who}: this machine may be offline`);
}
