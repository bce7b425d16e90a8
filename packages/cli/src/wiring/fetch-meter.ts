import { createHash, type Hash } from "node:crypto";
import type { FetchOptions } from "../engine.ts";

/** Counts, hashes and reports what was written. */
export interface Meter {
  /** Over all bytes so far; see `fetchReference` for a folder. */
  readonly hash: Hash;
  readonly bytes: number;
  /** Of them, what an earlier run had left. */
  readonly keptBytes: number;
  files: number;
  add(bytes: Uint8Array): void;
  addKept(bytes: Uint8Array): void;
}

/** A meter that reports to `onProgress`. `bytesTotal` where that is known; `counts` tells of blocks and circuits now. */
export function createMeter(
  { onProgress }: Pick<FetchOptions, "onProgress">,
  bytesTotal: number | undefined,
  counts: () => { readonly blocks: number; readonly circuits: number },
): Meter {
  const state = { hash: createHash("sha256"), bytes: 0, keptBytes: 0, files: 0 };
  const add = (bytes: Uint8Array) => {
    state.hash.update(bytes);
    state.bytes += bytes.length;
    if (onProgress === undefined) return;
    const { blocks, circuits } = counts();
    onProgress({ bytesDone: state.bytes, bytesTotal, blocksDone: blocks, blocksTotal: undefined, circuits });
  };
  return Object.assign(state, {
    add,
    addKept: (bytes: Uint8Array) => {
      state.keptBytes += bytes.length;
      add(bytes);
    },
  });
}
