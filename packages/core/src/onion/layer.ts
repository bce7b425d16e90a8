import { hkdfExpand } from "../crypto/kdf.ts";
import { LABELS } from "../crypto/labels.ts";
import { assertLength, WIDE_BLOCK_KEY_BYTES, WIDE_BLOCK_MAX_TWEAK_BYTES } from "../crypto/suite.ts";
import type { LayerKeys } from "../handshake/hop-handshake.ts";
import type { CryptoProvider, WideBlockCipher } from "../ports/crypto.ts";
import { CHAIN_BYTES, RATCHET_CELLS, TAG_BYTES } from "../wire/geometry.ts";

/**
 * What one hop does to the cell bodies of one direction (docs/spec/04-circuits.md, Onion layer). The two ends of a layer
 * stay equal as long as every body that one seals is the next that the other opens.
 */
export interface OnionLayer {
  /** Bodies sealed or opened so far. */
  readonly counter: number;
  /** Writes the current tag N at the start of a body that this end of the layer sends. */
  stamp(body: Uint8Array): void;
  /** Encrypts in place and advances. */
  seal(body: Uint8Array): void;
  /** Decrypts in place and advances. True iff the body begins with the N that was current for this cell. */
  open(body: Uint8Array): boolean;
  /** The 16-byte chain value after the last cell, a copy. */
  chain(): Uint8Array;
  /** (K, N) := HKDF-Expand(K, label, 48); counter and chain go on, the old key is wiped. */
  ratchet(): void;
  /** Overwrites keys and state; the layer cannot be used again. */
  wipe(): void;
}

/**
 * A layer with the keys of a hop handshake. It copies `keys` and wipes them. Ratchets by itself after
 * every RATCHET_CELLS cells.
 */
export function createLayer(crypto: CryptoProvider, keys: LayerKeys): OnionLayer {
  return new CipherLayer(crypto, keys);
}

/** The tag that stands for N in link-keyed circuits: public, since the link's own keys protect the cell. */
export const PLAIN_TAG: Uint8Array = Uint8Array.from("umbel link-keyed", (character) =>
  character.charCodeAt(0),
);

/**
 * The layer of a one-hop circuit that is keyed by its link: no cipher, a fixed tag, and the counter as chain value, so
 * that one code path serves both kinds of circuit.
 */
export function createPlainLayer(tag: Uint8Array): OnionLayer {
  assertLength("tag", tag, TAG_BYTES);
  let counter = 0;
  return {
    get counter() {
      return counter;
    },
    stamp: (body) => body.set(tag),
    seal() {
      counter += 1;
    },
    open(body) {
      counter += 1;
      return beginsWith(body, tag);
    },
    chain() {
      const chain = new Uint8Array(CHAIN_BYTES);
      writeCounter(chain, counter);
      return chain;
    },
    ratchet() {},
    wipe() {},
  };
}

const COUNTER_BYTES = 8;
const TAG_AT = WIDE_BLOCK_KEY_BYTES;
const CHAIN_AT = TAG_AT + TAG_BYTES;
/** The tweak of the cell under way: counter u64 little-endian | 8 zero bytes | chain value 16. One layer at a time is at work. */
const TWEAK = new Uint8Array(WIDE_BLOCK_MAX_TWEAK_BYTES);
const TWEAK_CHAIN_AT = TWEAK.length - CHAIN_BYTES;
const RATCHET_INFO = [LABELS.layerRatchet];

/** A relay keeps two of these for each circuit: one small array, since each costs 184 bytes beside its content. */
class CipherLayer implements OnionLayer {
  readonly #crypto: CryptoProvider;
  /** K | N | chain value. */
  readonly #state = new Uint8Array(CHAIN_AT + CHAIN_BYTES);
  #cipher: WideBlockCipher;
  #counter = 0;

  constructor(crypto: CryptoProvider, { key, tag, chain }: LayerKeys) {
    assertLength("layer key", key, WIDE_BLOCK_KEY_BYTES);
    assertLength("layer tag", tag, TAG_BYTES);
    assertLength("layer chain", chain, CHAIN_BYTES);
    this.#crypto = crypto;
    this.#state.set(key);
    this.#state.set(tag, TAG_AT);
    this.#state.set(chain, CHAIN_AT);
    this.#cipher = crypto.wideBlock(this.#key());
    for (const secret of [key, tag, chain]) secret.fill(0);
  }

  get counter(): number {
    return this.#counter;
  }

  stamp(body: Uint8Array): void {
    for (let at = 0; at < TAG_BYTES; at++) body[at] = this.#state[TAG_AT + at]!;
  }

  seal(body: Uint8Array): void {
    this.#begin(body);
    this.#cipher.encrypt(TWEAK, body);
    this.#advance(body);
  }

  open(body: Uint8Array): boolean {
    this.#begin(body);
    this.#cipher.decrypt(TWEAK, body);
    const recognised = beginsWith(body, this.#state, TAG_AT);
    this.#advance(body);
    return recognised;
  }

  chain(): Uint8Array {
    return this.#state.slice(CHAIN_AT);
  }

  ratchet(): void {
    const next = hkdfExpand(this.#crypto, this.#key(), RATCHET_INFO, CHAIN_AT);
    this.#state.set(next);
    next.fill(0);
    this.#cipher.wipe();
    this.#cipher = this.#crypto.wideBlock(this.#key());
  }

  wipe(): void {
    this.#cipher.wipe();
    for (const secret of [this.#state, TWEAK]) secret.fill(0);
  }

  #key(): Uint8Array {
    return this.#state.subarray(0, WIDE_BLOCK_KEY_BYTES);
  }

  /** The tweak takes the chain value, and the first bytes of the body its place until `#advance`. */
  #begin(body: Uint8Array): void {
    const state = this.#state;
    writeCounter(TWEAK, this.#counter);
    for (let at = 0; at < CHAIN_BYTES; at++) {
      TWEAK[TWEAK_CHAIN_AT + at] = state[CHAIN_AT + at]!;
      state[CHAIN_AT + at] = body[at]!;
    }
  }

  /** Counter + 1, chain := inner16 xor outer16: whichever of the two sides of the layer came first. */
  #advance(body: Uint8Array): void {
    const state = this.#state;
    for (let at = 0; at < CHAIN_BYTES; at++) state[CHAIN_AT + at]! ^= body[at]!;
    this.#counter += 1;
    if (this.#counter % RATCHET_CELLS === 0) this.ratchet();
  }
}

/** Writes a counter as u64 little-endian at the start of `into`. */
function writeCounter(into: Uint8Array, counter: number): void {
  const low = counter | 0;
  const high = Math.floor(counter / 2 ** 32);
  for (let at = 0; at < COUNTER_BYTES / 2; at++) {
    into[at] = low >>> (8 * at);
    into[at + COUNTER_BYTES / 2] = high >>> (8 * at);
  }
}

/** Whether the tag stands in `tag` from `from` on; in a time that does not depend on where the bytes differ. */
function beginsWith(body: Uint8Array, tag: Uint8Array, from = 0): boolean {
  let difference = 0;
  for (let at = 0; at < TAG_BYTES; at++) difference |= body[at]! ^ tag[from + at]!;
  return difference === 0;
}
