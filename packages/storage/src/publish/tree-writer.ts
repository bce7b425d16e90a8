import { type BlockId, type CryptoProvider, UmbelError } from "@umbel/core";
import { type SealKey, sealChunk, sealKeyOf } from "../block/block.ts";
import type { BlockLane } from "../block/block-network.ts";
import type { ErasureCode } from "../erasure/erasure-code.ts";
import type { Coding } from "../format/coding.ts";
import { encodeIndex } from "../format/index-block.ts";
import { parityMaskKey } from "../format/parity-mask.ts";
import { IDS_PER_INDEX } from "../format/tree-shape.ts";
import { mayCode, type RootTree, TREES, type TreeName, treeLevels } from "../format/trees.ts";
import type { BlockSink } from "./block-sink.ts";
import { SegmentWriter } from "./segment-writer.ts";

/** What every tree of one publish is written with. */
export interface TreeTools {
  readonly crypto: CryptoProvider;
  readonly code: ErasureCode;
  /** `isCodingFor` must hold for the fewest ids that a root has room for, ROOT_SHARED_IDS. */
  readonly coding: Coding;
  readonly sink: BlockSink;
}

/**
 * Takes the leaves of a tree as they come, codes them and builds the coded index above: for each level it holds what
 * `SegmentWriter` holds, and the ids of one index block. By the default coding a level has an 800th of the blocks of the one below.
 */
export class TreeWriter {
  readonly #tools: TreeTools;
  readonly #tree: TreeName;
  readonly #indexKey: SealKey;
  readonly #maskKey: Uint8Array;
  readonly #levels: LevelState[] = [];

  /** Throws BAD_INPUT for a coding that no reader takes. */
  constructor(tools: TreeTools, tree: TreeName, verifyKey: Uint8Array) {
    if (!mayCode(tree, tools.coding)) throw new UmbelError("BAD_INPUT", "files cannot be coded like this");
    this.#tools = tools;
    this.#tree = tree;
    this.#indexKey = sealKeyOf(tools.crypto, verifyKey, "index");
    this.#maskKey = parityMaskKey(tools.crypto, verifyKey, tree);
  }

  /** Leaves so far. */
  get leaves(): number {
    return this.#levels[0]?.blocks ?? 0;
  }

  /** Takes the next leaf, which must not change afterwards. Waits while too many blocks are under way. */
  async addLeaf(block: Uint8Array): Promise<void> {
    await this.#add(0, block);
  }

  /** Codes what is left; what the root says of the tree. There must have been a leaf. */
  async finish(): Promise<RootTree> {
    const { coding } = this.#tools;
    const { leaves } = this;
    const topIds = await this.#finishLevels();
    if (topIds.length !== treeLevels(this.#tree, { leaves, coding }).at(-1)?.ids) {
      throw new UmbelError("INTERNAL", "a tree was written in another shape than it is read in");
    }
    return { leaves, coding, topIds };
  }

  /** Ends each level, up to the first whose ids the root takes. */
  async #finishLevels(): Promise<readonly BlockId[]> {
    for (let level = 0; ; level++) {
      const state = this.#levelAt(level);
      await state.writer.finish();
      const isTop = this.#levels[level + 1] === undefined && state.ids.length <= TREES[this.#tree].topIds;
      if (isTop) return state.ids;
      if (state.ids.length > 0) await this.#sealIndex(level, state.ids.splice(0));
    }
  }

  async #add(level: number, block: Uint8Array): Promise<void> {
    const state = this.#levelAt(level);
    state.blocks++;
    const lane = this.#laneOf(level);
    await state.writer.add(
      block,
      await this.#tools.sink.add(block, lane === "data" ? "data" : "index", lane),
    );
  }

  /** Makes one block of ids of a level, which is the next data block of the level above. */
  async #sealIndex(level: number, ids: readonly BlockId[]): Promise<void> {
    const above = level + 1;
    const position = { kind: TREES[this.#tree].indexKind, level: above, index: this.#levelAt(above).blocks };
    await this.#add(above, sealChunk(this.#tools.crypto, this.#indexKey, position, encodeIndex(ids)));
  }

  #levelAt(level: number): LevelState {
    this.#levels[level] ??= { blocks: 0, ids: [], writer: this.#writerOf(level) };
    return this.#levels[level];
  }

  #writerOf(level: number): SegmentWriter {
    const { crypto, code, coding, sink } = this.#tools;
    const plan = { crypto, code, coding, maskKey: this.#maskKey, level };
    return new SegmentWriter(plan, {
      addParity: (block) => sink.add(block, "parity", this.#laneOf(level)),
      addIds: async (ids) => {
        const state = this.#levelAt(level);
        state.ids.push(...ids);
        while (state.ids.length >= IDS_PER_INDEX) {
          await this.#sealIndex(level, state.ids.splice(0, IDS_PER_INDEX));
        }
      },
    });
  }

  /** Lists of children are as telling as an index. */
  #laneOf(level: number): BlockLane {
    return level === 0 && this.#tree !== "children" ? "data" : "roots";
  }
}

interface LevelState {
  /** Data blocks so far. */
  blocks: number;
  /** Ids of the level that no index block lists yet. */
  readonly ids: BlockId[];
  readonly writer: SegmentWriter;
}
