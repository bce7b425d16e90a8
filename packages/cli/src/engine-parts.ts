import type { Engine } from "./engine.ts";

/**
 * Parts of `wiring/` with many functions each, which a command loads when it first needs one. They know the options in `engine.ts`,
 * so that one must not know them.
 */
export interface EngineParts {
  /** References on this machine alone: opened, weakened, locked, sealed. */
  references(): Promise<typeof import("./wiring/references.ts")>;
  /** Recipients of a data folder. */
  recipients(): Promise<typeof import("./wiring/recipients.ts")>;
  /** Checks and repairs content in the network. */
  repairs(): Promise<Pick<typeof import("./wiring/repair.ts"), "repairReference">>;
  /** Content as a file, for carrying by hand. */
  bundles(): Promise<Pick<typeof import("./wiring/bundle.ts"), "exportReference" | "importFile">>;
  /** Sites: their keys in a data folder, publishing, reading, watching. */
  sites(): Promise<typeof import("./wiring/site.ts")>;
}

/** All that commands are given. */
export type WholeEngine = Engine & EngineParts;
