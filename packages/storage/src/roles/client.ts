import type { AbortLike, CryptoProvider, LinkCredentials, NodeId, RandomSource, Timers } from "@umbel/core";
import {
  type BootstrapEntry,
  type CircuitBuilder,
  type ConstantRate,
  constantRateBytes,
  createCircuitBuilder,
  createDirectory,
  createGuards,
  createReadyCircuits,
  type Directory,
  type GuardBias,
  type GuardStore,
  OverlayNode,
} from "@umbel/router";
import type { BlockLane, BlockNetwork } from "../block/block-network.ts";
import { type CircuitInUse, createBlockNetwork } from "../client/block-client.ts";
import { CLIENT_DIRECTORY_GRACE_MS } from "../limits.ts";
import { faultLog } from "./fault-log.ts";
import { createKeptDirectory, type DirectoryStore } from "./kept-directory.ts";
import type { WorldPorts } from "./ports.ts";

/** What a client is made with. */
export interface ClientOptions extends WorldPorts {
  readonly bootstrap: readonly BootstrapEntry[];
  readonly guards: GuardStore;
  /** Where the directory is kept for the next start; nowhere when absent. */
  readonly directories?: DirectoryStore | undefined;
  readonly signal?: AbortLike | undefined;
  /** Circuits that are built ahead of their use: for a client that stays. None when absent. */
  readonly circuitsAhead?: number | undefined;
  /** The constant rate of the links to guards, until `useConstantRate` says otherwise; undefined for none. */
  readonly constantRate?: ConstantRate | undefined;
  /** Hears, each time, that a guard does not grant the constant rate. Nothing goes over such a guard. */
  readonly onRateRefused?: (() => void) | undefined;
}

/** How one operation uses the network. */
export interface OperationOptions {
  /** Hears all circuits in use whenever they change: for showing them to the person whose they are. */
  readonly onCircuits?: ((circuits: readonly CircuitInUse[]) => void) | undefined;
  /** True for what others can make last, as a publish: its circuits keep to few second guards (docs/decisions/0053-second-guards.md). */
  readonly secondGuard?: boolean | undefined;
  /** The most circuits for each kind of block; the defaults when absent. */
  readonly circuitsPerLane?: Readonly<Record<BlockLane, number>> | undefined;
  /** True for a publish: all data circuits stand before the first block leaves, and each carries its share. */
  readonly spread?: boolean | undefined;
  /** Endpoints that circuits end at only where there are no others. */
  readonly avoidEndpoints?: ReadonlySet<NodeId> | undefined;
  /** Endpoints answer from holders, not from caches: for the receipt of a publish. */
  readonly bypassCaches?: boolean | undefined;
}

/** A client: a throw-away link key for each link, its own directory, its own circuits. Nobody can connect to it. */
export interface Client {
  readonly directory: Directory;
  /** Builds circuits that no operation uses: for measurements. */
  readonly builder: CircuitBuilder;
  /** The network for one publish or one fetch, over circuits that no other operation uses. */
  operation(options?: OperationOptions): BlockNetwork;
  /** How circuits over each guard went, in order, without names. */
  guardBias(): readonly GuardBias[];
  /**
   * Changes the constant rate for circuits that are built from now on; undefined for none. Circuits in use stay on their links. A
   * link with the rate that is in use stays until the client stops, with or without circuits.
   */
  useConstantRate(rate: ConstantRate | undefined): void;
  stop(): Promise<void>;
}

/**
 * Starts a client and fills its directory: from `directories` where that holds enough of this period, else from the bootstrap nodes.
 * Throws NETWORK_UNREACHABLE when none of these answers, ABORTED, BAD_CONFIG for a guard file that cannot be read.
 */
export async function startClient(options: ClientOptions): Promise<Client> {
  const { crypto, random, clock, timers, log, network, bootstrap, signal } = options;
  const directory = createDirectory({ crypto, network });
  let rate = options.constantRate;
  const overlay = new OverlayNode({
    ...options,
    credentials: () => throwAwayCredentials(crypto, random),
    nodeId: undefined,
    hop: undefined,
    constantRate: () => rate,
    lookUp: (id) => directory.get(id),
    onFault: faultLog(log),
  });
  const kept = createKeptDirectory({
    ...{ directory, crypto, clock, random, log, bootstrap, signal },
    calls: overlay,
    store: options.directories,
  });
  try {
    await kept.fill();
  } catch (error) {
    await overlay.stop();
    throw error;
  }
  const guards = createGuards({ store: options.guards, crypto, directory, network, random, clock });
  const plain = createCircuitBuilder({ node: overlay, directory, guards, network, random, clock, log });
  const ahead = createReadyCircuits({
    ...{ builder: kept.builderFor(plain), random, clock, timers },
    count: options.circuitsAhead ?? 0,
  });
  const builder: CircuitBuilder = ahead;
  const refreshed = kept.refresh(plain);
  return {
    directory,
    builder,
    operation: (given = {}) =>
      createBlockNetwork({
        ...{ builder, crypto, random, timers, clock },
        ...given,
        bytesPerSecond: rate && constantRateBytes(rate),
      }),
    guardBias: () => guards.bias(),
    useConstantRate(wanted) {
      rate = wanted;
    },
    async stop() {
      ahead.stop();
      await within(
        timers,
        refreshed.then(() => kept.flush()),
      );
      await Promise.all([guards.flush(), overlay.stop()]);
    },
  };
}

/** Resolves with `work`, or after CLIENT_DIRECTORY_GRACE_MS: what is not learned by then is learned by the next client. */
function within(timers: Timers, work: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = timers.schedule(CLIENT_DIRECTORY_GRACE_MS, resolve);
    void work.then(() => {
      timer.cancel();
      resolve();
    });
  });
}

/** A link key for one link, without an identity. */
function throwAwayCredentials(crypto: CryptoProvider, random: RandomSource): LinkCredentials {
  const secret = random.bytes(32);
  return { linkKey: { secret, publicKey: crypto.x25519.publicKey(secret) }, features: 0 };
}
