import type { BlockId, CryptoProvider } from "@umbel/core";
import { BLOCK_KIND, type BlockKind, CHUNK_BYTES, type SealKey, sealChunk } from "../block/block.ts";
import { encodeIndex } from "../format/index-block.ts";
import type { RootContent } from "../format/root-private.ts";
import { IDS_PER_INDEX } from "../format/tree-shape.ts";
import type { BlockSink } from "./block-sink.ts";

/** What kind of tree, and how much of it the root takes. */
export interface TreePlan {
  readonly leafKind: BlockKind;
  readonly indexKind: BlockKind;
  readonly leafKey: SealKey;
  readonly indexKey: SealKey;
  /** Up to this many bytes stand in the root itself; less than CHUNK_BYTES. */
  readonly inlineBytes: number;
  /** Ids that the root takes. */
  readonly topIds: number;
}

/**
 * Cuts a stream of bytes into blocks and builds the index above them while it flows: holds one chunk and, for each level,
 * the ids of one index block.
 */
export class TreeWriter {
  readonly #crypto: CryptoProvider;
  readonly #sink: BlockSink;
  readonly #plan: TreePlan;
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  #held = 0;
  #size = 0;
  /** Blocks sealed at each level. */
  readonly #sealed: number[] = [];
  /** Ids at each level that no index block lists yet. */
  readonly #pending: BlockId[][] = [];

  constructor(crypto: CryptoProvider, sink: BlockSink, plan: TreePlan) {
    this.#crypto = crypto;
    this.#sink = sink;
    this.#plan = plan;
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#size;
  }

  /** Takes bytes; does not keep the array. Waits while too many blocks are under way. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      if (this.#held === CHUNK_BYTES) await this.#sealHeld();
      const part = bytes.subarray(at, at + CHUNK_BYTES - this.#held);
      this.#chunk.set(part, this.#held);
      this.#held += part.length;
      this.#size += part.length;
      at += part.length;
    }
  }

  /** Seals what is left; what the root must say of the tree. */
  async finish(): Promise<RootContent> {
    if (this.#size <= this.#plan.inlineBytes) {
      return { kind: "inline", bytes: this.#chunk.slice(0, this.#held) };
    }
    await this.#sealHeld();
    return { kind: "tree", size: this.#size, topIds: await this.#closeLevels() };
  }

  async #sealHeld(): Promise<void> {
    await this.#addBlock(0, this.#chunk.subarray(0, this.#held));
    this.#held = 0;
  }

  /** Ends each level with a shorter index block, up to the first whose ids the root takes. */
  async #closeLevels(): Promise<BlockId[]> {
    for (let level = 0; ; level++) {
      const pending = this.#pending[level] ?? [];
      if (this.#sealed[level] === pending.length && pending.length <= this.#plan.topIds) return pending;
      if (pending.length > 0) await this.#sealIndex(level);
    }
  }

  async #addBlock(level: number, chunk: Uint8Array): Promise<void> {
    const { leafKind, indexKind, leafKey, indexKey } = this.#plan;
    const index = this.#sealed[level] ?? 0;
    this.#sealed[level] = index + 1;
    const position = { kind: level === 0 ? leafKind : indexKind, level, index };
    const block = sealChunk(this.#crypto, level === 0 ? leafKey : indexKey, position, chunk);
    const isData = position.kind === BLOCK_KIND.data;
    const id = await this.#sink.add(block, isData ? "data" : "index", isData ? "data" : "roots");
    let pending = this.#pending[level];
    if (pending === undefined) {
      pending = [];
      this.#pending[level] = pending;
    }
    pending.push(id);
    if (pending.length === IDS_PER_INDEX) await this.#sealIndex(level);
  }

  /** Moves the pending ids of a level into an index block of the level above. */
  async #sealIndex(level: number): Promise<void> {
    const chunk = encodeIndex(this.#pending[level] ?? []);
    this.#pending[level] = [];
    await this.#addBlock(level + 1, chunk);
  }
}
