import { instantiateModule } from "./instantiate.ts";
import { KERNEL_MODULE } from "./kernel-module.ts";

/**
 * The WASM kernel of the wide-block cipher: its working memory, and Adiantum over what stands there
 * (packages/core/assembly/kernel.ts), constant in time. Every cipher of the realm takes turns in the one memory.
 */
export interface Kernel {
  /** Stream key 32, Poly1305 keys of header and message 16 each, NH key in pairs 2112, AES round keys 240. */
  readonly keys: Uint8Array;
  /** Whose keys stand in `keys`, as far as somebody said so. Whoever writes there says it, or clears. */
  holder: object | undefined;
  /** 32 bytes. */
  readonly tweak: Uint8Array;
  /** The block: 4096 bytes. */
  readonly body: Uint8Array;
  /** Makes all of `keys` from the key of the cipher, its first 32 bytes; uses the body. */
  expand(): void;
  /** Encrypts the first `length` bytes of the body in place, under the first `tweakLength` bytes of the tweak. */
  encrypt(length: number, tweakLength: number): void;
  /** The inverse. */
  decrypt(length: number, tweakLength: number): void;
  /** Overwrites the whole working memory, all but the tables of AES; nobody's keys stand there any more. */
  clear(): void;
}

/** The kernel of this realm, or undefined where WebAssembly with SIMD is missing or forbidden. Compiled once. */
export function openKernel(): Kernel | undefined {
  opened ??= { kernel: compileKernel() };
  return opened.kernel;
}

let opened: { readonly kernel: Kernel | undefined } | undefined;

/** A new instance with a memory of its own, or undefined as in `openKernel`. */
export function compileKernel(): Kernel | undefined {
  const exports = instantiateModule(KERNEL_MODULE);
  return exports === undefined ? undefined : kernelOf(exports as Exports);
}

/** What the module exports: places in memory as constants, so that they are written down once. */
interface Exports extends Pick<Kernel, "expand" | "encrypt" | "decrypt"> {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly KEYS: Constant;
  readonly KEYS_BYTES: Constant;
  readonly TWEAK: Constant;
  readonly BODY: Constant;
  readonly BODY_BYTES: Constant;
  readonly END: Constant;
}
interface Constant {
  readonly value: number;
}

function kernelOf(exports: Exports): Kernel {
  const view = (from: Constant, length: number) => new Uint8Array(exports.memory.buffer, from.value, length);
  const working = new Uint8Array(exports.memory.buffer, 0, exports.END.value);
  const kernel: Kernel = {
    keys: view(exports.KEYS, exports.KEYS_BYTES.value),
    holder: undefined,
    tweak: view(exports.TWEAK, 32),
    body: view(exports.BODY, exports.BODY_BYTES.value),
    expand: exports.expand,
    encrypt: exports.encrypt,
    decrypt: exports.decrypt,
    clear() {
      working.fill(0);
      kernel.holder = undefined;
    },
  };
  return kernel;
}
