import type { BlockStore, StoreClaim } from "@umbel/storage";
import { sampleBlock } from "../support/blocks.ts";

export interface OpenedStore {
  readonly store: BlockStore;
  /** Quota of everything together, as `usedBytes` counts. */
  readonly maxBytes: number;
  /** Closes the store and removes what it left. */
  dispose(): Promise<void>;
}

/** Makes an empty store: see `blockStoreCompliance`. */
export type Open = (blocks: number, cached: number) => Promise<OpenedStore>;

/** Runs `test` on an empty store and closes it. */
export async function withStore(
  opening: Promise<OpenedStore>,
  test: (store: BlockStore, opened: OpenedStore) => Promise<void>,
): Promise<void> {
  const opened = await opening;
  try {
    await test(opened.store, opened);
  } finally {
    await opened.dispose();
  }
}

/** Puts samples from `from` on until the store is full; how many it took. */
export async function fill(store: BlockStore, from: number, claim?: StoreClaim): Promise<number> {
  for (let number = from; ; number++) {
    const { id, block } = sampleBlock(number);
    if ((await store.put(id, 0, block, claim)) === "full") return number - from;
  }
}

/** A claim of a node that is responsible for these samples alone. */
export const nothingElse = (...numbers: readonly number[]): StoreClaim => {
  const ids = new Set(numbers.map((number) => sampleBlock(number).id));
  return { revision: 1, isOurs: ({ id }) => ids.has(id) };
};

/** `toEqual` walks a block element by element: 100 ms each. */
export function same(found: Uint8Array | undefined, expected: Uint8Array): boolean {
  return found !== undefined && Buffer.compare(found, expected) === 0;
}
