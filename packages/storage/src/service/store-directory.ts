import type { NodeId } from "@umbel/core";
import { createHolderIndex, type HolderIndex, type Holders, holdersOf, type StoreNode } from "./holders.ts";

/** What the storage services need of a node's directory: the composition adapts the router's. */
export interface StoreDirectory {
  /** Changes whenever the set of store nodes does. */
  readonly revision: number;
  /** The nodes with the store role, this node among them when it has that role. */
  storeNodes(): readonly StoreNode[];
  /** True when `id` is in the directory with the relay role. */
  isRelay(id: NodeId): boolean;
}

/** `holdersOf` over a directory that changes. */
export function createHolderFinder(directory: StoreDirectory): (location: Uint8Array) => Holders {
  const index = createLastingIndex(directory);
  return (location) => holdersOf(index, location);
}

/** An index over a directory that changes: it is made anew when the directory's revision is another. */
export function createLastingIndex(directory: StoreDirectory): HolderIndex {
  let revision = directory.revision;
  let index = createHolderIndex(directory.storeNodes());
  return {
    nearest(location, count, point) {
      if (directory.revision !== revision) {
        revision = directory.revision;
        index = createHolderIndex(directory.storeNodes());
      }
      return index.nearest(location, count, point);
    },
  };
}
