import { BLOCK_BYTES, type CryptoProvider, hkdfExpand, LABELS, UmbelError, Writer } from "@umbel/core";
import {
  BLOCK_KIND,
  type ChunkPosition,
  openBytes,
  SEAL_TAG_BYTES,
  sealBytes,
  sealKeyOf,
} from "../block/block.ts";

/** Where a small file stands: in which shared block of its folder, and from which byte on. */
export interface PiecePlace {
  readonly block: number;
  readonly offset: number;
}

/** Bytes that a file of `size` bytes takes of a shared block. */
export function pieceBytes(size: number): number {
  return SEAL_TAG_BYTES + size;
}

/** A small file sealed alone under its own 32-byte read key: T | ChaCha20, `pieceBytes` long. */
export function sealPiece(crypto: CryptoProvider, readKey: Uint8Array, bytes: Uint8Array): Uint8Array {
  return sealBytes(crypto, sealKeyOf(crypto, readKey, "piece"), AT_PIECE, bytes);
}

/**
 * The small file of `size` bytes at `offset` of a shared block. Throws BAD_ENCODING when it does not lie in the block,
 * CRYPTO_FAILED when key, place or a byte is another.
 */
export function openPiece(
  crypto: CryptoProvider,
  readKey: Uint8Array,
  block: Uint8Array,
  offset: number,
  size: number,
): Uint8Array {
  if (block.length !== BLOCK_BYTES || !isInBlock(offset, size)) {
    throw new UmbelError("BAD_ENCODING", "a small file does not lie in its block");
  }
  const sealed = block.subarray(offset, offset + pieceBytes(size));
  const bytes = openBytes(crypto, sealKeyOf(crypto, readKey, "piece"), AT_PIECE, sealed);
  if (bytes === undefined) throw new UmbelError("CRYPTO_FAILED", "a small file does not open with this key");
  return bytes;
}

/** True when a piece of `size` bytes at `offset` lies in one block. */
export function isInBlock(offset: number, size: number): boolean {
  const isCount = Number.isInteger(offset) && Number.isInteger(size) && offset >= 0 && size >= 0;
  return isCount && offset + pieceBytes(size) <= BLOCK_BYTES;
}

/** The key of what fills shared blocks up: 32 bytes, from the folder's verify key. No reader needs it. */
export function fillerKeyOf(crypto: CryptoProvider, verifyKey: Uint8Array): Uint8Array {
  return hkdfExpand(crypto, verifyKey, [LABELS.useSharedFiller], 32);
}

/**
 * The shared block number `number` with these sealed pieces, filled up with ChaCha20 under expand(filler key, SHA-256(pieces));
 * without any: SHA-256 of the number u32. So equal pieces make an equal block wherever it stands, and no others do.
 * Throws BAD_ENCODING when the pieces are longer than a block.
 */
export function sharedBlock(
  crypto: CryptoProvider,
  fillerKey: Uint8Array,
  number: number,
  pieces: readonly Uint8Array[],
): Uint8Array {
  const used = pieces.reduce((sum, piece) => sum + piece.length, 0);
  if (used > BLOCK_BYTES) throw new UmbelError("BAD_ENCODING", "the pieces of a block are longer than it");
  const block = new Uint8Array(BLOCK_BYTES);
  const writer = new Writer(block);
  for (const piece of pieces) writer.bytes(piece);
  const hash = crypto.sha256(...(pieces.length > 0 ? pieces : [new Writer(4).u32(number).finish()]));
  const key = hkdfExpand(crypto, fillerKey, [hash], 32);
  return writer.bytes(crypto.chacha20(key, NONCE, new Uint8Array(BLOCK_BYTES - used))).finish();
}

/** Every piece has a key of its own, which is all that binds it to its place. */
const AT_PIECE: ChunkPosition = { kind: BLOCK_KIND.piece, level: 0, index: 0 };
/** Constant: each key is derived from what it fills up. */
const NONCE = new Uint8Array(12);
