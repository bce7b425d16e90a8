import { UmbelError } from "@umbel/core";
import { type BlockKind, CHUNK_BYTES, openChunk, type SealKey, sealChunk } from "../block/block.ts";
import { blockIdOf } from "../block/location.ts";
import { createCancellation } from "../service/cancellation.ts";
import type { FetchContext } from "./block-getter.ts";
import { CodedTree, type CodedTreeSource } from "./coded-tree.ts";
import type { KeptBytes } from "./kept-bytes.ts";
import { inOrder } from "./ordered.ts";

/** A tree of sealed chunks. */
export interface TreeSource extends CodedTreeSource {
  readonly leafKind: BlockKind;
  readonly leafKey: SealKey;
  /** Bytes. */
  readonly size: number;
}

/** Reads any range of a tree: every byte that it gives was checked against the root. */
export class TreeReader {
  readonly #context: FetchContext;
  readonly #source: TreeSource;
  readonly #tree: CodedTree;

  constructor(context: FetchContext, source: TreeSource) {
    this.#context = context;
    this.#source = source;
    this.#tree = new CodedTree(context, source);
  }

  /** The bytes from `start` up to `end`, in order. Gets only the blocks that they need, and parity where one is missing. */
  async *range(start: number, end: number): AsyncGenerator<Uint8Array, void, undefined> {
    if (start >= end) return;
    const first = Math.floor(start / CHUNK_BYTES);
    const last = Math.floor((end - 1) / CHUNK_BYTES);
    const stop = createCancellation(this.#context.signal);
    const blocks = this.#tree.dataBlocks(0, last, stop.signal);
    const { ahead } = this.#context;
    let leaf = first;
    try {
      for await (const block of inOrder(first, last, ahead, blocks, stop.signal)) {
        const chunk = this.#open(leaf, block);
        const offset = leaf * CHUNK_BYTES;
        yield chunk.subarray(Math.max(start - offset, 0), Math.min(end - offset, CHUNK_BYTES));
        leaf++;
      }
    } finally {
      stop.cancel();
      stop.release();
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
      if (blockIdOf(crypto, block) !== (await this.#tree.dataId(0, leaf))) return;
      yield bytes;
    }
  }

  #open(leaf: number, block: Uint8Array): Uint8Array {
    const { leafKind, leafKey, size } = this.#source;
    const chunk = openChunk(this.#context.crypto, leafKey, { kind: leafKind, level: 0, index: leaf }, block);
    if (chunk === undefined) {
      throw new UmbelError("CRYPTO_FAILED", `block ${leaf + 1} is not what was published`);
    }
    const used = Math.min(CHUNK_BYTES, size - leaf * CHUNK_BYTES);
    if (used < CHUNK_BYTES && !chunk.subarray(used).every((byte) => byte === 0)) {
      throw new UmbelError("BAD_ENCODING", "the last block of a file cannot be read: padding: not zero");
    }
    return chunk;
  }
}
