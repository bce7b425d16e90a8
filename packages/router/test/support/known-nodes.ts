import { type Descriptor, type NodeId, nodeIdFromBytes, parseAddress } from "@umbel/core";
import type { PathDirectory } from "../../src/path/select.ts";
import { describedNode } from "./descriptors.ts";

const template = describedNode(0);

/** The id of unsigned test node `index`. */
export function idOf(index: number): NodeId {
  return nodeIdFromBytes(new Uint8Array(32).fill(index >> 8, 0, 1).fill(index & 255, 1));
}

/** A relay on an address prefix of its own, without real keys: for code that never looks at them. */
export function relay(index: number, traits: Partial<Descriptor> = {}): Descriptor {
  const addresses = [parseAddress(`ws://${20 + (index >> 8)}.${index & 255}.0.1:7000`)];
  return { ...template, nodeId: idOf(index), addresses, ...traits };
}

/** Relays 0 to `count` - 1. */
export function relays(count: number): Descriptor[] {
  return Array.from({ length: count }, (_, index) => relay(index));
}

/** A family id. */
export function family(number: number): Uint8Array {
  return new Uint8Array(32).fill(number);
}

/** A directory that a test fills and empties by hand. */
export interface KnownNodes extends PathDirectory {
  add(...nodes: readonly Descriptor[]): void;
  remove(...ids: readonly NodeId[]): void;
}

export function knownNodes(nodes: readonly Descriptor[] = []): KnownNodes {
  const held = new Map(nodes.map((node) => [node.nodeId, node]));
  return {
    all: () => [...held.values()],
    get: (nodeId) => held.get(nodeId),
    add: (...more) => {
      for (const node of more) held.set(node.nodeId, node);
    },
    remove: (...ids) => {
      for (const id of ids) held.delete(id);
    },
  };
}
