import { BLOCK_BYTES, type BlockId, type CryptoProvider } from "@umbel/core";
import { blockIdOf } from "../block/location.ts";

/** True when `block` has the length of a block and the id it was asked by. */
export function isBlockOf(crypto: CryptoProvider, id: BlockId, block: Uint8Array): boolean {
  return block.length === BLOCK_BYTES && blockIdOf(crypto, block) === id;
}
