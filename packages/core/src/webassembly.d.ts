/** The members of WebAssembly that umbel uses: pure code has no DOM library. Absent in engines without WebAssembly. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module);
    readonly exports: object;
  }
}
