import { type FileReference, parseReference } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryBlockNetwork } from "../../../../test/support/memory-block-network.ts";
import { publishBytes, publishFiles, sampleBytes, streamOf } from "../../../../test/support/publishing.ts";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { verifyKeyOf } from "../../src/block/block.ts";
import { blockIdOf } from "../../src/block/location.ts";
import { createErasureCode } from "../../src/erasure/erasure-code.ts";
import { openReference } from "../../src/fetch/fetch.ts";
import type { Coding } from "../../src/format/coding.ts";
import { publishContent } from "../../src/publish/publish-file.ts";
import { keysOfSecret } from "../../src/publish/publish-keys.ts";
import { contextOf, repairContent } from "../../src/repair/repair-content.ts";
import { isInPlace, isRestorable, type RepairReport } from "../../src/repair/repair-report.ts";
import { type VerifyTarget, walkVerify } from "../../src/repair/verify-walk.ts";

const readKey = sampleBytes(32, "read key");
/** Segments of at most 4 + 6 blocks: many small ones, so that there are cross segments. */
const SMALL: Coding = { segmentData: 4, segmentParity: 2, crossSegments: 1 };
const CHUNK = 32_496;

interface Published {
  readonly network: MemoryBlockNetwork;
  readonly target: VerifyTarget;
  readonly all: ReadonlyMap<string, Uint8Array>;
}

function targetOf(reference: string): VerifyTarget {
  const { rootId, readKey } = parseReference(reference) as FileReference;
  return { rootId, verifyKey: verifyKeyOf(nodeProvider, readKey) };
}

function published(network: MemoryBlockNetwork, target: VerifyTarget): Published {
  return { network, target, all: new Map(network.blocks) };
}

async function aFile(bytes: number): Promise<Published> {
  const network = new MemoryBlockNetwork();
  const { reference } = await publishBytes(network, sampleBytes(bytes));
  return published(network, targetOf(reference));
}

async function aFileOfSmallSegments(leaves: number): Promise<Published> {
  const network = new MemoryBlockNetwork();
  const put = async (block: Uint8Array, copies: readonly number[]) => {
    const id = blockIdOf(nodeProvider, block);
    for (const copy of copies) network.blocks.set(`${copy}:${id}`, block);
    return id;
  };
  const context = {
    ...{ crypto: nodeProvider, code: createErasureCode(), coding: SMALL, sizeClass: "exact" as const },
    sink: {
      add: (block: Uint8Array) => put(block, [0]),
      addRoot: (block: Uint8Array) => put(block, [0, 1, 2]),
    },
    keys: keysOfSecret(nodeProvider, readKey),
    check() {},
    onRead() {},
  };
  const content = sampleBytes(leaves * CHUNK);
  const { root } = await publishContent(
    context,
    readKey,
    { name: undefined, attributes: {} },
    streamOf(content),
  );
  const rootId = await context.sink.addRoot(root);
  return published(network, { rootId, verifyKey: verifyKeyOf(nodeProvider, readKey) });
}

function repair(
  { network, target }: Published,
  options: { checkOnly?: boolean; progress?: (report: RepairReport) => void } = {},
): Promise<RepairReport> {
  return repairContent(
    {
      ...{ crypto: nodeProvider, random: createSeededRandom("repair"), network, wanted: 3 },
      ...{ checkOnly: false, signal: undefined, ...options },
    },
    target,
  );
}

/** The keys of the blocks of each segment, in the order of the walk. */
async function segmentsOf({ network, target }: Published): Promise<readonly string[][]> {
  const context = contextOf({
    ...{ crypto: nodeProvider, random: createSeededRandom("walk"), network, wanted: 3 },
    ...{ checkOnly: true, signal: undefined },
  });
  const segments: string[][] = [];
  for await (const part of walkVerify(context, target)) {
    if (part.kind !== "segment") continue;
    segments.push((await part.tree.segmentIds(part.level, part.segment)).map((id) => `0:${id}`));
  }
  return segments;
}

function lose({ network }: Published, keys: readonly string[]): void {
  for (const key of keys) network.blocks.delete(key);
}

function expectWhole({ network, all }: Published): void {
  expect(new Set(network.blocks.keys())).toEqual(new Set(all.keys()));
  for (const [key, block] of all)
    expect(Buffer.compare(network.blocks.get(key) as Uint8Array, block)).toBe(0);
}

