import { type BlockId, concat, type Reader } from "@umbel/core";
import { BLOCK_ID_BYTES, blockIdBytes, blockIdFromBytes } from "../block/location.ts";
import type { RootTree } from "./trees.ts";

/** What the verify capability of a folder may descend into: one of its files that has a root of its own. */
export interface Child {
  readonly rootId: BlockId;
  /** 32 bytes. */
  readonly verifyKey: Uint8Array;
}

/** A folder's children, in the order of its table: in the root itself, or in blocks under it. */
export type RootChildren =
  | { readonly kind: "inline"; readonly list: readonly Child[] }
  | { readonly kind: "tree"; readonly count: number; readonly tree: RootTree };

const KEY_BYTES = 32;

/** root id (32) | verify key (32) */
export function encodeChild(child: Child): Uint8Array {
  return concat(blockIdBytes(child.rootId), child.verifyKey);
}

/** Undoes `encodeChild`. Throws BAD_ENCODING. */
export function decodeChild(reader: Reader): Child {
  const rootId = blockIdFromBytes(reader.bytes(BLOCK_ID_BYTES, "child id"));
  return { rootId, verifyKey: reader.bytes(KEY_BYTES, "child verify key").slice() };
}
