import { type CryptoProvider, hkdfExpand, LABELS, Writer } from "@umbel/core";
import { TREES, type TreeName } from "./trees.ts";

/**
 * What a masked block is, u8: parity of a segment of data blocks, of a cross segment, or a cross segment's own data blocks.
 * docs/spec/08-files-and-sites.md, Coding.
 */
export const MASK_USE = { dataParity: 0, crossParity: 1, cross: 2 } as const;
export type MaskUse = keyof typeof MASK_USE;

/** Which block of a tree a mask is for. */
export interface MaskPosition {
  readonly use: MaskUse;
  readonly level: number;
  /** The segment's index among those of its kind in the level. */
  readonly segment: number;
  /** Parity row within the segment; for `cross` the data block within the cross segment. */
  readonly row: number;
}

/** The key of all parity masks of one tree: 32 bytes, from the 32-byte verify key. */
export function parityMaskKey(crypto: CryptoProvider, verifyKey: Uint8Array, tree: TreeName): Uint8Array {
  return hkdfExpand(crypto, verifyKey, [LABELS.useParityMask, Uint8Array.of(TREES[tree].number)], 32);
}

/**
 * A new array: `block` xor the mask of its position, which is ChaCha20 with nonce level u8 | use u8 | row u16 | segment u64.
 * Masks and unmasks.
 */
export function maskParity(
  crypto: CryptoProvider,
  maskKey: Uint8Array,
  position: MaskPosition,
  block: Uint8Array,
): Uint8Array {
  const { level, use, row, segment } = position;
  const nonce = new Writer(12).u8(level).u8(MASK_USE[use]).u16(row).u64(segment).finish();
  return crypto.chacha20(maskKey, nonce, block);
}
