import { BLOCK_BYTES } from "@umbel/core";
import { SEAL_TAG_BYTES } from "../block/block.ts";
import { fillerKeyOf, type PiecePlace, sealPiece, sharedBlock } from "../format/piece.ts";
import { paddedLeaves, type SizeClass } from "../format/size-class.ts";
import type { RootTree } from "../format/trees.ts";
import { type TreeTools, TreeWriter } from "./tree-writer.ts";

/**
 * Packs the small files of a folder, in the order of its table, into shared blocks. A block ends when the next piece does not
 * fit; or, once it is half full, after a piece whose tag says so. So behind a changed file the blocks soon end where they ended
 * before, and are the same blocks again (docs/decisions/0065-coded-trees.md has the figures). Holds the pieces of one block.
 */
export class SharedPacker {
  readonly #tools: TreeTools;
  readonly #sizeClass: SizeClass;
  readonly #fillerKey: Uint8Array;
  /** Of blocks without a piece: with a key of more than this folder, its empty blocks would be those of all others. */
  readonly #emptyKey: Uint8Array;
  readonly #writer: TreeWriter;
  #pieces: Uint8Array[] = [];
  #used = 0;

  /** `verifyKey` is the folder's; `fillerKey`, which fills up blocks with pieces, comes from it when absent. */
  constructor(tools: TreeTools, verifyKey: Uint8Array, sizeClass: SizeClass, fillerKey?: Uint8Array) {
    this.#tools = tools;
    this.#sizeClass = sizeClass;
    this.#emptyKey = fillerKeyOf(tools.crypto, verifyKey);
    this.#fillerKey = fillerKey ?? this.#emptyKey;
    this.#writer = new TreeWriter(tools, "shared", verifyKey);
  }

  /** Seals a file of up to ENTRY_SHARED_BYTES under its own read key; where it will stand. */
  async add(readKey: Uint8Array, bytes: Uint8Array): Promise<PiecePlace> {
    const piece = sealPiece(this.#tools.crypto, readKey, bytes);
    if (this.#used + piece.length > BLOCK_BYTES) await this.#closeBlock();
    const place = { block: this.#writer.leaves, offset: this.#used };
    this.#pieces.push(piece);
    this.#used += piece.length;
    if (this.#used >= BOUNDARY_FROM_BYTES && isBoundary(piece)) await this.#closeBlock();
    return place;
  }

  /** Closes the last block; what the root must say, or undefined when there was no file. */
  async finish(): Promise<RootTree | undefined> {
    if (this.#used > 0) await this.#closeBlock();
    if (this.#writer.leaves === 0) return undefined;
    const leaves = paddedLeaves(this.#writer.leaves, this.#sizeClass);
    while (this.#writer.leaves < leaves) await this.#closeBlock();
    return this.#writer.finish();
  }

  async #closeBlock(): Promise<void> {
    const number = this.#writer.leaves;
    const key = this.#pieces.length > 0 ? this.#fillerKey : this.#emptyKey;
    const block = sharedBlock(this.#tools.crypto, key, number, this.#pieces);
    this.#pieces = [];
    this.#used = 0;
    await this.#writer.addLeaf(block);
  }
}

/** From here on a block may end before it is full. */
const BOUNDARY_FROM_BYTES = BLOCK_BYTES / 2;

/**
 * True for a piece with the probability that is its share of a block. The tag decides: it is as good as random, and the same for
 * the same file under the same key.
 */
function isBoundary(piece: Uint8Array): boolean {
  const value = new DataView(piece.buffer, piece.byteOffset).getUint16(SEAL_TAG_BYTES - 2);
  return value * BLOCK_BYTES < piece.length * 2 ** 16;
}
