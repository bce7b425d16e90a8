import { base64 } from "@scure/base";

/**
 * What a WebAssembly module without imports exports, from its base64 text: a new instance with a memory of its own. Undefined where
 * WebAssembly or its SIMD is missing, or forbidden (a content security policy without 'wasm-unsafe-eval'): the plain twin serves then.
 */
export function instantiateModule(moduleText: string): object | undefined {
  if (typeof WebAssembly === "undefined") return undefined;
  try {
    return new WebAssembly.Instance(new WebAssembly.Module(base64.decode(moduleText))).exports;
  } catch {
    return undefined;
  }
}
