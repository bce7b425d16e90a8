import { BLOCK_BYTES, UmbelError } from "@umbel/core";
import type { SiteContext } from "./site-view.ts";

/** What an owner must not forget between two publishes. */
export interface OwnerState {
  /** True from the creation of the key to its first edition: only then is "no edition found" to be believed. */
  readonly isFresh: boolean;
  /** The slot block of the edition published last from here. */
  readonly last: Uint8Array | undefined;
  /** A signed slot block that is not stored everywhere yet. */
  readonly pending: Uint8Array | undefined;
}

/** Where the state of one site is kept. Throws BAD_CONFIG, READ_FAILED, WRITE_FAILED, DISK_FULL. */
export interface OwnerStateStore {
  load(): Promise<OwnerState>;
  /** On disk when it resolves. */
  save(state: OwnerState): Promise<void>;
}

/** What publishing under a site's key needs. */
export interface OwnerContext extends SiteContext {
  /** The site's secret: 32 bytes. The caller wipes it. */
  readonly seed: Uint8Array;
  readonly state: OwnerStateStore;
  /** Holders that must keep each block at each location. */
  readonly wanted: number;
}

/** version u8 = 1 | flags u8: 1 fresh, 2 last, 4 pending | the slot blocks that the flags name */
export function encodeOwnerState({ isFresh, last, pending }: OwnerState): Uint8Array {
  const blocks = [last, pending].filter((block) => block !== undefined);
  const result = new Uint8Array(2 + blocks.length * BLOCK_BYTES);
  result[0] = STATE_VERSION;
  result[1] = (isFresh ? 1 : 0) | (last ? 2 : 0) | (pending ? 4 : 0);
  for (const [at, block] of blocks.entries()) result.set(block, 2 + at * BLOCK_BYTES);
  return result;
}

/** Undoes `encodeOwnerState`. Throws BAD_CONFIG. */
export function decodeOwnerState(bytes: Uint8Array): OwnerState {
  const flags = bytes[1] ?? 255;
  const count = (flags & 2 ? 1 : 0) + (flags & 4 ? 1 : 0);
  if (bytes[0] !== STATE_VERSION || flags > 7 || bytes.length !== 2 + count * BLOCK_BYTES)
    throw new UmbelError("BAD_CONFIG", "the state of a site is damaged; umbel site restore makes a new one");
  const block = (at: number) => bytes.slice(2 + at * BLOCK_BYTES, 2 + (at + 1) * BLOCK_BYTES);
  return {
    isFresh: (flags & 1) !== 0,
    last: flags & 2 ? block(0) : undefined,
    pending: flags & 4 ? block(count - 1) : undefined,
  };
}

const STATE_VERSION = 1;
