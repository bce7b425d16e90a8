import { createNetwork, generateNodeKeys, LOCAL_NETWORK, type NodeKeys, nodeIdOf } from "@umbel/core";
import { createSeededRandom } from "../../support/seeded-random.ts";
import { createMemoProvider } from "../memo-provider.ts";

/** What all targets work with, the same in every run. */
export const crypto = createMemoProvider();
export const network = createNetwork(crypto, LOCAL_NETWORK);

const keys: NodeKeys[] = [];

/** The keys of node `index`. Copies, since some owners wipe what they are given. */
export function keysOf(index: number): NodeKeys {
  keys[index] ??= generateNodeKeys(crypto, createSeededRandom(`fuzz node ${index}`));
  return structuredClone(keys[index]);
}

export const idOf = (of: NodeKeys) => nodeIdOf(crypto, of.identity.publicKey);

/** `length` bytes that look random. */
export function noise(label: string, length: number): Uint8Array {
  return createSeededRandom(`fuzz ${label}`).bytes(length);
}

export function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
