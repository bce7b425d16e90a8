import {
  type AbortLike,
  type Clock,
  type Descriptor,
  type Logger,
  type NetworkParameters,
  type NodeId,
  type RandomSource,
  UmbelError,
} from "@umbel/core";
import { MAX_BUILD_ATTEMPTS } from "../limits.ts";
import type { Circuit, CircuitBuilder, CircuitRequest } from "../node/overlay.ts";
import type { BuildFailure } from "../node/overlay-node.ts";
import { createFailedNodes } from "./failed-nodes.ts";
import type { Guards } from "./guards.ts";
import { type HopCount, type PathDirectory, selectPath } from "./select.ts";
import { watchCircuit } from "./watched-circuit.ts";

/** What builds a circuit over a path that is given: an OverlayNode. */
export interface PathBuilder {
  buildCircuit(path: readonly Descriptor[]): Promise<Circuit | BuildFailure>;
}

export interface CircuitBuilderOptions {
  readonly node: PathBuilder;
  readonly directory: PathDirectory;
  readonly guards: Guards;
  readonly network: NetworkParameters;
  readonly random: RandomSource;
  readonly clock: Clock;
  readonly log: Logger;
  /** This node's own id when it relays: never a hop of its own circuits. */
  readonly ownNodeId?: NodeId | undefined;
}

const DEFAULT_HOPS = 3;
/** One more: the endpoint must not see the second guard, or it could tell the circuits of one client from others by it. */
const SECOND_GUARD_HOPS = 4;

/**
 * Builds circuits over guards and chosen paths (docs/spec/04-circuits.md, Paths). Every `build` makes a circuit of its own
 * and hands it to one caller, so purposes are isolated by construction: nothing here is shared but the guard, what is
 * known of failed nodes, and the links.
 */
export function createCircuitBuilder(options: CircuitBuilderOptions): CircuitBuilder {
  const { node, guards, clock, log, ownNodeId } = options;
  const failed = createFailedNodes();
  const exclude: ReadonlySet<NodeId> = new Set(ownNodeId === undefined ? [] : [ownNodeId]);

  async function choosePath(request: CircuitRequest): Promise<readonly Descriptor[]> {
    const guard = await guards.current(clock.now());
    const { directory, network, random } = options;
    const seconds = request.secondGuard === true ? await guards.second(guard) : [];
    const secondGuards = seconds.length === 0 ? undefined : seconds;
    const hops = hopCount(request.hops ?? (secondGuards === undefined ? DEFAULT_HOPS : SECOND_GUARD_HOPS));
    const avoidEndpoints = request.avoidEndpoints ?? new Set<NodeId>();
    const avoid = failed.at(clock.now());
    return selectPath({
      ...{ directory, guard, secondGuards, hops, network, random },
      ...{ exclude, avoid, avoidEndpoints },
    });
  }

  /** Tells guards and the set of failed nodes how a build ended. */
  function learn(path: readonly Descriptor[], outcome: Circuit | BuildFailure): void {
    const guard = path[0]!.nodeId;
    const now = clock.now();
    if (!("hops" in outcome)) {
      guards.report(guard, "built", now);
      return;
    }
    const isAway = outcome.hops === 0 && outcome.mayBidHigher !== true;
    guards.report(guard, isAway ? "unreachable" : "failed", now);
    const missed = outcome.hops === 0 ? undefined : path[outcome.hops];
    if (missed !== undefined) failed.add(missed.nodeId, now);
  }

  async function buildOne(path: readonly Descriptor[], signal: AbortLike | undefined) {
    const building = node.buildCircuit(path).then((outcome) => {
      learn(path, outcome);
      if ("hops" in outcome) return outcome;
      if (signal?.aborted === true) outcome.close();
      return watchCircuit(outcome, () => guards.report(path[0]!.nodeId, "collapsed", clock.now()));
    });
    return unlessAborted(building, signal);
  }

  return {
    async build(request) {
      const { signal } = request;
      for (let attempt = 1; attempt <= MAX_BUILD_ATTEMPTS; attempt++) {
        if (signal?.aborted === true) throw aborted();
        const path = await unlessAborted(choosePath(request), signal);
        const outcome = await buildOne(path, signal);
        if (!("hops" in outcome)) return outcome;
        log.debug("circuit.not-built", { attempt, hops: outcome.hops });
      }
      const tries = `${MAX_BUILD_ATTEMPTS} circuits were tried and none could be built`;
      throw new UmbelError("CIRCUIT_CLOSED", `${tries}: many nodes of the directory may be down`);
    },
  };
}

function hopCount(hops: number): HopCount {
  if (hops === 3 || hops === 4 || hops === 5 || hops === 6) return hops;
  throw new UmbelError("BAD_INPUT", `a circuit has 3 to 6 hops, not ${hops}`);
}

/** `work`, or a rejection with ABORTED as soon as the signal says so; `work` then goes on unheard. */
function unlessAborted<Result>(work: Promise<Result>, signal: AbortLike | undefined): Promise<Result> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(aborted());
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort);
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

function aborted(): UmbelError {
  return new UmbelError("ABORTED", "the building of a circuit was aborted");
}
