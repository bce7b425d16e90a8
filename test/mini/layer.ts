import { concat, expand, label, same, xor, zeros } from "./bytes.ts";
import { WideBlock } from "./wide-block.ts";

/** K, N and chain0 of one layer. */
export interface LayerKeys {
  readonly key: Uint8Array;
  readonly tag: Uint8Array;
  readonly chain: Uint8Array;
}

/** One end of a layer: docs/spec/04-circuits.md, Onion layer. */
export class Layer {
  #key: Uint8Array;
  #block: WideBlock;
  counter = 0;
  tag: Uint8Array;
  chain: Uint8Array;

  constructor({ key, tag, chain }: LayerKeys) {
    this.#key = key;
    this.#block = new WideBlock(key);
    this.tag = tag;
    this.chain = chain;
  }

  encrypt(inner: Uint8Array): Uint8Array {
    const outer = this.#block.encrypt(this.#tweak(), inner);
    this.#passed(inner, outer);
    return outer;
  }

  decrypt(outer: Uint8Array): { readonly inner: Uint8Array; readonly recognised: boolean } {
    const inner = this.#block.decrypt(this.#tweak(), outer);
    const recognised = same(inner.subarray(0, 16), this.tag);
    this.#passed(inner, outer);
    return { inner, recognised };
  }

  ratchet(): void {
    const next = expand(this.#key, label("umbel1 onion layer ratchet"), 48);
    this.#key = next.subarray(0, 32);
    this.tag = next.subarray(32);
    this.#block = new WideBlock(this.#key);
  }

  #tweak(): Uint8Array {
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64LE(BigInt(this.counter));
    return concat(counter, zeros(8), this.chain);
  }

  #passed(inner: Uint8Array, outer: Uint8Array): void {
    this.chain = xor(inner.subarray(0, 16), outer.subarray(0, 16));
    this.counter += 1;
    if (this.counter % 256 === 0) this.ratchet();
  }
}

/** The layer of a circuit that is keyed by its link. */
export class PlainLayer {
  readonly tag = Uint8Array.from(Buffer.from("umbel link-keyed"));
  counter = 0;

  get chain(): Uint8Array {
    const chain = Buffer.alloc(16);
    chain.writeBigUInt64LE(BigInt(this.counter));
    return Uint8Array.from(chain);
  }

  encrypt(inner: Uint8Array): Uint8Array {
    this.counter += 1;
    return inner;
  }

  decrypt(outer: Uint8Array): { readonly inner: Uint8Array; readonly recognised: boolean } {
    this.counter += 1;
    return { inner: outer, recognised: same(outer.subarray(0, 16), this.tag) };
  }

  ratchet(): void {}
}
