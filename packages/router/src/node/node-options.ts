import type {
  CryptoProvider,
  Descriptor,
  HopKeyPair,
  LinkCredentials,
  NetworkParameters,
  NodeId,
  RandomSource,
} from "@umbel/core";
import type { Waiting } from "../circuit/channel.ts";
import type { ConstantRate } from "../link/constant-rate.ts";
import type { Tap } from "./tap.ts";

/** What a node needs to let others build circuits through it. */
export interface HopRole {
  readonly nodeId: NodeId;
  /** The hop keys in force: the present one first, then the previous one. */
  keys(): readonly HopKeyPair[];
  /** The slot of puzzle seeds now (`puzzleSlot`). Where it is absent, bids count for nothing. */
  readonly puzzleSlot?: (() => number) | undefined;
  /**
   * The descriptor of a node named by an EXTEND: from this node's directory, or, when it is not there, the attached one if it
   * is valid, names that node and may be dialled. Undefined when neither serves.
   */
  resolve(nodeId: NodeId, attached: Uint8Array | undefined): Descriptor | undefined;
}

/** What a node machine is made with. */
export interface NodeMachineOptions {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  readonly network: NetworkParameters;
  /** What this node shows on a new link: a node always the same, a client fresh ones, so that no two links can be told to be one client's. */
  credentials(): LinkCredentials;
  /** Undefined for a pure client. */
  readonly nodeId: NodeId | undefined;
  /** Undefined for a node that relays nothing: CREATE ends the link. */
  readonly hop: HopRole | undefined;
  /** For a pure client: the constant rate of the links to its guards, asked for each circuit; undefined for none. */
  readonly constantRate?: (() => ConstantRate | undefined) | undefined;
  /** For a node with hops: links with a constant rate that it grants; MAX_CONSTANT_RATE_LINKS when absent, and at most. */
  readonly constantRateLinks?: number | undefined;
  /** Bytes that all queues together may hold; DEFAULT_QUEUE_BYTES when absent. */
  readonly queueBytes?: number | undefined;
  /** What the unfinished requests of a circuit hold above the machine, and since when. */
  readonly collected?: ((circuit: number) => Waiting) | undefined;
  readonly tap?: Tap | undefined;
}
