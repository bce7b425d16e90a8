import { type BlockId, Reader, UmbelError, Writer } from "@umbel/core";
import { CHUNK_BYTES } from "../block/block.ts";
import { BLOCK_ID_BYTES, blockIdBytes, blockIdFromBytes } from "../block/location.ts";
import { IDS_PER_INDEX, INDEX_HEADER_BYTES } from "./tree-shape.ts";

/**
 * The chunk of an index block: version u8 | zeros (15) | ids (32 each), padded with zeros to CHUNK_BYTES.
 * Throws BAD_ENCODING unless there are 1 to IDS_PER_INDEX ids.
 */
export function encodeIndex(ids: readonly BlockId[]): Uint8Array {
  if (ids.length < 1 || ids.length > IDS_PER_INDEX) {
    throw new UmbelError("BAD_ENCODING", `an index block has 1 to ${IDS_PER_INDEX} ids`);
  }
  const writer = new Writer(CHUNK_BYTES).u8(INDEX_VERSION).bytes(RESERVED);
  for (const id of ids) writer.bytes(blockIdBytes(id));
  return writer.zeros().finish();
}

/** The `count` ids of an index block's chunk. Throws BAD_ENCODING on anything that `encodeIndex` does not write. */
export function decodeIndex(chunk: Uint8Array, count: number): BlockId[] {
  const reader = new Reader(chunk, "index");
  if (chunk.length !== CHUNK_BYTES) throw reader.fault("end", `not ${CHUNK_BYTES} bytes`);
  if (count < 1 || count > IDS_PER_INDEX) throw reader.fault("ids", `not 1 to ${IDS_PER_INDEX}`);
  if (reader.u8("version") !== INDEX_VERSION) throw reader.fault("version", "not known to this umbel");
  if (!isZero(reader.bytes(RESERVED.length, "reserved"))) throw reader.fault("reserved", "not zero");
  const ids: BlockId[] = [];
  for (let i = 0; i < count; i++) ids.push(blockIdFromBytes(reader.bytes(BLOCK_ID_BYTES, "id")));
  reader.zeros("padding");
  return ids;
}

const INDEX_VERSION = 1;
const RESERVED = new Uint8Array(INDEX_HEADER_BYTES - 1);

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
