import { createHash } from "node:crypto";
import { BLOCK_BYTES, type BlockId } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { blockIdOf } from "../../packages/storage/src/block/location.ts";

/** A block that differs for every `number`, and its id. */
export function sampleBlock(number: number): { readonly id: BlockId; readonly block: Uint8Array } {
  const seed = createHash("sha256").update(`sample block ${number}`).digest();
  const block = new Uint8Array(BLOCK_BYTES);
  for (let at = 0; at < BLOCK_BYTES; at += seed.length) block.set(seed, at);
  return { id: blockIdOf(nodeProvider, block), block };
}
