import {
  BLOCK_BYTES,
  type CryptoProvider,
  constantTimeEqual,
  hkdfExpand,
  LABELS,
  UmbelError,
  Writer,
} from "@umbel/core";

export { verifyKeyOf } from "@umbel/core";

/** Bytes of the synthetic tag T at the start of whatever is sealed. */
export const SEAL_TAG_BYTES = 16;
/** Payload of a block: block = T | ChaCha20(chunk), the chunk padded with zeros to this length. */
export const CHUNK_BYTES = BLOCK_BYTES - SEAL_TAG_BYTES;

/** What a sealed chunk is. A number is never used again; another layout of the same thing is another number. */
export const BLOCK_KIND = {
  /** Bytes of a file, or of a folder's table. */
  data: 1,
  /** Ids of the blocks one level below, of content. */
  index: 2,
  /** Bytes of a folder's list of children: what the verify capability may descend into. */
  children: 3,
  /** Ids of the blocks one level below, of a list of children. */
  childrenIndex: 4,
  /** A root: the part under the verify key, around the part under the read key. */
  root: 5,
  /** The part of a root under the read key. */
  rootPrivate: 6,
  /** A small file that shares a block with others. */
  piece: 7,
  /** Ids of the blocks one level below, of shared blocks. */
  sharedIndex: 8,
} as const;
export type BlockKind = (typeof BLOCK_KIND)[keyof typeof BLOCK_KIND];

/** Where a chunk stands in its file; the tag binds it, so that blocks cannot change places. */
export interface ChunkPosition {
  readonly kind: BlockKind;
  /** 0 for data, 1 for the index blocks above it, and so on. */
  readonly level: number;
  /** From 0 within the level; at most 2^53 - 1. */
  readonly index: number;
}

/** The two keys of one use of a read or verify key. */
export interface SealKey {
  readonly mac: Uint8Array;
  readonly encryption: Uint8Array;
}

/** What a read or verify key is used for; each use has keys of its own. */
export type SealUse = keyof typeof USE_LABEL;

/** The keys of one use of a 32-byte read or verify key. */
export function sealKeyOf(crypto: CryptoProvider, key: Uint8Array, use: SealUse): SealKey {
  const useKey = expand(crypto, key, USE_LABEL[use]);
  return {
    mac: expand(crypto, useKey, LABELS.blockMac),
    encryption: expand(crypto, useKey, LABELS.blockEncryption),
  };
}

/**
 * Seals at most CHUNK_BYTES as one block, padded with zeros (docs/spec/07-blocks.md). Deterministic: the nonce is the
 * tag, so equal blocks come only from equal key, position and chunk. Throws BAD_ENCODING on a longer chunk.
 */
export function sealChunk(
  crypto: CryptoProvider,
  key: SealKey,
  position: ChunkPosition,
  chunk: Uint8Array,
): Uint8Array {
  if (chunk.length > CHUNK_BYTES) {
    throw new UmbelError("BAD_ENCODING", `a chunk has at most ${CHUNK_BYTES} bytes`);
  }
  return sealBytes(crypto, key, position, padded(chunk, CHUNK_BYTES));
}

/** The CHUNK_BYTES that `sealChunk` sealed at this position under this key, or undefined when they are not that. */
export function openChunk(
  crypto: CryptoProvider,
  key: SealKey,
  position: ChunkPosition,
  block: Uint8Array,
): Uint8Array | undefined {
  return block.length === BLOCK_BYTES ? openBytes(crypto, key, position, block) : undefined;
}

/** Seals bytes of any length: T | ChaCha20 under HKDF(K_enc, T), SEAL_TAG_BYTES longer. The caller pads. */
export function sealBytes(
  crypto: CryptoProvider,
  key: SealKey,
  position: ChunkPosition,
  plaintext: Uint8Array,
): Uint8Array {
  const tag = tagOf(crypto, key, position, plaintext);
  const sealed = new Uint8Array(SEAL_TAG_BYTES + plaintext.length);
  sealed.set(tag);
  sealed.set(crypto.chacha20(expand(crypto, key.encryption, tag), NONCE, plaintext), SEAL_TAG_BYTES);
  return sealed;
}

/** Undoes `sealBytes`; undefined when key, position or a byte is another. */
export function openBytes(
  crypto: CryptoProvider,
  key: SealKey,
  position: ChunkPosition,
  sealed: Uint8Array,
): Uint8Array | undefined {
  if (sealed.length < SEAL_TAG_BYTES) return undefined;
  const tag = sealed.subarray(0, SEAL_TAG_BYTES);
  const plaintext = crypto.chacha20(
    expand(crypto, key.encryption, tag),
    NONCE,
    sealed.subarray(SEAL_TAG_BYTES),
  );
  return constantTimeEqual(tag, tagOf(crypto, key, position, plaintext)) ? plaintext : undefined;
}

/** A copy of `bytes` with zeros up to `length`; the same array when it is that long already. */
export function padded(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length === length) return bytes;
  const result = new Uint8Array(length);
  result.set(bytes);
  return result;
}

const USE_LABEL = {
  data: LABELS.useData,
  index: LABELS.useIndex,
  children: LABELS.useChildren,
  rootPublic: LABELS.useRootPublic,
  rootPrivate: LABELS.useRootPrivate,
  piece: LABELS.usePiece,
} as const;

/** Constant: the ChaCha20 key is derived from the tag and so never meets a second nonce. */
const NONCE = new Uint8Array(12);

/** 32 bytes; keys here are uniform, so there is no extract step. */
function expand(crypto: CryptoProvider, key: Uint8Array, info: Uint8Array): Uint8Array {
  return hkdfExpand(crypto, key, [info], 32);
}

/** First 16 bytes of HMAC-SHA256(K_mac, kind u8 | level u8 | index u64 | plaintext). */
function tagOf(
  crypto: CryptoProvider,
  key: SealKey,
  position: ChunkPosition,
  plaintext: Uint8Array,
): Uint8Array {
  const header = new Writer(10).u8(position.kind).u8(position.level).u64(position.index).finish();
  return crypto.hmacSha256(key.mac, header, plaintext).subarray(0, SEAL_TAG_BYTES);
}
