import { UmbelError } from "../errors.ts";
import type { HopKeys } from "../handshake/hop-handshake.ts";
import type { CryptoProvider } from "../ports/crypto.ts";
import { createLayer, type OnionLayer } from "./layer.ts";

/** Away from the originator, or towards it. */
export type OnionDirection = "forward" | "backward";

/**
 * The originator's end of all layers of a circuit (docs/spec/04-circuits.md, Onion layer). Hops are numbered from 0, the
 * guard. Per hop and direction there are two equal layers: one here, one at the hop. Nobody else holds any of their state.
 *
 *   forward, to hop n:     this end seals with the layers n, n-1 ... 0; hop 0 opens its own, then hop 1, up to hop n
 *   backward, from hop i:  hop i seals with its own, then hop i-1, down to hop 0; this end opens 0, 1 ... up to i
 *
 * Only the layers that a cell passes advance.
 */
export interface Onion {
  /** Hops added so far. */
  readonly length: number;
  /** Adds the next hop with the keys of its handshake, which this onion wipes. */
  addHop(keys: HopKeys): void;
  /** Adds the next hop with layers made elsewhere: plain ones, for a circuit keyed by its link. */
  addLayers(forward: OnionLayer, backward: OnionLayer): void;
  /** Stamps a body with the tag of `hop` and seals it for that hop, in place. */
  sealFor(hop: number, body: Uint8Array): void;
  /** Opens a body in place: the hop that it comes from, or undefined when no layer recognises it and the circuit must die. */
  open(body: Uint8Array): number | undefined;
  /** The chain value of one layer, a copy. */
  chain(hop: number, direction: OnionDirection): Uint8Array;
  /** Ratchets one layer ahead of its time; the hop must do the same between the same two cells. */
  ratchet(hop: number, direction: OnionDirection): void;
  /** Wipes every layer. */
  wipe(): void;
}

/** An onion without hops yet. */
export function createOnion(crypto: CryptoProvider): Onion {
  const hops: Readonly<Record<OnionDirection, OnionLayer>>[] = [];

  function layer(hop: number, direction: OnionDirection): OnionLayer {
    const layers = hops[hop];
    if (layers === undefined) throw new UmbelError("INTERNAL", `hop ${hop} of a circuit of ${hops.length}`);
    return layers[direction];
  }

  return {
    get length() {
      return hops.length;
    },
    addHop(keys) {
      hops.push({
        forward: createLayer(crypto, keys.forward),
        backward: createLayer(crypto, keys.backward),
      });
    },
    addLayers(forward, backward) {
      hops.push({ forward, backward });
    },
    sealFor(hop, body) {
      layer(hop, "forward").stamp(body);
      for (let passed = hop; passed >= 0; passed--) layer(passed, "forward").seal(body);
    },
    open(body) {
      const hop = hops.findIndex(({ backward }) => backward.open(body));
      return hop < 0 ? undefined : hop;
    },
    chain: (hop, direction) => layer(hop, direction).chain(),
    ratchet: (hop, direction) => layer(hop, direction).ratchet(),
    wipe() {
      for (const { forward, backward } of hops) {
        forward.wipe();
        backward.wipe();
      }
    },
  };
}
