import { CHUNK_BYTES, type SealKey, sealChunk, sealKeyOf, verifyKeyOf } from "../block/block.ts";
import { CHILD_BYTES, INLINE_CHILDREN } from "../format/root-geometry.ts";
import type { RootContent } from "../format/root-private.ts";
import { paddedLeaves, type SizeClass } from "../format/size-class.ts";
import { LEAF_KINDS } from "../format/trees.ts";
import { type TreeTools, TreeWriter } from "./tree-writer.ts";

/** How a stream of bytes becomes a tree, and how much of it the root takes. */
interface ContentPlan {
  readonly tree: "content" | "children";
  readonly leafKey: SealKey;
  readonly verifyKey: Uint8Array;
  /** Up to this many bytes stand in the root itself; less than CHUNK_BYTES. */
  readonly inlineBytes: number;
  readonly sizeClass: SizeClass;
}

/** Cuts a stream of bytes into chunks and seals them as the leaves of a tree. Holds one chunk beside what the tree holds. */
export class ContentWriter {
  readonly #tools: TreeTools;
  readonly #plan: ContentPlan;
  readonly #writer: TreeWriter;
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  #held = 0;
  #size = 0;

  constructor(tools: TreeTools, plan: ContentPlan) {
    this.#tools = tools;
    this.#plan = plan;
    this.#writer = new TreeWriter(tools, plan.tree, plan.verifyKey);
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

  /** Seals what is left, and blocks of zeros up to the size class; what the root must say. */
  async finish(): Promise<RootContent> {
    if (this.#size <= this.#plan.inlineBytes) {
      return { kind: "inline", bytes: this.#chunk.slice(0, this.#held) };
    }
    await this.#sealHeld();
    const leaves = paddedLeaves(this.#writer.leaves, this.#plan.sizeClass);
    while (this.#writer.leaves < leaves) await this.#sealHeld();
    return { kind: "tree", size: this.#size, tree: await this.#writer.finish() };
  }

  async #sealHeld(): Promise<void> {
    const { tree, leafKey } = this.#plan;
    const position = { kind: LEAF_KINDS[tree], level: 0, index: this.#writer.leaves };
    const block = sealChunk(this.#tools.crypto, leafKey, position, this.#chunk.subarray(0, this.#held));
    this.#held = 0;
    await this.#writer.addLeaf(block);
  }
}

/** A writer for the content under a read key: up to `inlineBytes` stay in the root. */
export function contentWriter(
  tools: TreeTools,
  readKey: Uint8Array,
  inlineBytes: number,
  sizeClass: SizeClass,
): ContentWriter {
  const { crypto } = tools;
  const verifyKey = verifyKeyOf(crypto, readKey);
  const leafKey = sealKeyOf(crypto, readKey, "data");
  return new ContentWriter(tools, { tree: "content", leafKey, verifyKey, inlineBytes, sizeClass });
}

/** A writer for a folder's list of children, which anybody with the verify key may read. */
export function childrenWriter(tools: TreeTools, verifyKey: Uint8Array): ContentWriter {
  const leafKey = sealKeyOf(tools.crypto, verifyKey, "children");
  const inlineBytes = INLINE_CHILDREN * CHILD_BYTES;
  return new ContentWriter(tools, { tree: "children", leafKey, verifyKey, inlineBytes, sizeClass: "exact" });
}
