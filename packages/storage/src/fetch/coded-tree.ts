import { type AbortLike, type BlockId, UmbelError } from "@umbel/core";
import { openChunk, type SealKey, sealKeyOf } from "../block/block.ts";
import { blockIdOf } from "../block/location.ts";
import { GROUP_SEGMENTS } from "../format/coding.ts";
import { decodeIndex } from "../format/index-block.ts";
import { type MaskUse, maskParity, parityMaskKey } from "../format/parity-mask.ts";
import {
  crossSegmentOf,
  idPositionOf,
  type Level,
  type Segment,
  segmentOf,
  segmentOfBlock,
} from "../format/segments.ts";
import { IDS_PER_INDEX, idsOfIndexBlock } from "../format/tree-shape.ts";
import { type RootTree, TREES, type TreeName, treeLevels } from "../format/trees.ts";
import { FETCH_SEGMENTS_KEPT, INDEX_CACHE_BLOCKS } from "../limits.ts";
import { blocksAcross, unlessNotFound } from "./across.ts";
import type { FetchContext } from "./block-getter.ts";
import { SegmentRead } from "./segment-read.ts";

/** A tree of a root, as the public part of the root describes it: all of it is known to who has the verify key. */
export interface CodedTreeSource {
  readonly tree: TreeName;
  readonly root: RootTree;
  /** Of the root, 32 bytes. */
  readonly verifyKey: Uint8Array;
}

export interface RecoverOptions {
  /** Blocks as stored that the caller has already, data first, then parity: they are not asked for. */
  readonly known?: readonly (Uint8Array | undefined)[] | undefined;
  /** False: without the cross segments of the group. */
  readonly across?: boolean | undefined;
  readonly signal?: AbortLike | undefined;
}

/** The data blocks of a level as somebody reads them, in any order; index from 0 within the level. */
export type DataBlocks = (index: number) => Promise<Uint8Array>;

/**
 * A coded tree read with the verify key alone: ids of all blocks, and blocks as they are stored. Everything here throws NOT_FOUND,
 * CRYPTO_FAILED, BAD_ENCODING, ABORTED, NO_PATH, NETWORK_UNREACHABLE.
 */
export class CodedTree {
  /** Level 0 holds the leaves; the ids of the last level stand in the root. Computed, never taken from the network. */
  readonly levels: readonly Level[];
  readonly #context: FetchContext;
  readonly #source: CodedTreeSource;
  readonly #indexKey: SealKey;
  #maskKey: Uint8Array | undefined;
  /** Ids of opened index blocks by "level:index", the oldest first. */
  readonly #index = new Map<string, Promise<readonly BlockId[]>>();
  /** How index blocks are read, by level. */
  readonly #indexBlocks = new Map<number, DataBlocks>();

  constructor(context: FetchContext, source: CodedTreeSource) {
    this.#context = context;
    this.#source = source;
    this.#indexKey = sealKeyOf(context.crypto, source.verifyKey, "index");
    this.levels = treeLevels(source.tree, source.root);
  }

  /** The id of the data block `index` of a level. Gets the index blocks above, decoded from parity where they are missing. */
  dataId(level: number, index: number): Promise<BlockId> {
    return this.#idAt(level, idPositionOf(this.#level(level), index));
  }

  /** The ids of a segment, data first, then parity. */
  async segmentIds(level: number, segment: Segment): Promise<readonly BlockId[]> {
    const ids: BlockId[] = [];
    const count = segment.data + segment.parity;
    for (let position = 0; position < count; position++)
      ids.push(await this.#idAt(level, segment.firstId + position));
    return ids;
  }

  /**
   * Reads data blocks of a level: from their holders, or decoded from the others of their segment where they are not found, or
   * where that is quicker. `upTo`: the last one that the caller is going to ask for. Best asked in ascending order: it holds
   * FETCH_SEGMENTS_KEPT segments.
   */
  dataBlocks(level: number, upTo: number, signal: AbortLike | undefined): DataBlocks {
    const shape = this.#level(level);
    const reads = new Map<number, SegmentRead>();
    return (index) => {
      const segment = segmentOfBlock(shape, index);
      let read = reads.get(segment.index);
      if (read === undefined || read.failed) {
        read = this.#read(level, segment, { upTo: upTo - segment.firstData, signal });
        reads.set(segment.index, read);
        const oldest = reads.keys().next();
        if (reads.size > FETCH_SEGMENTS_KEPT && oldest.done !== true) reads.delete(oldest.value);
      }
      return read.data(index - segment.firstData);
    };
  }

  /**
   * All data blocks of a segment of either kind, decoded where they are missing, each checked against its id. Falls back on the
   * cross segments of the group. Holds the blocks of a few segments.
   */
  recoverSegment(
    level: number,
    segment: Segment,
    options: RecoverOptions = {},
  ): Promise<readonly Uint8Array[]> {
    const { known = [], across, signal } = options;
    const read = this.#read(level, segment, { upTo: segment.data, across, signal });
    read.give(known);
    return read.all();
  }

  /** The parity blocks of a segment as they are stored, from all its data blocks: what repair puts back. */
  parityBlocks(level: number, segment: Segment, data: readonly Uint8Array[]): readonly Uint8Array[] {
    if (segment.parity === 0) return [];
    const use = segment.kind === "data" ? "dataParity" : "crossParity";
    return this.#context
      .erasure()
      .encode(data, segment.parity)
      .map((block, row) => this.#mask(use, level, segment.index, row, block));
  }

  #read(
    level: number,
    segment: Segment,
    options: {
      readonly upTo: number;
      readonly across?: boolean | undefined;
      readonly signal: AbortLike | undefined;
    },
  ): SegmentRead {
    const { signal, across, upTo } = options;
    const lane = level === 0 && this.#source.tree !== "children" ? "data" : "roots";
    const mayCross = across !== false && segment.kind === "data" && this.#level(level).cross > 0;
    const use = segment.kind === "data" ? "dataParity" : "crossParity";
    return new SegmentRead(
      this.#context,
      {
        segment,
        what: this.#nameOf(level, segment),
        idOf: (position) => this.#idAt(level, segment.firstId + position),
        get: (id, stop) => this.#context.network.get({ id, copy: 0, lane }, { signal: stop }),
        unmask: (row, stored) => this.#mask(use, level, segment.index, row, stored),
        across: mayCross
          ? (missing, enough) => this.#across(level, segment, missing, enough, signal)
          : undefined,
      },
      signal,
      upTo,
    );
  }

  #nameOf(level: number, { kind, index, firstData, data }: Segment): string {
    if (kind === "cross") return `the blocks of cross segment ${index + 1}`;
    const what = level === 0 ? "blocks" : "index blocks";
    return `${what} ${firstData + 1} to ${firstData + data} of ${this.#level(level).data}`;
  }

