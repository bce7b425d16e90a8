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
  const keys = expandKey(kernel, key);
  let wiped = false;
  const load = (tweak: Uint8Array, block: Uint8Array): void => {
    if (wiped) throw new UmbelError("INTERNAL", "a wide-block cipher was used after it was wiped");
    assertWideBlockSizes(tweak, block);
    kernel.keys.set(keys);
    kernel.tweak.set(tweak);
    kernel.body.set(block);
  };
  const store = (block: Uint8Array): void =>
    block.set(block.length === kernel.body.length ? kernel.body : kernel.body.subarray(0, block.length));
  return {
    encrypt(tweak, block) {
      load(tweak, block);
      kernel.encrypt(block.length, tweak.length);
      store(block);
    },
    decrypt(tweak, block) {
      load(tweak, block);
      kernel.decrypt(block.length, tweak.length);
      store(block);
    },
    wipe() {
      wiped = true;
      keys.fill(0);
      kernel.clear();
    },
  };
}

/** All keys that come of `key`, laid out as the kernel wants them. */
function expandKey(kernel: Kernel, key: Uint8Array): Uint8Array {
  kernel.keys.set(key);
  kernel.expand();
  const keys = kernel.keys.slice();
  kernel.clear();
  return keys;
}
