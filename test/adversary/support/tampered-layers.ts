import {
  BODY_BYTES,
  type CryptoProvider,
  createLayer,
  createOnion,
  type LayerKeys,
  type OnionDirection,
  type OnionLayer,
} from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { createSeededRandom, type SeededRandom } from "../../support/seeded-random.ts";

/** A body on its way, and what a hand between two hops makes of it: it may keep, change, repeat or exchange bodies. */
export type Hand = (body: Uint8Array, index: number) => readonly Uint8Array[];

/** What the ends and hops of a circuit recognised: one entry for each body that got to the end of its way. */
export type Recognised = (number | undefined)[];

/** Fresh arrays each time: a layer takes its keys over. */
export function layerKeysOf(seed: string): LayerKeys {
  const bytes = createSeededRandom(seed).bytes(64);
  return { key: bytes.slice(0, 32), tag: bytes.slice(32, 48), chain: bytes.slice(48) };
}

/** The layers of a circuit at both ends, with hostile hands on one of the three links. Links are numbered from 0, the originator's. */
export function layeredCircuit(seed: string, crypto: CryptoProvider = nodeProvider) {
  const random: SeededRandom = createSeededRandom(`${seed} bodies`);
  const onion = createOnion(crypto);
  const keys = (hop: number, direction: OnionDirection) => layerKeysOf(`${seed} ${hop} ${direction}`);
  const hops = [0, 1, 2].map((hop): Readonly<Record<OnionDirection, OnionLayer>> => {
    onion.addHop({ forward: keys(hop, "forward"), backward: keys(hop, "backward") });
    return {
      forward: createLayer(crypto, keys(hop, "forward")),
      backward: createLayer(crypto, keys(hop, "backward")),
    };
  });
  let index = 0;

  function depart(direction: OnionDirection, link: number): Uint8Array {
    const body = random.bytes(BODY_BYTES);
    if (direction === "forward") {
      onion.sealFor(2, body);
      for (const hop of hops.slice(0, link)) hop.forward.open(body);
    } else {
      hops[2]?.backward.stamp(body);
      for (const hop of hops.slice(link).reverse()) hop.backward.seal(body);
    }
    return body;
  }

  function arrive(direction: OnionDirection, link: number, body: Uint8Array): number | undefined {
    if (direction === "forward") {
      const by = hops.slice(link).findIndex((hop) => hop.forward.open(body));
      return by < 0 ? undefined : by + link;
    }
    for (const hop of hops.slice(0, link).reverse()) hop.backward.seal(body);
    return onion.open(body);
  }

  return {
    onion,
    hops,
    /** A cell between the originator and hop 2 as it stands on `link`. */
    depart,
    /** Carries a body from `link` to the end of its way: who recognises it. */
    arrive,
    /** The two, with a hand between them. */
    send: (direction: OnionDirection, link: number, hand: Hand): Recognised =>
      hand(depart(direction, link), index++).map((body) => arrive(direction, link, body)),
  };
}

/** Lets every body pass. */
export const honest: Hand = (body) => [body];

/** A provider whose layers use `cipher` in place of the wide block: for planting weaknesses. */
export function withCipher(
  cipher: (key: Uint8Array) => {
    encrypt(tweak: Uint8Array, block: Uint8Array): void;
    decrypt(tweak: Uint8Array, block: Uint8Array): void;
  },
): CryptoProvider {
  return { ...nodeProvider, wideBlock: (key) => ({ ...cipher(key.slice()), wipe() {} }) };
}
