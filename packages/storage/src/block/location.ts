import {
  BLOCK_BYTES,
  type BlockId,
  type CryptoProvider,
  decodeBase32,
  encodeBase32,
  LABELS,
  UmbelError,
} from "@umbel/core";
import type { BlockCopy } from "./block-network.ts";

/** Bytes of a block id or a location. */
export const BLOCK_ID_BYTES = 32;

/**
 * A block's name: SHA-256(label, bytes) (docs/spec/07-blocks.md). Throws BAD_ENCODING unless `block` is BLOCK_BYTES
 * long.
 */
export function blockIdOf(crypto: CryptoProvider, block: Uint8Array): BlockId {
  if (block.length !== BLOCK_BYTES) throw new UmbelError("BAD_ENCODING", `a block has ${BLOCK_BYTES} bytes`);
  return blockIdFromBytes(crypto.sha256(LABELS.blockId, block));
}

/** The block id of its 32 bytes. Throws BAD_ENCODING on another length. */
export function blockIdFromBytes(bytes: Uint8Array): BlockId {
  if (bytes.length !== BLOCK_ID_BYTES) {
    throw new UmbelError("BAD_ENCODING", `a block id has ${BLOCK_ID_BYTES} bytes`);
  }
  return encodeBase32(bytes) as BlockId;
}

/** The 32 bytes of a block id. Throws BAD_ENCODING when it is not the canonical text of 32 bytes. */
export function blockIdBytes(id: BlockId): Uint8Array {
  return decodeBase32(id, BLOCK_ID_BYTES);
}

/** Where copy `copy` of a block belongs in the key space: SHA-256(label, copy u8, id), 32 bytes. */
export function locationOf(crypto: CryptoProvider, id: BlockId, copy: BlockCopy): Uint8Array {
  return crypto.sha256(LABELS.location, Uint8Array.of(copy), blockIdBytes(id));
}
