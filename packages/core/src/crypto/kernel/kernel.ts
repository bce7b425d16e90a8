import { base64 } from "@scure/base";
import { KERNEL_MODULE } from "./kernel-module.ts";

/**
 * The WASM kernel of the wide-block cipher: its working memory, and Adiantum's steps without AES, over what stands there
 * (packages/core/assembly/kernel.ts). Every cipher of the realm takes turns in the one memory.
 */
export interface Kernel {
  /** Stream key 32, Poly1305 keys of header and message 16 each, NH key 1072. */
  readonly keys: Uint8Array;
  /** 32 bytes. */
  readonly tweak: Uint8Array;
  /** The last 16 bytes of the block, between the steps: where AES is applied. */
  readonly right: Uint8Array;
  /** The block: 4096 bytes. */
  readonly body: Uint8Array;
  /** right := the end of the body + H(tweak, left), for a block of `length` bytes. */
  add(length: number, tweakLength: number): void;
  /** left := left xor XChaCha12(nonce right || tail), the last 8 bytes of the nonce as two little-endian words. */
  stream(length: number, tailLow: number, tailHigh: number): void;
  /** The end of the body := right - H(tweak, left), with the tweak of the last `add`. */
  subtract(length: number): void;
  /** Overwrites the whole working memory. */
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
  if (typeof WebAssembly === "undefined") return undefined;
  try {
    const module = new WebAssembly.Module(base64.decode(KERNEL_MODULE));
    return kernelOf(new WebAssembly.Instance(module).exports as Exports);
  } catch {
    // No SIMD, or a content security policy without 'wasm-unsafe-eval': the twin serves.
    return undefined;
  }
}

/** What the module exports: places in memory as constants, so that they are written down once. */
interface Exports extends Pick<Kernel, "add" | "stream" | "subtract"> {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly KEYS: Constant;
  readonly KEYS_BYTES: Constant;
  readonly TWEAK: Constant;
  readonly RIGHT: Constant;
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
  return {
    keys: view(exports.KEYS, exports.KEYS_BYTES.value),
    tweak: view(exports.TWEAK, 32),
    right: view(exports.RIGHT, 16),
    body: view(exports.BODY, exports.BODY_BYTES.value),
    add: exports.add,
    stream: exports.stream,
    subtract: exports.subtract,
    clear: () => void working.fill(0),
  };
}
