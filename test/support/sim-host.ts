import type { Clock, Timers } from "@umbel/core";
import type { MemoryNetwork, Transport } from "@umbel/router";
import type { SeededRandom } from "./seeded-random.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** What one simulated process gets; after a crash none of it does anything any more. */
export interface SimHost {
  readonly name: string;
  readonly isAlive: boolean;
  readonly transport: Transport;
  readonly clock: Clock;
  /** Dies with the host: nothing that it armed or deferred runs after a crash. */
  readonly timers: Timers;
  /** Depends on the network's seed, the host's name and how often it was started. */
  readonly random: SeededRandom;
}

export interface SimHostOptions {
  readonly name: string;
  readonly clock: VirtualClock;
  readonly network: MemoryNetwork;
  readonly random: SeededRandom;
}

/** A host and the switch that kills it. */
export function createSimHost(options: SimHostOptions): { readonly host: SimHost; die(): void } {
  const { name, clock, network, random } = options;
  let isAlive = true;
  const whileAlive = (run: () => void) => (): void => {
    if (isAlive) run();
  };
  const transport = network.transportFor(name);
  const host: SimHost = {
    name,
    get isAlive() {
      return isAlive;
    },
    clock,
    random,
    timers: {
      schedule: (delay, run) => clock.schedule(delay, whileAlive(run)),
      defer: (run) => clock.defer(whileAlive(run)),
    },
    transport: {
      listen: (url, accept) => (isAlive ? transport.listen(url, accept) : new Promise(() => {})),
      dial: (url, handler) =>
        isAlive
          ? transport.dial(url, handler)
          : { remoteHost: "", send: () => true, pause() {}, resume() {}, close() {} },
    },
  };
  return {
    host,
    die() {
      isAlive = false;
    },
  };
}
