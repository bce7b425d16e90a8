/** Where the generated files stand. */
export const kernelModulePath: string;
export const mlKemModulePath: string;
export const erasureModulePath: string;
/** The texts of those files, compiled from packages/core/assembly and packages/storage/assembly. */
export function buildKernel(): Promise<string>;
export function buildMlKem(): Promise<string>;
export function buildErasureKernel(): Promise<string>;
/** The WebAssembly of ML-KEM. */
export function compileMlKem(): Promise<Uint8Array>;
/** The WebAssembly of a file of packages/core/assembly (path from the root), with the kernel's options. */
export function compileAssembly(source: string): Promise<Uint8Array>;
