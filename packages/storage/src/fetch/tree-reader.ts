import { type AbortLike, type BlockId, UmbelError } from "@umbel/core";
import {
  BLOCK_KIND,
  type BlockKind,
  CHUNK_BYTES,
  openChunk,
  type SealKey,
  sealChunk,
} from "../block/block.ts";
import { blockIdOf } from "../block/location.ts";
import { decodeIndex } from "../format/index-block.ts";
import { idPositionOf, type Level } from "../format/segments.ts";
import { IDS_PER_INDEX, idsOfIndexBlock } from "../format/tree-shape.ts";
import { type RootTree, type TreeName, treeLevels } from "../format/trees.ts";
import { INDEX_CACHE_BLOCKS } from "../limits.ts";
import { type FetchContext, getBlock } from "./block-getter.ts";
import type { KeptBytes } from "./content-reader.ts";
import { inOrder } from "./ordered.ts";

/** A tree as its root describes it. */
export interface TreeSource {
  readonly leafKind: BlockKind;
  readonly indexKind: BlockKind;
  readonly leafKey: SealKey;
  readonly indexKey: SealKey;
  /** Bytes. */
  readonly size: number;
  readonly name: TreeName;
  readonly tree: RootTree;
}

/** Reads any range of a tree: every byte that it gives was checked against the root. */
export class TreeReader {
  readonly #context: FetchContext;
  readonly #source: TreeSource;
  readonly #levels: readonly Level[];
  /** Index blocks by "level:index", the oldest first. */
  readonly #index = new Map<string, Promise<readonly BlockId[]>>();

  constructor(context: FetchContext, source: TreeSource) {
    this.#context = context;
    this.#source = source;
    this.#levels = treeLevels(source.name, source.tree);
  }

  /** The bytes from `start` up to `end`, in order. Gets only the blocks that they need. */
  async *range(start: number, end: number): AsyncGenerator<Uint8Array, void, undefined> {
    if (start >= end) return;
    const first = Math.floor(start / CHUNK_BYTES);
    const last = Math.floor((end - 1) / CHUNK_BYTES);
    const { ahead, signal } = this.#context;
    let leaf = first;
    for await (const chunk of inOrder(first, last, ahead, (i, stop) => this.#leaf(i, stop), signal)) {
      const offset = leaf * CHUNK_BYTES;
      yield chunk.subarray(Math.max(start - offset, 0), Math.min(end - offset, CHUNK_BYTES));
      leaf++;
    }
  }

  /**
   * The bytes of `kept` that are those of the tree, up to the first chunk that is not: sealing is deterministic, so a chunk is
   * right when its block has the id that the index says. Gets index blocks alone.
   */
  async *verified(kept: KeptBytes): AsyncGenerator<Uint8Array, void, undefined> {
    const { leafKind, leafKey, size } = this.#source;
    const { crypto, signal } = this.#context;
    for (let leaf = 0; leaf * CHUNK_BYTES < size; leaf++) {
      const end = Math.min((leaf + 1) * CHUNK_BYTES, size);
      if (end > kept.size) return;
      if (signal?.aborted) throw new UmbelError("ABORTED", "the fetch was stopped");
      const bytes = await kept.read(leaf * CHUNK_BYTES, end);
      const block = sealChunk(crypto, leafKey, { kind: leafKind, level: 0, index: leaf }, bytes);
      if (blockIdOf(crypto, block) !== (await this.#idAt(0, leaf))) return;
      yield bytes;
    }
  }

  /** A leaf as it is stored. */
  async leafBlock(leaf: number): Promise<Uint8Array> {
    const what = `block ${leaf + 1} of ${this.#levels[0]?.data}`;
    return getBlock(this.#context, await this.#idAt(0, leaf), "data", what, this.#context.signal);
  }

  async #leaf(leaf: number, signal: AbortLike): Promise<Uint8Array> {
    const { leafKind, leafKey, size } = this.#source;
    const id = await this.#idAt(0, leaf);
    const lane = leafKind === BLOCK_KIND.data ? "data" : "roots";
    const what = `block ${leaf + 1} of ${this.#levels[0]?.data}`;
    const block = await getBlock(this.#context, id, lane, what, signal);
    const chunk = this.#open(leafKey, leafKind, 0, leaf, block);
    const used = Math.min(CHUNK_BYTES, size - leaf * CHUNK_BYTES);
    if (!chunk.subarray(used).every((byte) => byte === 0)) {
      throw new UmbelError("BAD_ENCODING", "the last block of a file cannot be read: padding: not zero");
    }
    return chunk;
  }

  /** The id of a block: from the root, or from the index block above. */
  async #idAt(level: number, index: number): Promise<BlockId> {
    const position = idPositionOf(this.#levels[level] as Level, index);
    const above = Math.floor(position / IDS_PER_INDEX);
    const isTop = level === this.#levels.length - 1;
    const ids = isTop ? this.#source.tree.topIds : await this.#indexBlock(level + 1, above);
    const id = ids[isTop ? position : position - above * IDS_PER_INDEX];
    if (id === undefined) throw new UmbelError("INTERNAL", "an index has fewer ids than its shape");
    return id;
  }

  /** Not bound to the range that asks first: another may be waiting for the same block. */
  async #indexBlock(level: number, index: number): Promise<readonly BlockId[]> {
    const key = `${level}:${index}`;
    const known = this.#index.get(key);
    if (known !== undefined) return known;
    const ids = this.#fetchIndex(level, index);
    this.#index.set(key, ids);
    ids.catch(() => this.#index.delete(key));
    const oldest = this.#index.keys().next();
    if (this.#index.size > INDEX_CACHE_BLOCKS && oldest.done !== true) this.#index.delete(oldest.value);
    return ids;
  }

  async #fetchIndex(level: number, index: number): Promise<readonly BlockId[]> {
    const { indexKind, indexKey } = this.#source;
    const id = await this.#idAt(level, index);
    const what = `index block ${index + 1} of ${this.#levels[level]?.data}`;
    const block = await getBlock(this.#context, id, "roots", what, this.#context.signal);
    const chunk = this.#open(indexKey, indexKind, level, index, block);
    return decodeIndex(chunk, idsOfIndexBlock(this.#levels, level, index));
  }

  #open(key: SealKey, kind: BlockKind, level: number, index: number, block: Uint8Array): Uint8Array {
    const chunk = openChunk(this.#context.crypto, key, { kind, level, index }, block);
    if (chunk === undefined) {
      throw new UmbelError("CRYPTO_FAILED", `block ${index + 1} of level ${level} is not what was published`);
    }
    return chunk;
  }
}
