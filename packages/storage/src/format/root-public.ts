import { type BlockId, concat, type Reader, Writer } from "@umbel/core";
import { BLOCK_ID_BYTES, blockIdBytes, blockIdFromBytes } from "../block/location.ts";
import { MAX_FOLDER_ENTRIES } from "../limits.ts";
import { CHILD_BYTES, decodeChild, encodeChild, INLINE_CHILDREN, type RootChildren } from "./children.ts";
import {
  leavesOf,
  MAX_FILE_BYTES,
  PLAIN_CODING,
  ROOT_CHILDREN_IDS,
  ROOT_CONTENT_IDS,
  treeShape,
} from "./tree-shape.ts";

/** What a root says to who has the verify key: what to keep and repair, and nothing of what it means. */
export interface RootPublic {
  /** Data blocks of the content; 0 when it is in the root itself. */
  readonly contentLeaves: number;
  /** Ids of the top level of the content's tree. */
  readonly contentIds: readonly BlockId[];
  readonly children: RootChildren;
}

/**
 * version u8 | segment data u8 | segment parity u8 | cross parity u8 | content leaves u64 | content ids (32 each)
 * | children u32 | up to 64 children: the children (64 each); more: ids of the top level of their tree (32 each)
 */
export function encodePublic(part: RootPublic): Uint8Array {
  const { children } = part;
  const count = children.kind === "inline" ? children.list.length : children.count;
  const { segmentData, segmentParity, crossParity } = PLAIN_CODING;
  return concat(
    Uint8Array.of(PUBLIC_VERSION, segmentData, segmentParity, crossParity),
    new Writer(8).u64(part.contentLeaves).finish(),
    ...part.contentIds.map(blockIdBytes),
    new Writer(4).u32(count).finish(),
    ...(children.kind === "inline" ? children.list.map(encodeChild) : children.topIds.map(blockIdBytes)),
  );
}

/** Undoes `encodePublic`; leaves the reader at the private part. Throws BAD_ENCODING. */
export function decodePublic(reader: Reader): RootPublic {
  const version = reader.u8("version");
  if (version !== PUBLIC_VERSION) throw reader.fault("version", `${version} is not known to this umbel`);
  decodeCoding(reader);
  const contentLeaves = reader.u64("content leaves");
  if (contentLeaves > leavesOf(MAX_FILE_BYTES)) throw reader.fault("content leaves", "too many");
  const contentIds = decodeIds(reader, treeShape(contentLeaves, ROOT_CONTENT_IDS));
  return { contentLeaves, contentIds, children: decodeChildren(reader) };
}

const PUBLIC_VERSION = 1;

/** Erasure coding comes with its own numbers here; this version writes and reads the plain ones alone. */
function decodeCoding(reader: Reader): void {
  const coding = [reader.u8("segment data"), reader.u8("segment parity"), reader.u8("cross parity")];
  const plain = [PLAIN_CODING.segmentData, PLAIN_CODING.segmentParity, PLAIN_CODING.crossParity];
  if (coding.some((value, i) => value !== plain[i])) throw reader.fault("coding", "not known to this umbel");
}

function decodeChildren(reader: Reader): RootChildren {
  const count = reader.u32("children");
  if (count > MAX_FOLDER_ENTRIES) throw reader.fault("children", `${count}, more than ${MAX_FOLDER_ENTRIES}`);
  if (count <= INLINE_CHILDREN) {
    return { kind: "inline", list: Array.from({ length: count }, () => decodeChild(reader)) };
  }
  const shape = treeShape(leavesOf(count * CHILD_BYTES), ROOT_CHILDREN_IDS);
  return { kind: "tree", count, topIds: decodeIds(reader, shape) };
}

function decodeIds(reader: Reader, shape: readonly number[]): BlockId[] {
  const count = shape.at(-1) ?? 0;
  return Array.from({ length: count }, () => blockIdFromBytes(reader.bytes(BLOCK_ID_BYTES, "id")));
}
