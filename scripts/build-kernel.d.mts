/** Where the generated files stand. */
export const kernelModulePath: string;
export const mlKemModulePath: string;
/** The texts of those files, compiled from packages/core/assembly. */
export function buildKernel(): Promise<string>;
export function buildMlKem(): Promise<string>;
/** The WebAssembly of a file of packages/core/assembly (path from the root), with the kernel's options. */
export function compileAssembly(source: string): Promise<Uint8Array>;
