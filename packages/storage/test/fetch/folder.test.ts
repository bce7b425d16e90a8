import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import { fileReference } from "../../../../test/support/file-reference.ts";
import { MemoryBlockNetwork } from "../../../../test/support/memory-block-network.ts";
import { collect, openFolder, publishFiles, sampleBytes } from "../../../../test/support/publishing.ts";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { CHUNK_BYTES } from "../../src/block/block.ts";
import { openPieceReference, openReference } from "../../src/fetch/fetch.ts";
import type { FetchedFolder } from "../../src/fetch/fetched-folder.ts";
import { INLINE_CHILDREN } from "../../src/format/root-geometry.ts";
import { ENTRY_INLINE_BYTES, ENTRY_SHARED_BYTES } from "../../src/format/table-entry.ts";

const SITE: Readonly<Record<string, Uint8Array>> = {
  "index.html": sampleBytes(900, "index"),
  "a b/ü ñ 文.txt": sampleBytes(10, "names"),
  "a b/empty": new Uint8Array(0),
  "a b.txt": sampleBytes(77, "order"),
  "inline limit": sampleBytes(ENTRY_INLINE_BYTES, "limit"),
  "inline limit + 1": sampleBytes(ENTRY_INLINE_BYTES + 1, "above"),
  "pictures/large.bin": sampleBytes(3 * CHUNK_BYTES + 1, "large"),
};

async function filesOf(folder: FetchedFolder): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for await (const entry of folder.entries()) files.set(entry.path, await collect(entry.content()));
  return files;
}

function expectSame(files: Map<string, Uint8Array>, expected: Readonly<Record<string, Uint8Array>>): void {
  expect([...files.keys()].sort()).toEqual(Object.keys(expected).sort());
  for (const [path, bytes] of files) expect(Buffer.compare(bytes, expected[path] as Uint8Array)).toBe(0);
}

function numbered(count: number, bytes: number): Record<string, Uint8Array> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`d${i % 7}/f${i}`, sampleBytes(bytes, i)]),
  );
}

describe("a published folder comes back byte for byte", () => {
  it("with short and long files, and names with spaces and other scripts", async () => {
    const network = new MemoryBlockNetwork({ random: createSeededRandom(3) });
    const result = await publishFiles(network, SITE, { name: "site" });
    const folder = await openFolder(network, result.reference);
    const total = Object.values(SITE).reduce((sum, bytes) => sum + bytes.length, 0);
    expect([folder.name, folder.files, folder.size]).toEqual(["site", 7, total]);
    expect([result.kind, result.files, result.bytes]).toEqual(["folder", 7, total]);
    expectSame(await filesOf(folder), SITE);
  });

  it("without any file", async () => {
    const network = new MemoryBlockNetwork();
    const folder = await openFolder(network, (await publishFiles(network, {})).reference);
    expect((await filesOf(folder)).size).toBe(0);
  });

  it("with a table that the root does not hold", async () => {
    const files = numbered(40, 5000);
    const network = new MemoryBlockNetwork();
    const { reference } = await publishFiles(network, files);
    expect(network.puts.filter(({ lane }) => lane === "data").length).toBeGreaterThan(5);
    expectSame(await filesOf(await openFolder(network, reference)), files);
  });

  it("with more children than the root holds", async () => {
    for (const count of [INLINE_CHILDREN, INLINE_CHILDREN + 1, 520]) {
      const files = numbered(count, ENTRY_SHARED_BYTES + 1);
      const network = new MemoryBlockNetwork();
      const { reference } = await publishFiles(network, files);
      expectSame(await filesOf(await openFolder(network, reference)), files);
    }
  });
});

describe("a folder of which blocks are lost", () => {
  it("is decoded from parity, whichever trees they belong to", async () => {
    const files = { ...numbered(150, 9000), ...SITE };
    for (let i = 0; i < 70; i++) files[`long/${i}`] = sampleBytes(ENTRY_SHARED_BYTES + 1, i);
    const network = new MemoryBlockNetwork();
    const { reference } = await publishFiles(network, files);
    const roots = new Set(network.puts.filter(({ copy }) => copy === 1).map(({ id }) => id));
    const random = createSeededRandom("lost");
    let lost = 0;
    for (const id of network.ids()) {
      if (roots.has(id) || random.fraction() > 0.12) continue;
      network.blocks.delete(`0:${id}`);
      lost++;
    }
    expect(lost).toBeGreaterThan(20);
    expectSame(await filesOf(await openFolder(network, reference)), files);
  });
});

