import { type FileReference, parseReference } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import { MemoryBlockNetwork } from "../../../../test/support/memory-block-network.ts";
import {
  collect,
  openFile,
  publishBytes,
  publishFiles,
  sampleBytes,
} from "../../../../test/support/publishing.ts";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { verifyKeyOf } from "../../src/block/block.ts";
import { exportBundle } from "../../src/bundle/export-bundle.ts";
import { checkBundle, importBundle } from "../../src/bundle/import-bundle.ts";
import { memoryRecord, sourceOf } from "./bundle-file.ts";

const CHUNK = 32_496;

async function bundled(network: MemoryBlockNetwork, reference: string, parity = true): Promise<Uint8Array> {
  const { rootId, readKey } = parseReference(reference) as FileReference;
  let file = new Uint8Array(0);
  let last = { blocksDone: 0, blocksTotal: 0 };
  await exportBundle({
    ...{ crypto: nodeProvider, random: createSeededRandom("export"), network, signal: undefined, parity },
    target: { rootId, verifyKey: verifyKeyOf(nodeProvider, readKey) },
    async open(bytes) {
      file = new Uint8Array(bytes);
      return { write: async (position, part) => file.set(part, position) };
    },
    progress: (progress) => {
      last = progress;
    },
  });
  expect(last.blocksDone).toBe(last.blocksTotal);
  return file;
}

async function imported(file: Uint8Array): Promise<MemoryBlockNetwork> {
  const network = new MemoryBlockNetwork();
  const source = sourceOf(file);
  await importBundle({ crypto: nodeProvider, network, source, record: memoryRecord(), wanted: 3 });
  return network;
}

describe("a bundle", () => {
  it("carries all of a folder into another network, to the last block", async () => {
    const network = new MemoryBlockNetwork();
    const files = {
      a: sampleBytes(100, "a"),
      b: sampleBytes(3000, "b"),
      c: sampleBytes(31_000, "c"),
      d: sampleBytes(7 * CHUNK, "d"),
    };
    const { reference } = await publishFiles(network, files);
    const file = await bundled(network, reference);
    const other = await imported(file);
    expect(new Set(other.blocks.keys())).toEqual(new Set(network.blocks.keys()));
    expect((await checkBundle(nodeProvider, sourceOf(file))).count).toBe(network.ids().length);
  });

  it("is the same file whatever the order that blocks came in", async () => {
    const network = new MemoryBlockNetwork({ random: createSeededRandom("turns") });
    const { reference } = await publishBytes(network, sampleBytes(9 * CHUNK));
    const first = await bundled(network, reference);
    expect(Buffer.compare(first, await bundled(network, reference))).toBe(0);
  });

  it("without parity holds what is needed to read, and no more", async () => {
    const network = new MemoryBlockNetwork();
    const bytes = sampleBytes(9 * CHUNK);
    const { reference } = await publishBytes(network, bytes);
    const other = await imported(await bundled(network, reference, false));
    expect(other.ids().length).toBe(9 + 1);
    const file = await openFile(other, reference);
    expect(Buffer.compare(await collect(file.content()), bytes)).toBe(0);
  });

  it("holds what was missing in the network, too", async () => {
    const network = new MemoryBlockNetwork();
    const { reference } = await publishBytes(network, sampleBytes(9 * CHUNK));
    const all = new Set(network.blocks.keys());
    const { rootId } = parseReference(reference) as FileReference;
    for (const key of [...all].filter((key) => !key.endsWith(rootId)).slice(3, 7)) network.blocks.delete(key);
    expect(new Set((await imported(await bundled(network, reference))).blocks.keys())).toEqual(all);
  });

  it("is not begun when something cannot be had", async () => {
    const network = new MemoryBlockNetwork();
    const { reference } = await publishBytes(network, sampleBytes(9 * CHUNK));
    const { rootId } = parseReference(reference) as FileReference;
    for (const copy of [0, 1, 2]) network.blocks.delete(`${copy}:${rootId}`);
    await expect(bundled(network, reference)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("holds no key", async () => {
    const network = new MemoryBlockNetwork();
    const { reference } = await publishBytes(network, sampleBytes(2 * CHUNK));
    const { readKey } = parseReference(reference) as FileReference;
    const file = Buffer.from(await bundled(network, reference));
    for (const key of [readKey, verifyKeyOf(nodeProvider, readKey)]) expect(file.indexOf(key)).toBe(-1);
  });
});
