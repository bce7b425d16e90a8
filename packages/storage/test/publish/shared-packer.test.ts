import { BLOCK_BYTES } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import { sampleBytes } from "../../../../test/support/publishing.ts";
import { createErasureCode } from "../../src/erasure/erasure-code.ts";
import { DEFAULT_CODING } from "../../src/format/coding.ts";
import { openPiece, type PiecePlace, pieceBytes } from "../../src/format/piece.ts";
import type { SizeClass } from "../../src/format/size-class.ts";
import { SharedPacker } from "../../src/publish/shared-packer.ts";
import { RecordingSink } from "./recording-sink.ts";

const verifyKey = sampleBytes(32, "verify key");
const code = createErasureCode();

interface SmallFile {
  readonly name: string;
  readonly size: number;
}

const keyOf = ({ name, size }: SmallFile) => sampleBytes(32, `key ${name} ${size}`);
const bytesOf = ({ name, size }: SmallFile) => sampleBytes(size, name);

async function pack(
  files: readonly SmallFile[],
  sizeClass: SizeClass = "exact",
  folderKey: Uint8Array = verifyKey,
  fillerKey?: Uint8Array,
) {
  const sink = new RecordingSink();
  const tools = { crypto: nodeProvider, code, coding: DEFAULT_CODING, sink };
  const packer = new SharedPacker(tools, folderKey, sizeClass, fillerKey);
  const places: PiecePlace[] = [];
  for (const file of files) places.push(await packer.add(keyOf(file), bytesOf(file)));
  const tree = await packer.finish();
  const blocks = sink.blocks.filter(({ purpose }) => purpose === "data").map(({ block }) => block);
  return { places, tree, blocks };
}

/** Small files of a site: sizes of 600 bytes to 13 KB. */
const SITE: readonly SmallFile[] = Array.from({ length: 300 }, (_, i) => ({
  name: `file ${i}`,
  size: 600 + ((i * i * 37) % 12_500),
}));

describe("small files", () => {
  it("come back from the blocks that they share", async () => {
    const { places, tree, blocks } = await pack(SITE);
    expect(tree?.leaves).toBe(blocks.length);
    for (const [i, { block, offset }] of places.entries()) {
      const file = SITE[i] as SmallFile;
      const bytes = openPiece(nodeProvider, keyOf(file), blocks[block] as Uint8Array, offset, file.size);
      if (Buffer.compare(bytes, bytesOf(file)) !== 0) expect.fail(`file ${i} is another`);
    }
  });

  it("stand one behind the other, and fill their blocks to three quarters or more on the whole", async () => {
    const { places, blocks } = await pack(SITE);
    let next: PiecePlace = { block: 0, offset: 0 };
    for (const [i, place] of places.entries()) {
      expect([next, { block: next.block + 1, offset: 0 }]).toContainEqual(place);
      next = { block: place.block, offset: place.offset + pieceBytes(SITE[i]?.size ?? 0) };
    }
    const used = SITE.reduce((sum, { size }) => sum + pieceBytes(size), 0);
    expect(used / (blocks.length * BLOCK_BYTES)).toBeGreaterThan(0.75);
  });

  it("as long as may be, or none, are packed too", async () => {
    const long = Array.from({ length: 3 }, (_, i) => ({ name: `long ${i}`, size: 30 * 1024 }));
    expect((await pack(long)).places).toEqual([0, 1, 2].map((block) => ({ block, offset: 0 })));
    expect(await pack([])).toEqual({ places: [], tree: undefined, blocks: [] });
  });

  it("leave most blocks as they were when one of them changes, grows, goes or is new", async () => {
    const before = new Set((await pack(SITE)).blocks.map((block) => Buffer.from(block).toString("base64")));
    const middle = SITE[150] as SmallFile;
    const changes: Record<string, readonly SmallFile[]> = {
      grows: SITE.with(150, { ...middle, size: middle.size + 5000 }),
      goes: SITE.toSpliced(150, 1),
      joins: SITE.toSpliced(150, 0, { name: "new", size: 3333 }),
    };
    for (const files of Object.values(changes)) {
      const { blocks } = await pack(files);
      const fresh = blocks.filter((block) => !before.has(Buffer.from(block).toString("base64"))).length;
      expect(fresh).toBeLessThanOrEqual(8);
      expect(blocks.length).toBeGreaterThan(40);
    }
  });

  it("hide in more blocks by a size class, all of them different", async () => {
    const { tree, blocks } = await pack(SITE.slice(0, 60), "power");
    expect(tree?.leaves).toBe(16);
    expect(new Set(blocks.map((block) => Buffer.from(block).toString("base64"))).size).toBe(16);
  });

  it("that one secret fills up make equal blocks in two folders only where they are equal, so that empty blocks tie nothing together", async () => {
    const fillerKey = sampleBytes(32, "filler of one person");
    const inFolder = async (files: readonly SmallFile[], folder: string) => {
      const { blocks } = await pack(files, "power", sampleBytes(32, folder), fillerKey);
      return blocks.map((block) => Buffer.from(block).toString("base64"));
    };
    const one = await inFolder(SITE.slice(0, 60), "one");
    const other = new Set(await inFolder(SITE.slice(100, 160), "other"));
    expect(one.filter((block) => other.has(block))).toEqual([]);
    const again = new Set(await inFolder(SITE.slice(0, 60), "another"));
    const kept = one.filter((block) => again.has(block)).length;
    expect(kept).toBeGreaterThan(8);
    expect(kept).toBeLessThan(one.length);
  });
});
