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
 * A layer with the keys of a hop handshake. It takes the arrays of `keys` over and wipes them. Ratchets by itself after
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
      writeCounter(new DataView(chain.buffer), counter);
      return chain;
    },
    ratchet() {},
    wipe() {},
  };
}

const COUNTER_BYTES = 8;
/** The tweak of a cell: counter u64 little-endian | 8 zero bytes | chain value 16. */
const CHAIN_AT = WIDE_BLOCK_MAX_TWEAK_BYTES - CHAIN_BYTES;
const RATCHET_INFO = [LABELS.layerRatchet];

class CipherLayer implements OnionLayer {
  readonly #crypto: CryptoProvider;
  readonly #key: Uint8Array;
  readonly #tag: Uint8Array;
  readonly #tweak = new Uint8Array(WIDE_BLOCK_MAX_TWEAK_BYTES);
  readonly #tweakView = new DataView(this.#tweak.buffer);
  /** The first bytes of the body under way, before its transformation. */
  readonly #before = new Uint8Array(CHAIN_BYTES);
  #cipher: WideBlockCipher;
  #counter = 0;

  constructor(crypto: CryptoProvider, { key, tag, chain }: LayerKeys) {
    assertLength("layer key", key, WIDE_BLOCK_KEY_BYTES);
    assertLength("layer tag", tag, TAG_BYTES);
    assertLength("layer chain", chain, CHAIN_BYTES);
    this.#crypto = crypto;
    this.#key = key;
    this.#tag = tag;
    this.#cipher = crypto.wideBlock(key);
    this.#tweak.set(chain, CHAIN_AT);
    chain.fill(0);
  }

  get counter(): number {
    return this.#counter;
  }

  stamp(body: Uint8Array): void {
    body.set(this.#tag);
  }

  seal(body: Uint8Array): void {
    this.#remember(body);
    this.#cipher.encrypt(this.#tweak, body);
    this.#advance(body);
  }

  open(body: Uint8Array): boolean {
    this.#remember(body);
    this.#cipher.decrypt(this.#tweak, body);
    const recognised = beginsWith(body, this.#tag);
    this.#advance(body);
    return recognised;
  }

  chain(): Uint8Array {
    return this.#tweak.slice(CHAIN_AT);
  }

  ratchet(): void {
    const next = hkdfExpand(this.#crypto, this.#key, RATCHET_INFO, WIDE_BLOCK_KEY_BYTES + TAG_BYTES);
    this.#key.set(next.subarray(0, WIDE_BLOCK_KEY_BYTES));
    this.#tag.set(next.subarray(WIDE_BLOCK_KEY_BYTES));
    next.fill(0);
    this.#cipher.wipe();
    this.#cipher = this.#crypto.wideBlock(this.#key);
  }

  wipe(): void {
    this.#cipher.wipe();
    for (const secret of [this.#key, this.#tag, this.#tweak, this.#before]) secret.fill(0);
  }

  #remember(body: Uint8Array): void {
    for (let at = 0; at < CHAIN_BYTES; at++) this.#before[at] = body[at]!;
  }

  /** Counter + 1, chain := inner16 xor outer16: whichever of the two sides of the layer came first. */
  #advance(body: Uint8Array): void {
    for (let at = 0; at < CHAIN_BYTES; at++) this.#tweak[CHAIN_AT + at] = this.#before[at]! ^ body[at]!;
    this.#counter += 1;
    writeCounter(this.#tweakView, this.#counter);
    if (this.#counter % RATCHET_CELLS === 0) this.ratchet();
  }
}

/** Writes a counter as u64 little-endian at the start of `view`. */
function writeCounter(view: DataView, counter: number): void {
  view.setUint32(0, counter % 2 ** 32, true);
  view.setUint32(COUNTER_BYTES / 2, Math.floor(counter / 2 ** 32), true);
}

/** In a time that does not depend on where the bytes differ. */
function beginsWith(body: Uint8Array, tag: Uint8Array): boolean {
  let difference = 0;
  for (let at = 0; at < TAG_BYTES; at++) difference |= body[at]! ^ tag[at]!;
  return difference === 0;
}
