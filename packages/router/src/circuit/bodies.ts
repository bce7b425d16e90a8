import { BODY_BYTES } from "@umbel/core";

/** The memory for one burst of cells that start here. */
export interface Bodies {
  /** BODY_BYTES of zeros that nobody else has. */
  next(): Uint8Array;
}

/** The cells of a storage block with its reply header: a burst is mostly one or some of these. */
const BLOCK_CELLS = 8;

/**
 * Bodies for a burst of unknown length: the first alone, then so many that they make up a block, then a block's at a time.
 * One allocation for each cell would be most of what sending costs the garbage collector.
 */
export function createBodies(): Bodies {
  let memory = new Uint8Array(0);
  let used = 0;
  let taken = 0;
  return {
    next() {
      if (used === memory.length) {
        memory = new Uint8Array(BODY_BYTES * cellsToAllocate(taken));
        used = 0;
      }
      taken += 1;
      used += BODY_BYTES;
      return memory.subarray(used - BODY_BYTES, used);
    },
  };
}

function cellsToAllocate(taken: number): number {
  if (taken === 0) return 1;
  return taken === 1 ? BLOCK_CELLS - 1 : BLOCK_CELLS;
}
