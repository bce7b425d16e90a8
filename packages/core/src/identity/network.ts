import { utf8ToBytes } from "@noble/hashes/utils.js";
import type { Millis } from "../brand.ts";
import { LABELS } from "../crypto/labels.ts";
import { UmbelError } from "../errors.ts";
import type { CryptoProvider } from "../ports/crypto.ts";

/** What all nodes of one network must agree on (docs/spec/01-identity.md, Networks). */
export interface NetworkParameters {
  readonly name: string;
  /** SHA-256(label, name): in every handshake and descriptor, so that networks never mix. 32 bytes. */
  readonly id: Uint8Array;
  /** How long one descriptor is valid, in milliseconds of Unix time. */
  readonly descriptorPeriodMs: Millis;
  /** True where addresses that only work nearby (loopback, private) may stand in a descriptor. */
  readonly allowLocalAddresses: boolean;
  /** True where nodes on exactly 127.0.0.1 are told apart by port: some systems cannot bind 127.i.0.1. */
  readonly localPortsArePrefixes: boolean;
}

const DAY_MS: Millis = 24 * 60 * 60 * 1000;

/** The public network. */
export const MAIN_NETWORK = {
  name: "main",
  descriptorPeriodMs: DAY_MS,
  allowLocalAddresses: false,
  localPortsArePrefixes: false,
} as const satisfies Omit<NetworkParameters, "id">;

/** A network on one machine: for trying out, for tests, for simulations. */
export const LOCAL_NETWORK = {
  name: "local",
  descriptorPeriodMs: DAY_MS,
  allowLocalAddresses: true,
  localPortsArePrefixes: true,
} as const satisfies Omit<NetworkParameters, "id">;

/** Completes a network's definition with the id that follows from its name. */
export function createNetwork(
  crypto: CryptoProvider,
  definition: Omit<NetworkParameters, "id">,
): NetworkParameters {
  return { ...definition, id: crypto.sha256(LABELS.networkId, utf8ToBytes(definition.name)) };
}

/** The network that a person names. Throws BAD_INPUT for a name that this version does not know. */
export function networkNamed(crypto: CryptoProvider, name: string): NetworkParameters {
  for (const definition of [MAIN_NETWORK, LOCAL_NETWORK]) {
    if (definition.name === name) return createNetwork(crypto, definition);
  }
  throw new UmbelError("BAD_INPUT", `unknown network "${name}": this version knows "main" and "local"`);
}

/** The period that a point of Unix time in milliseconds falls into: an unsigned 32-bit integer. */
export function periodAt(network: NetworkParameters, unixNow: Millis): number {
  return Math.min(Math.max(Math.floor(unixNow / network.descriptorPeriodMs), 0), 0xffff_ffff);
}

/** When a period starts, in milliseconds of Unix time. It ends where the next one starts. */
export function periodStart(network: NetworkParameters, period: number): Millis {
  return period * network.descriptorPeriodMs;
}

/** Periods for which descriptors name one hop key: a week of days. */
export const HOP_KEY_PERIODS = 7;

/** The number of the hop key that the descriptor of a period names: all nodes change theirs at the same time. */
export function hopKeyNumber(period: number): number {
  return Math.floor(period / HOP_KEY_PERIODS);
}
