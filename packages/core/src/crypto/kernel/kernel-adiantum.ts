import { UmbelError } from "../../errors.ts";
import type { WideBlockCipher } from "../../ports/crypto.ts";
import { assertLength, WIDE_BLOCK_KEY_BYTES } from "../suite.ts";
import { type AesBlock, assertWideBlockSizes, createAdiantum } from "../wide-block.ts";
import { type Kernel, openKernel } from "./kernel.ts";

/**
 * Adiantum as fast as this engine can: by the kernel where it compiles, else by its twin in plain TypeScript, with the AES
 * that `aes` makes. Throws a RangeError when `key` is not 32 bytes.
 */
export function createWideBlock(key: Uint8Array, aes: (key: Uint8Array) => AesBlock): WideBlockCipher {
  const kernel = openKernel();
  return kernel === undefined ? createAdiantum(key, aes) : createKernelAdiantum(kernel, key, aes);
}

/** What `createAdiantum` makes, computed by `kernel`. The expanded keys stay outside of it between calls. */
export function createKernelAdiantum(
  kernel: Kernel,
  key: Uint8Array,
  aes: (key: Uint8Array) => AesBlock,
): WideBlockCipher {
  assertLength("wide-block key", key, WIDE_BLOCK_KEY_BYTES);
  const { keys, aesKey } = expandKey(kernel, key);
  const single = aes(aesKey);
  let wiped = false;
  const start = (tweak: Uint8Array, block: Uint8Array): void => {
    if (wiped) throw new UmbelError("INTERNAL", "a wide-block cipher was used after it was wiped");
    assertWideBlockSizes(tweak, block);
    kernel.keys.set(keys);
    kernel.tweak.set(tweak);
    kernel.body.set(block);
    kernel.add(block.length, tweak.length);
  };
  const finish = (block: Uint8Array): void => {
    kernel.subtract(block.length);
    block.set(block.length === kernel.body.length ? kernel.body : kernel.body.subarray(0, block.length));
  };
  return {
    encrypt(tweak, block) {
      start(tweak, block);
      single.encrypt(kernel.right);
      kernel.stream(block.length, 1, 0);
      finish(block);
    },
    decrypt(tweak, block) {
      start(tweak, block);
      kernel.stream(block.length, 1, 0);
      single.decrypt(kernel.right);
      finish(block);
    },
    wipe() {
      wiped = true;
      single.wipe();
      keys.fill(0);
      aesKey.fill(0);
      kernel.clear();
    },
  };
}

/** The subkeys of `expandKey` in the twin; `keys` is laid out as the kernel wants it. */
function expandKey(
  kernel: Kernel,
  key: Uint8Array,
): { readonly keys: Uint8Array; readonly aesKey: Uint8Array } {
  const { length } = kernel.keys;
  kernel.keys.set(key);
  kernel.right.fill(0);
  kernel.right[0] = 1;
  kernel.body.fill(0, 0, length);
  kernel.stream(length + kernel.right.length, 0, 0);
  const keys = kernel.body.slice(0, length);
  // The keystream begins with the AES key, in the place where the kernel wants the key of the stream.
  const aesKey = keys.slice(0, WIDE_BLOCK_KEY_BYTES);
  keys.set(key);
  kernel.clear();
  return { keys, aesKey };
}
