import {
  type Clock,
  type Millis,
  type NodeId,
  type RandomSource,
  shuffled,
  type Timer,
  type Timers,
} from "@umbel/core";
import { READY_CIRCUIT_CHECK_MS, READY_CIRCUIT_MAX_AGE_MS } from "../limits.ts";
import type { Circuit, CircuitBuilder, CircuitRequest } from "../node/overlay.ts";

export interface ReadyCircuitsOptions {
  readonly builder: CircuitBuilder;
  /** Circuits that stand ready, as long as there are paths. */
  readonly count: number;
  readonly random: RandomSource;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** A builder that keeps circuits built ahead of their use. */
export interface ReadyCircuits extends CircuitBuilder {
  /** Closes those that nobody took and builds no more of them. */
  stop(): void;
}

interface Ready {
  readonly circuit: Circuit;
  readonly endpoint: NodeId;
  readonly since: Millis;
}

/**
 * Keeps `count` circuits of three hops ready, so that a request need not wait for a build (about two circuit round trips). Each was used
 * for nothing and goes to one caller, so purposes stay isolated; endpoints differ while there are enough. Requests with a second
 * guard, of another length or for directories are built anew.
 */
export function createReadyCircuits(options: ReadyCircuitsOptions): ReadyCircuits {
  const { builder, clock } = options;
  let ready: readonly Ready[] = [];
  let isBuilding = false;
  let stopped = false;
  let check: Timer | undefined;

  /** One after the other, so that endpoints differ. One that cannot be built is tried again at the next check or use. */
  async function refill(): Promise<void> {
    if (isBuilding) return;
    isBuilding = true;
    try {
      while (!stopped && ready.length < options.count) {
        const avoidEndpoints = new Set(ready.map(({ endpoint }) => endpoint));
        keep(await builder.build({ ...UNUSED, avoidEndpoints }));
      }
    } catch {
      // Whoever needs a circuit builds one and hears why not.
    } finally {
      isBuilding = false;
    }
  }

  const keep = (circuit: Circuit): void => {
    const endpoint = circuit.path.at(-1);
    if (stopped || endpoint === undefined) circuit.close();
    else ready = [...ready, { circuit, endpoint, since: clock.now() }];
  };

  const dropOld = (): void => {
    const isGood = (each: Ready) =>
      each.circuit.isOpen && clock.now() - each.since < READY_CIRCUIT_MAX_AGE_MS;
    for (const each of ready) if (!isGood(each)) each.circuit.close();
    ready = ready.filter(isGood);
  };

  const watch = (): void => {
    dropOld();
    void refill();
    check = options.timers.schedule(READY_CIRCUIT_CHECK_MS, watch);
  };

  const take = (request: CircuitRequest): Circuit | undefined => {
    dropOld();
    const fits = ready.filter(({ endpoint }) => request.avoidEndpoints?.has(endpoint) !== true);
    const [chosen] = shuffled(options.random, fits);
    ready = ready.filter((each) => each !== chosen);
    return chosen?.circuit;
  };

  watch();
  return {
    async build(request) {
      const circuit = isPlain(request) ? take(request) : undefined;
      void refill();
      return circuit ?? builder.build(request);
    },
    stop() {
      stopped = true;
      check?.cancel();
      for (const { circuit } of ready) circuit.close();
      ready = [];
    },
  };
}

const UNUSED: CircuitRequest = { purpose: { operation: Symbol("not in use yet"), carries: "roots" } };

function isPlain({ hops, secondGuard, purpose, signal }: CircuitRequest): boolean {
  return (
    hops === undefined && secondGuard !== true && purpose.carries !== "directory" && signal?.aborted !== true
  );
}
