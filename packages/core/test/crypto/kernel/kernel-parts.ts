import { compileAssembly } from "../../../../../scripts/build-kernel.mjs";

/** What packages/core/assembly/parts.ts exports, as far as the tests use it. */
interface Exports extends Readonly<Record<Place, { readonly value: number }>> {
  readonly memory: { readonly buffer: ArrayBuffer };
  add(length: number, tweakLength: number): void;
  stream(length: number, tailLow: number, tailHigh: number): void;
  pairKeys(at: number): void;
  expandAesKey(at: number): void;
  encryptBlock(at: number): void;
  decryptBlock(at: number): void;
}
type Place = "KEYS" | "KEYS_BYTES" | "AES_KEYS" | "TWEAK" | "RIGHT" | "BODY" | "BODY_BYTES";

declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

/** The parts that the kernel calls in turn, compiled from the same source, with a memory of their own. */
export async function openParts() {
  const module = new WebAssembly.Module(await compileAssembly("packages/core/assembly/parts.ts"));
  const exports = new WebAssembly.Instance(module).exports as Exports;
  const view = (from: Place, length: number) =>
    new Uint8Array(exports.memory.buffer, exports[from].value, length);
  return {
    keys: view("KEYS", exports.KEYS_BYTES.value),
    aesKeys: view("AES_KEYS", 240),
    tweak: view("TWEAK", 32),
    right: view("RIGHT", 16),
    body: view("BODY", exports.BODY_BYTES.value),
    add: exports.add,
    stream: exports.stream,
    /** Takes the NH key from the start of the body. */
    pairKeys: () => exports.pairKeys(exports.BODY.value),
    /** Takes the key from the start of the body. */
    expandAesKey: () => exports.expandAesKey(exports.BODY.value),
    /** Both on `right`. */
    encryptBlock: () => exports.encryptBlock(exports.RIGHT.value),
    decryptBlock: () => exports.decryptBlock(exports.RIGHT.value),
  };
}
