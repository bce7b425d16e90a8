import type { Clock, CryptoProvider, Logger, NetworkParameters, RandomSource, Timers } from "@umbel/core";
import type { Tap, Transport } from "@umbel/router";

/** The world that a node or a client lives in: real, simulated, or a browser's. */
export interface WorldPorts {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly transport: Transport;
  readonly log: Logger;
  readonly network: NetworkParameters;
  /** For tests of who learns what; see docs/threat-model.md. */
  readonly tap?: Tap | undefined;
}