describe("a repair with the verify key", () => {
  it("looks for every block at each of its locations, and finds that nothing is missing", async () => {
    const file = await aFile(20 * CHUNK);
    const puts = file.network.puts.length;
    const report = await repair(file);
    expect(report).toMatchObject({ checked: file.all.size, total: file.all.size, missing: 0, restored: 0 });
    expect([isInPlace(report), isRestorable(report)]).toEqual([true, true]);
    expect(file.network.puts.length).toBe(puts);
  });

  it("puts back what is missing, whatever it is, byte for byte", async () => {
    const file = await aFile(40 * CHUNK);
    const keys = [...file.all.keys()];
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.nat(keys.length - 1), { maxLength: 12 }), async (lost) => {
        const { rootId } = file.target;
        const gone = lost.map((at) => keys[at] as string).filter((key) => key !== `1:${rootId}`);
        lose(file, gone);
        const report = await repair(file);
        expect(report).toMatchObject({ missing: gone.length, restored: gone.length });
        expect(isInPlace(report)).toBe(true);
        expectWhole(file);
      }),
      { numRuns: 8 },
    );
  });

  it("descends into a folder: table, shared blocks, files of their own", async () => {
    const network = new MemoryBlockNetwork();
    const files: Record<string, Uint8Array> = {};
    for (let at = 0; at < 90; at++) files[`small ${at}`] = sampleBytes(3000 + at, at);
    for (let at = 0; at < 70; at++) files[`large ${at}`] = sampleBytes(31_000, `large ${at}`);
    files.tree = sampleBytes(5 * CHUNK, "tree");
    const folder = published(network, targetOf((await publishFiles(network, files)).reference));
    const random = createSeededRandom("losses");
    const rootKeys = new Set(
      [...folder.all.keys()].filter((key) => key.startsWith("1:")).map((key) => key.slice(2)),
    );
    const isOfRoot = (key: string) => rootKeys.has(key.slice(2));
    lose(
      folder,
      [...folder.all.keys()].filter((key) =>
        isOfRoot(key) ? !key.startsWith("2:") : random.fraction() < 0.1,
      ),
    );
    const report = await repair(folder);
    expect(report.missing).toBeGreaterThan(140);
    expect(report.total).toBe(folder.all.size);
    expect(isInPlace(report)).toBe(true);
    expectWhole(folder);
  });

  it("makes a segment of which nothing is left from the cross segment, and a cross segment from the others", async () => {
    const file = await aFileOfSmallSegments(84);
    const segments = await segmentsOf(file);
    expect(segments.map((keys) => keys.length)).toEqual(new Array(22).fill(6));
    const [first, second, segment] = segments as [string[], string[], string[]];
    const cross = segments.at(-1) as string[];
    for (const gone of [segment, cross]) {
      lose(file, [...gone, first[3] as string, second[5] as string]);
      const report = await repair(file);
      expect(report).toMatchObject({ missing: 8, restored: 8 });
      expectWhole(file);
    }
    lose(file, [...segment, ...cross]);
    expect(await repair(file)).toMatchObject({ missing: 12, restorable: 0 });
  });

  it("only looks when asked to, and says what could be put back", async () => {
    const file = await aFile(10 * CHUNK);
    const [gone] = [...file.all.keys()].filter(
      (key) => key.startsWith("0:") && !key.endsWith(file.target.rootId),
    );
    lose(file, [gone as string, `2:${file.target.rootId}`]);
    const puts = file.network.puts.length;
    const report = await repair(file, { checkOnly: true });
    expect(report).toMatchObject({ missing: 2, restorable: 2, restored: 0 });
    expect([isInPlace(report), isRestorable(report)]).toEqual([false, true]);
    expect(file.network.puts.length).toBe(puts);
    expect(file.network.blocks.has(gone as string)).toBe(false);
  });

  it("says what nobody can put back, and puts back the rest", async () => {
    const file = await aFile(300 * CHUNK);
    const [first, second, third] = (await segmentsOf(file)) as [string[], string[], string[]];
    lose(file, [...first.slice(0, 80), ...second.slice(0, 80), ...third.slice(0, 7)]);
    const report = await repair(file);
    expect(report).toMatchObject({ missing: 167, restorable: 7, restored: 7 });
    expect([isInPlace(report), isRestorable(report)]).toEqual([false, false]);
  });

  it("finds nothing under a root that is gone", async () => {
    const file = await aFile(10 * CHUNK);
    lose(
      file,
      [0, 1, 2].map((copy) => `${copy}:${file.target.rootId}`),
    );
    const report = await repair(file);
    expect(report).toMatchObject({ lostRoots: 1, missing: 3, restorable: 0, total: 3 });
    expect(isRestorable(report)).toBe(false);
  });

  it("counts what too few holders confirmed as not put back", async () => {
    const file = await aFile(10 * CHUNK);
    const weak = new MemoryBlockNetwork({ onPut: () => 2 });
    for (const [key, block] of file.all) weak.blocks.set(key, block);
    weak.blocks.delete(`2:${file.target.rootId}`);
    const report = await repair({ ...file, network: weak });
    expect(report).toMatchObject({ missing: 1, restorable: 1, restored: 0 });
    expect(isInPlace(report)).toBe(false);
  });

  it("asks for index blocks and roots on circuits of their own", async () => {
    const file = await aFile(10 * CHUNK);
    file.network.gets.length = 0;
    await repair(file);
    for (const { id, lane } of file.network.gets)
      expect(lane).toBe(id === file.target.rootId ? "roots" : "data");
  });

  it("cannot read: the verify key does not open what it restored", async () => {
    const file = await aFile(1000);
    const reference = { rootId: file.target.rootId, readKey: file.target.verifyKey };
    const opened = openReference({
      ...{ crypto: nodeProvider, random: createSeededRandom("read"), network: file.network, reference },
    });
    await expect(opened).rejects.toMatchObject({ code: "CRYPTO_FAILED" });
    await expect(repair({ ...file, target: { ...file.target, verifyKey: readKey } })).rejects.toMatchObject({
      code: "CRYPTO_FAILED",
    });
  });

  it("tells how far it is, and stops when it is told to", async () => {
    const file = await aFile(10 * CHUNK);
    const seen: number[] = [];
    await repair(file, { progress: ({ checked }) => seen.push(checked) });
    expect(seen.at(-1)).toBe(file.all.size);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    const signal = { aborted: true, addEventListener() {}, removeEventListener() {} };
    const stopped = repairContent(
      {
        ...{ crypto: nodeProvider, random: createSeededRandom("x"), network: file.network, wanted: 3 },
        ...{ checkOnly: false, signal },
      },
      file.target,
    );
    await expect(stopped).rejects.toMatchObject({ code: "ABORTED" });
  });
});
