import { UmbelError } from "../../errors.ts";
import type { WideBlockCipher } from "../../ports/crypto.ts";
import { assertLength, WIDE_BLOCK_KEY_BYTES } from "../suite.ts";
import { type AesBlock, assertWideBlockSizes, createAdiantum } from "../wide-block.ts";
import { type Kernel, openKernel } from "./kernel.ts";

/**
 * Adiantum as fast as this engine can: by the kernel where it compiles, else by its twin in plain TypeScript with the AES
 * that `aes` makes. Throws a RangeError when `key` is not 32 bytes.
 */
export function createWideBlock(key: Uint8Array, aes: (key: Uint8Array) => AesBlock): WideBlockCipher {
  const kernel = openKernel();
  return kernel === undefined ? createAdiantum(key, aes) : createKernelAdiantum(kernel, key);
}

/** What `createAdiantum` makes, computed by `kernel`, AES included. The expanded keys stay outside of it between calls. */
export function createKernelAdiantum(kernel: Kernel, key: Uint8Array): WideBlockCipher {
  assertLength("wide-block key", key, WIDE_BLOCK_KEY_BYTES);
  return new KernelAdiantum(kernel, expandKey(kernel, key));
}

/** A class and not closures: a relay keeps two for each circuit. */
class KernelAdiantum implements WideBlockCipher {
  readonly #kernel: Kernel;
  readonly #keys: Uint8Array;
  #wiped = false;

  constructor(kernel: Kernel, keys: Uint8Array) {
    this.#kernel = kernel;
    this.#keys = keys;
  }

  encrypt(tweak: Uint8Array, block: Uint8Array): void {
    this.#load(tweak, block);
    this.#kernel.encrypt(block.length, tweak.length);
    this.#store(block);
  }

  decrypt(tweak: Uint8Array, block: Uint8Array): void {
    this.#load(tweak, block);
    this.#kernel.decrypt(block.length, tweak.length);
    this.#store(block);
  }

  wipe(): void {
    this.#wiped = true;
    this.#keys.fill(0);
    this.#kernel.clear();
  }

  #load(tweak: Uint8Array, block: Uint8Array): void {
    if (this.#wiped) throw new UmbelError("INTERNAL", "a wide-block cipher was used after it was wiped");
    assertWideBlockSizes(tweak, block);
    const kernel = this.#kernel;
    // Cells come in runs for one layer: its keys are in place already.
    if (kernel.holder !== this) {
      kernel.keys.set(this.#keys);
      kernel.holder = this;
    }
    kernel.tweak.set(tweak);
    kernel.body.set(block);
  }

  #store(block: Uint8Array): void {
    const { body } = this.#kernel;
    block.set(block.length === body.length ? body : body.subarray(0, block.length));
  }
}

/** All keys that come of `key`, laid out as the kernel wants them. */
function expandKey(kernel: Kernel, key: Uint8Array): Uint8Array {
  kernel.keys.set(key);
  kernel.expand();
  const keys = kernel.keys.slice();
  kernel.clear();
  return keys;
}