  #across(
    level: number,
    segment: Segment,
    missing: readonly number[],
    enough: number,
    signal: AbortLike | undefined,
  ): Promise<ReadonlyMap<number, Uint8Array>> {
    const shape = this.#level(level);
    const first = segment.group * GROUP_SEGMENTS;
    const options = { upTo: 0, across: false, signal };
    return blocksAcross(
      {
        erasure: this.#context.erasure(),
        segments: Math.min(GROUP_SEGMENTS, shape.segments - first),
        own: segment.index - first,
        rows: shape.cross,
        signal,
        blocksOf: (other, columns) => {
          const there = segmentOf(shape, first + other);
          const read = this.#read(level, there, options);
          const blockOf = async (column: number) =>
            column >= there.data ? null : unlessNotFound(read.data(column));
          return Promise.all(columns.map(blockOf));
        },
        crossOf: (row, columns) => {
          const cross = crossSegmentOf(shape, segment.group * shape.cross + row);
          const read = this.#read(level, cross, options);
          const blockOf = async (column: number) => {
            const stored = await unlessNotFound(read.data(column));
            return stored && this.#mask("cross", level, cross.index, column, stored);
          };
          return Promise.all(columns.map(blockOf));
        },
        isRight: async (column, block) =>
          blockIdOf(this.#context.crypto, block) === (await this.#idAt(level, segment.firstId + column)),
      },
      missing,
      enough,
    );
  }

  #mask(use: MaskUse, level: number, segment: number, row: number, block: Uint8Array): Uint8Array {
    const { crypto } = this.#context;
    this.#maskKey ??= parityMaskKey(crypto, this.#source.verifyKey, this.#source.tree);
    return maskParity(crypto, this.#maskKey, { use, level, segment, row }, block);
  }

  /** The id at a position among all ids of a level: from the root, or from the index block above. */
  async #idAt(level: number, position: number): Promise<BlockId> {
    const isTop = level === this.levels.length - 1;
    const above = Math.floor(position / IDS_PER_INDEX);
    const ids = isTop ? this.#source.root.topIds : await this.#idsIn(level + 1, above);
    const id = ids[isTop ? position : position - above * IDS_PER_INDEX];
    if (id === undefined) throw new UmbelError("INTERNAL", "an index has fewer ids than its shape");
    return id;
  }

  /** Not bound to whoever asks first: another may be waiting for the same block. */
  #idsIn(level: number, index: number): Promise<readonly BlockId[]> {
    const key = `${level}:${index}`;
    const known = this.#index.get(key);
    if (known !== undefined) return known;
    const ids = this.#openIndex(level, index);
    this.#index.set(key, ids);
    ids.catch(() => this.#index.delete(key));
    const oldest = this.#index.keys().next();
    if (this.#index.size > INDEX_CACHE_BLOCKS && oldest.done !== true) this.#index.delete(oldest.value);
    return ids;
  }

  async #openIndex(level: number, index: number): Promise<readonly BlockId[]> {
    const { crypto, signal } = this.#context;
    let blocks = this.#indexBlocks.get(level);
    if (blocks === undefined) {
      blocks = this.dataBlocks(level, 0, signal);
      this.#indexBlocks.set(level, blocks);
    }
    const block = await blocks(index);
    const kind = TREES[this.#source.tree].indexKind;
    const chunk = openChunk(crypto, this.#indexKey, { kind, level, index }, block);
    if (chunk === undefined) {
      throw new UmbelError("CRYPTO_FAILED", `block ${index + 1} of level ${level} is not what was published`);
    }
    return decodeIndex(chunk, idsOfIndexBlock(this.levels, level, index));
  }

  #level(level: number): Level {
    const shape = this.levels[level];
    if (shape === undefined) throw new UmbelError("INTERNAL", `a tree has no level ${level}`);
    return shape;
  }
}
