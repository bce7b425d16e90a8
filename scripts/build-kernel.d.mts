/** Where the generated file stands. */
export const kernelModulePath: string;
/** The text of that file, compiled from packages/core/assembly. */
export function buildKernel(): Promise<string>;
/** The WebAssembly of a file of packages/core/assembly (path from the root), with the kernel's options. */
export function compileAssembly(source: string): Promise<Uint8Array>;
