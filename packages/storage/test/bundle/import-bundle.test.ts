import { BLOCK_BYTES } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sampleBlock } from "../../../../test/support/blocks.ts";
import { MemoryBlockNetwork } from "../../../../test/support/memory-block-network.ts";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { type BundleKind, bundleTableBytes } from "../../src/bundle/bundle-format.ts";
import { checkBundle, importBundle } from "../../src/bundle/import-bundle.ts";
import { bundleOf, flipped, memoryRecord, sourceOf, withBlock } from "./bundle-file.ts";

const KINDS: readonly BundleKind[] = ["block", "root", "block", "block", "root", "block"];
const file = bundleOf(KINDS);

function options(network = new MemoryBlockNetwork(), given = file) {
  return { crypto: nodeProvider, network, source: sourceOf(given), record: memoryRecord(), wanted: 3 };
}

describe("an import", () => {
  it("puts every block at its locations, roots last", async () => {
    const network = new MemoryBlockNetwork({ random: createSeededRandom("import") });
    const progress: number[] = [];
    const imported = await importBundle({
      ...options(network),
      progress: ({ blocksDone }) => progress.push(blocksDone),
    });
    expect(imported).toEqual({ blocks: 6, known: 0, confirmations: 4 * 3 + 2 * 9 });
    expect(progress).toEqual([0, 1, 2, 3, 4, 5, 6]);
    for (const [at, kind] of KINDS.entries()) {
      const { id, block } = sampleBlock(at);
      for (const copy of kind === "root" ? [0, 1, 2] : [0]) {
        expect(Buffer.compare(network.blocks.get(`${copy}:${id}`) ?? Buffer.of(), block)).toBe(0);
      }
    }
    const firstRoot = network.puts.findIndex(({ lane }) => lane === "roots");
    expect(firstRoot).toBe(4);
    expect(network.puts.slice(firstRoot).every(({ lane }) => lane === "roots")).toBe(true);
  });

  it("goes on where it was stopped, and puts nothing twice that was confirmed", async () => {
    let left = 3;
    const failing = new MemoryBlockNetwork({ onPut: () => (left-- > 0 ? 3 : 0) });
    const given = options(failing);
    await expect(importBundle(given)).rejects.toMatchObject({ code: "NOT_STORED" });
    const network = new MemoryBlockNetwork();
    const imported = await importBundle({ ...given, network });
    expect(imported.known).toBe(3);
    const before = new Set([...failing.blocks.keys()]);
    expect(network.puts.some(({ copy, id }) => before.has(`${copy}:${id}`))).toBe(false);
    expect(new Set([...before, ...network.blocks.keys()]).size).toBe(4 + 2 * 3);
    expect(given.record.saved.size).toBe(0);
  });

  it("puts everything when what was recorded is of another length", async () => {
    const given = options();
    given.record.load = async () => new Uint8Array(5).fill(0xff);
    expect((await importBundle(given)).known).toBe(0);
  });

  it("puts nothing of a bundle of which one byte is wrong, and says where", async () => {
    const table = bundleTableBytes(KINDS.length);
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length - 1), async (at) => {
        const network = new MemoryBlockNetwork();
        const position = at < table ? /at byte|bundle/ : `at byte ${at - ((at - table) % BLOCK_BYTES)}`;
        await expect(importBundle(options(network, flipped(file, at)))).rejects.toThrow(position);
        expect(network.puts).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it("refuses what is cut short at any byte, or goes on after its end", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length - 1), async (length) => {
        await expect(checkBundle(nodeProvider, sourceOf(file.subarray(0, length)))).rejects.toThrow(
          `cut short, at byte ${length}`,
        );
      }),
      { numRuns: 40 },
    );
    await expect(checkBundle(nodeProvider, sourceOf(Buffer.concat([file, Buffer.of(0)])))).rejects.toThrow(
      `ends at byte ${file.length}`,
    );
  });

  it("does not take a block for another one of the same bundle", async () => {
    const table = bundleTableBytes(KINDS.length);
    const swapped = withBlock(file, table, file.subarray(table + BLOCK_BYTES, table + 2 * BLOCK_BYTES));
    await expect(checkBundle(nodeProvider, sourceOf(swapped))).rejects.toThrow(`at byte ${table}`);
  });

  it("does not take a block for a slot", async () => {
    await expect(checkBundle(nodeProvider, sourceOf(bundleOf(["slot"])))).rejects.toThrow("damaged");
  });

  it("stops when it is told to", async () => {
    const signal = { aborted: true, addEventListener() {}, removeEventListener() {} };
    await expect(importBundle({ ...options(), signal })).rejects.toMatchObject({ code: "ABORTED" });
  });
});
