import { type BlockId, UmbelError } from "@umbel/core";
import { CHUNK_BYTES } from "../block/block.ts";
import { BLOCK_ID_BYTES, blockIdBytes, blockIdFromBytes } from "../block/location.ts";
import { IDS_PER_INDEX, INDEX_HEADER_BYTES } from "./tree-shape.ts";

const INDEX_VERSION = 1;

/**
 * The chunk of an index block: version u8 | zeros (15) | ids (32 each), padded with zeros to CHUNK_BYTES.
 * Throws BAD_ENCODING unless there are 1 to IDS_PER_INDEX ids.
 */
export function encodeIndex(ids: readonly BlockId[]): Uint8Array {
  if (ids.length < 1 || ids.length > IDS_PER_INDEX) {
    throw new UmbelError("BAD_ENCODING", `an index block has 1 to ${IDS_PER_INDEX} ids`);
  }
  const chunk = new Uint8Array(CHUNK_BYTES);
  chunk[0] = INDEX_VERSION;
  for (const [i, id] of ids.entries()) chunk.set(blockIdBytes(id), INDEX_HEADER_BYTES + i * BLOCK_ID_BYTES);
  return chunk;
}

/** The `count` ids of an index block's chunk. Throws BAD_ENCODING on anything that `encodeIndex` does not write. */
export function decodeIndex(chunk: Uint8Array, count: number): BlockId[] {
  const end = INDEX_HEADER_BYTES + count * BLOCK_ID_BYTES;
  if (chunk.length !== CHUNK_BYTES || count < 1 || count > IDS_PER_INDEX) throw bad("its length is wrong");
  if (chunk[0] !== INDEX_VERSION) throw bad("its version is not known to this umbel");
  if (!allZero(chunk.subarray(1, INDEX_HEADER_BYTES))) throw bad("its header is not zero");
  if (!allZero(chunk.subarray(end))) throw bad("its padding is not zero");
  const ids: BlockId[] = [];
  for (let at = INDEX_HEADER_BYTES; at < end; at += BLOCK_ID_BYTES) {
    ids.push(blockIdFromBytes(chunk.subarray(at, at + BLOCK_ID_BYTES)));
  }
  return ids;
}

function allZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function bad(reason: string): UmbelError {
  return new UmbelError("BAD_ENCODING", `an index block cannot be read: ${reason}`);
}