describe("all files of a folder", () => {
  it("are fetched side by side, in order, and a block that several share once", async () => {
    const files = numbered(300, 9000);
    const network = new MemoryBlockNetwork({ random: createSeededRandom(1) });
    const { reference } = await publishFiles(network, files);
    const folder = await openFolder(network, reference);
    network.gets.length = 0;
    network.mostInFlight = 0;
    const read = new Map<string, Uint8Array>();
    for await (const entry of folder.entriesAhead()) read.set(entry.path, await collect(entry.content()));
    expectSame(read, files);
    expect([...read.keys()]).toEqual([...read.keys()].sort());
    expect(network.mostInFlight).toBeGreaterThan(50);
    const ids = network.gets.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("but not those that are not wanted, and none outside of the inner folder that is meant", async () => {
    const network = new MemoryBlockNetwork();
    const files = { ...SITE, "pictures/small.bin": sampleBytes(20_000, "small") };
    const folder = await openFolder(network, (await publishFiles(network, files)).reference);
    network.gets.length = 0;
    const paths: string[] = [];
    const wanted = ({ path }: { path: string }) => !path.includes("large");
    for await (const entry of folder.entriesAhead("pictures", wanted)) paths.push(entry.path);
    expect(paths).toEqual(["pictures/small.bin"]);
    expect(network.gets.length).toBe(1);
  });

  it("stop being fetched when the reader stops", async () => {
    const network = new MemoryBlockNetwork({ random: createSeededRandom(1) });
    const { reference } = await publishFiles(network, numbered(900, 9000));
    const folder = await openFolder(network, reference);
    for await (const _ of folder.entriesAhead()) break;
    expect(network.gets.length).toBeLessThan(network.ids().length / 2);
  });
});

describe("one file of a folder", () => {
  it("is found by its path and read without the others", async () => {
    const network = new MemoryBlockNetwork();
    const folder = await openFolder(network, (await publishFiles(network, SITE)).reference);
    network.gets.length = 0;
    const entry = await folder.entry("pictures/large.bin");
    const bytes = SITE["pictures/large.bin"] as Uint8Array;
    expect(entry?.size).toBe(bytes.length);
    expect(network.gets.length).toBe(0);
    expect(
      await collect(entry?.range(CHUNK_BYTES - 5, CHUNK_BYTES + 5) as AsyncIterable<Uint8Array>),
    ).toEqual(bytes.slice(CHUNK_BYTES - 5, CHUNK_BYTES + 5));
    expect(network.gets.length).toBe(3);
  });

  it("is not found where there is none, and a folder inside is none", async () => {
    const network = new MemoryBlockNetwork();
    const folder = await openFolder(network, (await publishFiles(network, SITE)).reference);
    for (const path of ["nothing", "a b", "a b/", "pictures/large.bin/x", "INDEX.HTML", ""]) {
      expect(await folder.entry(path)).toBeUndefined();
    }
  });

  it("lies in the order of the table: by folder, then by name", async () => {
    const network = new MemoryBlockNetwork();
    const folder = await openFolder(network, (await publishFiles(network, SITE)).reference);
    expect([...(await filesOf(folder)).keys()]).toEqual([
      "a b/empty",
      "a b/ü ñ 文.txt",
      "a b.txt",
      "index.html",
      "inline limit",
      "inline limit + 1",
      "pictures/large.bin",
    ]);
  });
});

describe("altered bytes of a folder never come out", () => {
  it("whichever block is changed", async () => {
    const files = { ...numbered(5, 7000), ...numbered(70, ENTRY_INLINE_BYTES + 1) };
    const network = new MemoryBlockNetwork();
    const { reference } = await publishFiles(network, files);
    const random = createSeededRandom("altered");
    for (const id of network.ids().filter((_, i) => i % 12 === 0)) {
      const lying = new MemoryBlockNetwork({
        onGet: (get) => {
          const block = network.blocks.get(`0:${get.id}`)?.slice();
          const at = Math.floor(random.fraction() * 32_512);
          if (get.id === id && block !== undefined) block[at] = (block[at] as number) ^ 1;
          return block;
        },
      });
      const received = new Map<string, Uint8Array>();
      const attempt = async () => {
        for await (const entry of (await openFolder(lying, reference)).entries()) {
          received.set(entry.path, await collect(entry.content()));
        }
      };
      // Parity and what fills a shared block up are not read; all else is found out.
      await attempt().catch((error) => expect(error).toMatchObject({ code: "CRYPTO_FAILED" }));
      for (const [path, bytes] of received) {
        expect(Buffer.compare(bytes, (files as Record<string, Uint8Array>)[path] as Uint8Array)).toBe(0);
      }
    }
  });
});

describe("a file of a folder", () => {
  it("has a reference of its own, which opens it and nothing else", async () => {
    const network = new MemoryBlockNetwork({ random: createSeededRandom(3) });
    const { reference } = await publishFiles(network, SITE);
    const folder = await openFolder(network, reference);
    const kinds: Record<string, string | undefined> = {};
    for await (const entry of folder.entriesAhead()) {
      const own = await entry.ownReference();
      kinds[entry.path] = own?.kind;
      if (own === undefined) continue;
      expect(own.readKey).not.toEqual(fileReference(reference).readKey);
      const options = { crypto: nodeProvider, random: createSeededRandom(4), network };
      const opened =
        own.kind === "piece"
          ? await openPieceReference({ ...options, reference: own })
          : await openReference({ ...options, reference: own });
      if (opened.kind !== "file") throw new Error("not a file");
      expect(await collect(opened.content())).toEqual(SITE[entry.path]);
    }
    expect(new Set(Object.values(kinds))).toEqual(new Set([undefined, "piece", "file"]));
    expect(kinds["pictures/large.bin"]).toBe("file");
  });
});
