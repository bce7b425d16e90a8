/** Where the generated file stands. */
export const kernelModulePath: string;
/** The text of that file, compiled from packages/core/assembly. */
export function buildKernel(): Promise<string>;
