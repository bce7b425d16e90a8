import {
  type CryptoProvider,
  createLayer,
  createPlainLayer,
  type HopKeys,
  type OnionLayer,
  PLAIN_TAG,
} from "@umbel/core";

/** A hop's layers of one circuit. */
export interface HopLayers {
  readonly forward: OnionLayer;
  readonly backward: OnionLayer;
}

/** The two layers of a hop, by the keys of its handshake, which they take over; without keys, those of a circuit keyed by its link. */
export function createHopLayers(crypto: CryptoProvider, keys: HopKeys | undefined): HopLayers {
  if (keys === undefined) return createLinkKeyedLayers();
  return { forward: createLayer(crypto, keys.forward), backward: createLayer(crypto, keys.backward) };
}

/**
 * The two layers of a one-hop circuit that is keyed by its link: no cipher of their own, since the link encrypts for exactly these
 * two, and a tag that needs no secret, since there is no other hop to be taken for.
 */
export function createLinkKeyedLayers(): HopLayers {
  return { forward: createPlainLayer(PLAIN_TAG), backward: createPlainLayer(PLAIN_TAG) };
}
