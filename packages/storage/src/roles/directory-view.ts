import { type CryptoProvider, type Descriptor, positionOf } from "@umbel/core";
import type { Directory } from "@umbel/router";
import type { StoreNode } from "../service/holders.ts";
import type { StoreDirectory } from "../service/store-directory.ts";

/** The router's directory as the storage services see it. Positions are computed once for each descriptor. */
export function storeDirectoryOf(crypto: CryptoProvider, directory: Directory): StoreDirectory {
  const positions = new WeakMap<Descriptor, Uint8Array>();
  let seen: readonly Descriptor[] = [];
  let nodes: readonly StoreNode[] = [];
  let revision = 0;

  const refresh = (): void => {
    const all = directory.all();
    if (all === seen) return;
    seen = all;
    revision += 1;
    nodes = all.filter((descriptor) => descriptor.roles.store).map((descriptor) => toStoreNode(descriptor));
  };
  const toStoreNode = (descriptor: Descriptor): StoreNode => {
    let position = positions.get(descriptor);
    if (position === undefined) {
      position = positionOf(crypto, descriptor);
      positions.set(descriptor, position);
    }
    return { id: descriptor.nodeId, position };
  };

  return {
    get revision() {
      refresh();
      return revision;
    },
    storeNodes() {
      refresh();
      return nodes;
    },
    isRelay: (id) => directory.get(id)?.roles.relay === true,
  };
}
