import { type BlockId, concat, type Reader, Writer } from "@umbel/core";
import { BLOCK_ID_BYTES, blockIdBytes, blockIdFromBytes } from "../block/location.ts";
import { MAX_FOLDER_ENTRIES } from "../limits.ts";
import { decodeChild, encodeChild, type RootChildren } from "./children.ts";
import type { Coding } from "./coding.ts";
import { CHILD_BYTES, CODING_BYTES, INLINE_CHILDREN, ROOT_PUBLIC_FIXED_BYTES } from "./root-geometry.ts";
import { MAX_LEAVES } from "./size-class.ts";
import { leavesOf } from "./tree-shape.ts";
import { mayCode, type RootTree, type TreeName, treeLevels } from "./trees.ts";

/** What a root says to who has the verify key: what to keep and repair, and nothing of what it means. */
export interface RootPublic {
  /** Absent when the content stands in the root itself. */
  readonly content: RootTree | undefined;
  readonly children: RootChildren;
  /** The blocks that a folder's small files share; absent when there are none. */
  readonly shared: RootTree | undefined;
}

/**
 * version u8 | codings of content, children, shared blocks (3 each; zeros for a tree that there is not) | content leaves u64
 * | children u32 | shared blocks u32 | top ids of the content (32 each) | up to 64 children: the children (64 each); more: top
 * ids of their tree | top ids of the shared blocks
 */
export function encodePublic({ content, children, shared }: RootPublic): Uint8Array {
  const isTree = children.kind === "tree";
  const fixed = new Writer(ROOT_PUBLIC_FIXED_BYTES).u8(PUBLIC_VERSION);
  for (const tree of [content, isTree ? children.tree : undefined, shared]) fixed.bytes(encodeCoding(tree));
  return concat(
    fixed
      .u64(content?.leaves ?? 0)
      .u32(isTree ? children.count : children.list.length)
      .u32(shared?.leaves ?? 0)
      .finish(),
    ...(content?.topIds ?? []).map(blockIdBytes),
    ...(isTree ? children.tree.topIds.map(blockIdBytes) : children.list.map(encodeChild)),
    ...(shared?.topIds ?? []).map(blockIdBytes),
  );
}

/** Undoes `encodePublic`; leaves the reader at the private part. Throws BAD_ENCODING. */
export function decodePublic(reader: Reader): RootPublic {
  const version = reader.u8("version");
  if (version !== PUBLIC_VERSION) throw reader.fault("version", `${version} is not known to this umbel`);
  const codings = { content: takeCoding(reader), children: takeCoding(reader), shared: takeCoding(reader) };
  const contentLeaves = takeCount("content leaves", MAX_LEAVES, reader.u64("content leaves"), reader);
  const count = takeCount("children", MAX_FOLDER_ENTRIES, reader.u32("children"), reader);
  const sharedLeaves = takeCount("shared blocks", MAX_SHARED_LEAVES, reader.u32("shared blocks"), reader);
  const content = decodeTree(reader, "content", contentLeaves, codings.content);
  const children = decodeChildren(reader, count, codings.children);
  return { content, children, shared: decodeTree(reader, "shared", sharedLeaves, codings.shared) };
}

const PUBLIC_VERSION = 1;
/** A folder has at most one shared block for each file; a size class may double them. */
const MAX_SHARED_LEAVES = 2 * MAX_FOLDER_ENTRIES;

function encodeCoding(tree: RootTree | undefined): Uint8Array {
  if (tree === undefined) return new Uint8Array(CODING_BYTES);
  const { segmentData, segmentParity, crossSegments } = tree.coding;
  return new Writer(CODING_BYTES).u8(segmentData).u8(segmentParity).u8(crossSegments).finish();
}

function takeCoding(reader: Reader): Coding {
  const segmentData = reader.u8("segment data");
  return {
    segmentData,
    segmentParity: reader.u8("segment parity"),
    crossSegments: reader.u8("cross segments"),
  };
}

function takeCount(field: string, most: number, count: number, reader: Reader): number {
  if (count > most) throw reader.fault(field, `${count}, more than ${most}`);
  return count;
}

function decodeChildren(reader: Reader, count: number, coding: Coding): RootChildren {
  const leaves = count > INLINE_CHILDREN ? leavesOf(count * CHILD_BYTES) : 0;
  const tree = decodeTree(reader, "children", leaves, coding);
  if (tree !== undefined) return { kind: "tree", count, tree };
  return { kind: "inline", list: Array.from({ length: count }, () => decodeChild(reader)) };
}

/** A tree's ids are as many as its leaves and coding make; a tree without leaves has a coding of zeros. */
function decodeTree(reader: Reader, name: TreeName, leaves: number, coding: Coding): RootTree | undefined {
  if (leaves === 0) {
    if (coding.segmentData + coding.segmentParity + coding.crossSegments === 0) return undefined;
    throw reader.fault("coding", "not zero, of a tree that there is not");
  }
  if (!mayCode(name, coding)) throw reader.fault("coding", "not known to this umbel");
  const count = treeLevels(name, { leaves, coding }).at(-1)?.ids ?? 0;
  const topIds: BlockId[] = [];
  for (let i = 0; i < count; i++) topIds.push(blockIdFromBytes(reader.bytes(BLOCK_ID_BYTES, "id")));
  return { leaves, coding, topIds };
}
