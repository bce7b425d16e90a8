import { createHash } from "node:crypto";
import { nobleProvider } from "../../src/crypto/noble-provider.ts";
import type { HopKeys, LayerKeys } from "../../src/handshake/hop-handshake.ts";
import { createLayer, type OnionLayer } from "../../src/onion/layer.ts";
import { createOnion, type Onion } from "../../src/onion/onion.ts";
import type { CryptoProvider } from "../../src/ports/crypto.ts";
import { BODY_BYTES } from "../../src/wire/geometry.ts";

export const crypto: CryptoProvider = nobleProvider;

/** `length` bytes named by `seed`: SHA-256(seed | "#" | 0), SHA-256(seed | "#" | 1) ..., numbers in decimal. */
export function named(seed: string, length: number): Uint8Array {
  const parts: Buffer[] = [];
  for (let at = 0; at * 32 < length; at++) parts.push(createHash("sha256").update(`${seed}#${at}`).digest());
  return Uint8Array.from(Buffer.concat(parts).subarray(0, length));
}

/** Fresh arrays each time: a layer takes its keys over. */
export function layerKeys(seed: string): LayerKeys {
  const bytes = named(seed, 64);
  return { key: bytes.slice(0, 32), tag: bytes.slice(32, 48), chain: bytes.slice(48) };
}

export function hopKeys(seed: string): HopKeys {
  return { forward: layerKeys(`${seed} forward`), backward: layerKeys(`${seed} backward`) };
}

/** A body whose first 16 bytes, the tag's place, are zero. */
export function bodyOf(seed: string): Uint8Array {
  const body = named(seed, BODY_BYTES);
  body.fill(0, 0, 16);
  return body;
}

/** What stands behind the tag. */
export function content(body: Uint8Array): string {
  return Buffer.from(body.subarray(16)).toString("base64");
}

/** A hop's end of its two layers. */
export interface Hop {
  readonly forward: OnionLayer;
  readonly backward: OnionLayer;
}

/** A circuit without its links. */
export interface Circuit {
  readonly onion: Onion;
  readonly hops: readonly Hop[];
  /** Carries a body outwards: the hop that recognised it, or undefined when it fell out at the end. */
  outwards(body: Uint8Array): number | undefined;
  /** Hop `from` sends a body home, in place. */
  homewards(from: number, body: Uint8Array): void;
}

export function circuitOf(length: number, seed = "circuit"): Circuit {
  const onion = createOnion(crypto);
  const hops: Hop[] = [];
  for (let hop = 0; hop < length; hop++) {
    const { forward, backward } = hopKeys(`${seed} ${hop}`);
    onion.addHop(hopKeys(`${seed} ${hop}`));
    hops.push({ forward: createLayer(crypto, forward), backward: createLayer(crypto, backward) });
  }
  return {
    onion,
    hops,
    outwards(body) {
      const hop = hops.findIndex(({ forward }) => forward.open(body));
      return hop < 0 ? undefined : hop;
    },
    homewards(from, body) {
      hops[from]!.backward.stamp(body);
      for (let hop = from; hop >= 0; hop--) hops[hop]!.backward.seal(body);
    },
  };
}
