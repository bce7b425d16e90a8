import { type AbortLike, type BlockId, CELL_BYTES, type CryptoProvider } from "@umbel/core";
import { blockIdOf } from "../block/location.ts";
import type { SizeClass } from "../format/size-class.ts";
import { ROOT_COPIES } from "./block-sender.ts";
import type { BlockPurpose, BlockSink } from "./block-sink.ts";
import { type MadeContent, makeBlocks, type PublishInput } from "./make-blocks.ts";
import type { PublishKeys } from "./publish-keys.ts";

/** What a publish would put. */
export interface BlockCount extends Omit<MadeContent, "root"> {
  /** Blocks by purpose, the root that the reference names among the roots. */
  readonly blocks: Readonly<Record<BlockPurpose, number>>;
  /** Placements of blocks: a root has three, any other block one. */
  readonly puts: number;
  readonly rootId: BlockId;
}

export interface CountOptions {
  readonly crypto: CryptoProvider;
  readonly input: PublishInput;
  readonly keys: PublishKeys;
  readonly sizeClass?: SizeClass | undefined;
  readonly signal?: AbortLike | undefined;
  readonly onRead?: ((bytes: number) => void) | undefined;
}

/** Cells that a put takes, each way: eight of the block and the one of the answer (docs/spec/09-storage-network.md). */
export const PUT_CELLS = { up: 8, down: 1 } as const;
/** Cells that a get takes, each way. */
export const GET_CELLS = { up: 1, down: 8 } as const;

/** Makes all blocks of an input and keeps none. Throws what the input throws, ABORTED. */
export async function countBlocks(options: CountOptions): Promise<BlockCount> {
  const { crypto } = options;
  const blocks: Record<BlockPurpose, number> = { data: 0, parity: 0, index: 0, root: 0 };
  const count = async (block: Uint8Array, purpose: BlockPurpose): Promise<BlockId> => {
    blocks[purpose]++;
    return blockIdOf(crypto, block);
  };
  const sink: BlockSink = { add: count, addRoot: (block) => count(block, "root") };
  const { root, ...made } = await makeBlocks({ ...options, sink });
  const rootId = await sink.addRoot(root);
  const puts = blocks.data + blocks.parity + blocks.index + blocks.root * ROOT_COPIES.length;
  return { ...made, blocks, puts, rootId };
}

/** Bytes that the puts of a publish, and a receipt over `asked` blocks, send to the guard and get from it, in whole cells. */
export function wireBytes(puts: number, asked: number): { readonly up: number; readonly down: number } {
  return {
    up: (puts * PUT_CELLS.up + asked * GET_CELLS.up) * CELL_BYTES,
    down: (puts * PUT_CELLS.down + asked * GET_CELLS.down) * CELL_BYTES,
  };
}
