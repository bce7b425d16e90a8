import { BLOCK_BYTES, type BlockId, type CryptoProvider } from "@umbel/core";
import type { ErasureCode } from "../erasure/erasure-code.ts";
import { type Coding, GROUP_SEGMENTS, parityOf } from "../format/coding.ts";
import { type MaskUse, maskParity } from "../format/parity-mask.ts";
import { levelOf, segmentOf } from "../format/segments.ts";

/** What the blocks of one level are coded with. */
export interface SegmentPlan {
  readonly crypto: CryptoProvider;
  readonly code: ErasureCode;
  readonly coding: Coding;
  /** From `parityMaskKey`. */
  readonly maskKey: Uint8Array;
  readonly level: number;
}

/** Where the parity of a level goes, and the ids of all its blocks in the order of the level. */
export interface SegmentOutput {
  addParity(block: Uint8Array): Promise<BlockId>;
  addIds(ids: readonly BlockId[]): Promise<void>;
}

/**
 * Codes the data blocks of one level while they arrive (docs/spec/08-files-and-sites.md, Coding). Since the last two segments
 * share what is left, it holds up to two full ones; with cross segments also one more for each: 8 and 4 MiB by the default coding.
 */
export class SegmentWriter {
  readonly #plan: SegmentPlan;
  readonly #output: SegmentOutput;
  readonly #blocks: Uint8Array[] = [];
  readonly #ids: BlockId[] = [];
  /** Segments that are coded. */
  #coded = 0;
  #data = 0;
  /** Data blocks of the cross segments of this group, not yet masked; one list for each cross segment. */
  #cross: Uint8Array[][] = [];

  constructor(plan: SegmentPlan, output: SegmentOutput) {
    this.#plan = plan;
    this.#output = output;
  }

  /** Takes the next data block, which is on its way already under this id. The array must not change afterwards. */
  async add(block: Uint8Array, id: BlockId): Promise<void> {
    const { coding } = this.#plan;
    this.#blocks.push(block);
    this.#ids.push(id);
    this.#data++;
    if (this.#blocks.length <= 2 * coding.segmentData) return;
    await this.#codeSegment(coding.segmentData, coding.crossSegments);
    if (this.#coded % GROUP_SEGMENTS === 0) await this.#codeCross();
  }

  /** Codes what is left, once. There must have been a block. */
  async finish(): Promise<void> {
    const level = levelOf(this.#data, this.#plan.coding);
    while (this.#coded < level.segments) {
      await this.#codeSegment(segmentOf(level, this.#coded).data, level.cross);
      const isGroupDone = this.#coded % GROUP_SEGMENTS === 0 || this.#coded === level.segments;
      if (isGroupDone && level.cross > 0) await this.#codeCross();
    }
  }

  async #codeSegment(width: number, cross: number): Promise<void> {
    const blocks = this.#blocks.splice(0, width);
    await this.#output.addIds(this.#ids.splice(0, width));
    const segment = this.#coded++;
    await this.#addParity(blocks, "dataParity", segment);
    this.#accumulate(blocks, cross, segment % GROUP_SEGMENTS);
  }

  async #addParity(blocks: readonly Uint8Array[], use: MaskUse, segment: number): Promise<void> {
    const { code, coding } = this.#plan;
    const count = parityOf(coding, blocks.length);
    if (count > 0) await this.#addMasked(code.encode(blocks, count), use, segment);
  }

  /** Masks and sends blocks row by row, and lists them; what was sent. */
  async #addMasked(rows: readonly Uint8Array[], use: MaskUse, segment: number): Promise<Uint8Array[]> {
    const { crypto, maskKey, level } = this.#plan;
    const ids: BlockId[] = [];
    const masked: Uint8Array[] = [];
    for (const [row, block] of rows.entries()) {
      const sent = maskParity(crypto, maskKey, { use, level, segment, row }, block);
      masked.push(sent);
      ids.push(await this.#output.addParity(sent));
    }
    await this.#output.addIds(ids);
    return masked;
  }

  /** Adds a segment to the cross segments of its group, as its column `column`. The first one is the widest. */
  #accumulate(blocks: readonly Uint8Array[], cross: number, column: number): void {
    if (cross === 0) return;
    if (column === 0) {
      this.#cross = Array.from({ length: cross }, () => blocks.map(() => new Uint8Array(BLOCK_BYTES)));
    }
    for (const [row, sums] of this.#cross.entries()) {
      for (const [j, block] of blocks.entries()) {
        this.#plan.code.accumulate(sums[j] as Uint8Array, row, column, block);
      }
    }
  }

  async #codeCross(): Promise<void> {
    const group = Math.ceil(this.#coded / GROUP_SEGMENTS) - 1;
    const cross = this.#cross;
    this.#cross = [];
    for (const [row, sums] of cross.entries()) {
      const segment = group * cross.length + row;
      await this.#addParity(await this.#addMasked(sums, "cross", segment), "crossParity", segment);
    }
  }
}
