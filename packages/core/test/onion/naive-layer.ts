import { createHmac } from "node:crypto";
import type { LayerKeys } from "../../src/handshake/hop-handshake.ts";
import type { CryptoProvider } from "../../src/ports/crypto.ts";

/** DESIGN section 6 written down as it reads, one new array for everything: the twin of `createLayer`. */
export class NaiveLayer {
  readonly #crypto: CryptoProvider;
  #state: { readonly key: Buffer; readonly tag: Buffer; readonly chain: Buffer; readonly counter: bigint };

  constructor(crypto: CryptoProvider, keys: LayerKeys) {
    this.#crypto = crypto;
    const { key, tag, chain } = keys;
    this.#state = { key: Buffer.from(key), tag: Buffer.from(tag), chain: Buffer.from(chain), counter: 0n };
  }

  get chain(): Buffer {
    return this.#state.chain;
  }

  stamped(body: Uint8Array): Buffer {
    return Buffer.concat([this.#state.tag, body.subarray(16)]);
  }

  sealed(inner: Uint8Array): Buffer {
    const outer = Buffer.from(inner);
    this.#crypto.wideBlock(this.#state.key).encrypt(this.#tweak(), outer);
    this.#pass(inner, outer);
    return outer;
  }

  opened(outer: Uint8Array): { readonly inner: Buffer; readonly recognised: boolean } {
    const inner = Buffer.from(outer);
    this.#crypto.wideBlock(this.#state.key).decrypt(this.#tweak(), inner);
    const recognised = inner.subarray(0, 16).equals(this.#state.tag);
    this.#pass(inner, outer);
    return { inner, recognised };
  }

  ratchet(): void {
    const label = Buffer.from("umbel1 onion layer ratchet\0");
    const first = createHmac("sha256", this.#state.key).update(label).update("\x01").digest();
    const second = createHmac("sha256", this.#state.key).update(first).update(label).update("\x02").digest();
    this.#state = { ...this.#state, key: first, tag: second.subarray(0, 16) };
  }

  #tweak(): Buffer {
    const counter = Buffer.alloc(16);
    counter.writeBigUInt64LE(this.#state.counter);
    return Buffer.concat([counter, this.#state.chain]);
  }

  #pass(inner: Uint8Array, outer: Uint8Array): void {
    const chain = Buffer.alloc(16).map((_, at) => inner[at]! ^ outer[at]!) as Buffer;
    const counter = this.#state.counter + 1n;
    this.#state = { ...this.#state, chain: Buffer.from(chain), counter };
    if (counter % 256n === 0n) this.ratchet();
  }
}
