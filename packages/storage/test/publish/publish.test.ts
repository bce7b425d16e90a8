import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import { fileReference } from "../../../../test/support/file-reference.ts";
import { MemoryBlockNetwork } from "../../../../test/support/memory-block-network.ts";
import { publishBytes, publishFiles, sampleBytes, streamOf } from "../../../../test/support/publishing.ts";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { BLOCK_KIND, CHUNK_BYTES, openChunk, sealKeyOf } from "../../src/block/block.ts";
import { DEFAULT_CODING, parityOf } from "../../src/format/coding.ts";
import { openRoot } from "../../src/format/root.ts";
import { ENTRY_INLINE_BYTES } from "../../src/format/table-entry.ts";
import { PUBLISH_CONCURRENCY, PUBLISH_WINDOW_BLOCKS, PUT_TRIES } from "../../src/limits.ts";
import type { PublishProgress } from "../../src/publish/publish.ts";

/** Blocks of a segment: data and parity. */
const coded = (data: number): number => data + parityOf(DEFAULT_CODING, data);

describe("publish", () => {
  it("puts the root last, at three locations, and every other block at one", async () => {
    const network = new MemoryBlockNetwork();
    const { reference, ...result } = await publishBytes(network, sampleBytes(5 * CHUNK_BYTES));
    const { rootId } = fileReference(reference);
    const copies = network.puts.map(({ id, copy }) => (id === rootId ? copy : "data"));
    const others = coded(5);
    expect(copies.slice(0, others)).toEqual(Array(others).fill("data"));
    expect(copies.slice(others).sort()).toEqual([0, 1, 2]);
    expect(network.puts.slice(0, others).every(({ copy, lane }) => copy === 0 && lane === "data")).toBe(true);
    expect(network.puts.slice(others).every(({ lane }) => lane === "roots")).toBe(true);
    expect(result).toMatchObject({
      kind: "file",
      files: 1,
      blocks: others + 1,
      puts: others + 3,
      confirmations: 3 * (others + 3),
      leastConfirmed: 3,
    });
  });

  it("puts the root only when every other block is confirmed", async () => {
    const network = new MemoryBlockNetwork({ random: createSeededRandom(2) });
    let confirmed = 0;
    let confirmedAtRoot: number | undefined;
    const counting = {
      get: network.get.bind(network),
      getSlot: async () => undefined,
      putSlot: async () => 0,
      close: () => network.close(),
      put: async (put: Parameters<typeof network.put>[0]) => {
        if (put.lane === "roots") confirmedAtRoot ??= confirmed;
        const holders = await network.put(put);
        confirmed++;
        return holders;
      },
    };
    await publishBytes(counting, sampleBytes(90 * CHUNK_BYTES));
    expect(confirmedAtRoot).toBe(coded(90));
  });

  it("makes a reference that opens what was put, under a key of its own each time", async () => {
    const network = new MemoryBlockNetwork();
    const random = createSeededRandom(1);
    const first = await publishBytes(network, sampleBytes(10), { random });
    const second = await publishBytes(network, sampleBytes(10), { random });
    expect(first.reference).not.toBe(second.reference);
    const { rootId, readKey } = fileReference(first.reference);
    const root = openRoot(nodeProvider, readKey, network.blocks.get(`1:${rootId}`) as Uint8Array);
    expect(root).toMatchObject({ kind: "file", name: undefined, content: { bytes: sampleBytes(10) } });
  });

  it("puts blocks in another order than that of the file", async () => {
    const network = new MemoryBlockNetwork();
    const { reference } = await publishBytes(network, sampleBytes(600 * CHUNK_BYTES));
    const key = sealKeyOf(nodeProvider, fileReference(reference).readKey, "data");
    const order = network.puts.slice(0, 40).map(({ block }) => {
      for (let index = 0; index < 600; index++) {
        if (openChunk(nodeProvider, key, { kind: BLOCK_KIND.data, level: 0, index }, block)) return index;
      }
      return -1;
    });
    expect(order).not.toEqual([...order].sort((a, b) => a - b));
    expect(Math.max(...order)).toBeLessThan(PUBLISH_WINDOW_BLOCKS + 40);
    expect(Math.max(...order)).toBeGreaterThan(PUBLISH_WINDOW_BLOCKS / 2);
  });

  it("keeps several puts in flight, and no more than asked for", async () => {
    const network = new MemoryBlockNetwork({ random: createSeededRandom(1) });
    await publishBytes(network, sampleBytes(400 * CHUNK_BYTES));
    expect(network.mostInFlight).toBeGreaterThan(PUBLISH_CONCURRENCY / 2);
    expect(network.mostInFlight).toBeLessThanOrEqual(PUBLISH_CONCURRENCY);
  });

  it("reads no further ahead than its window while the network is slow", async () => {
    let read = 0;
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const network = new MemoryBlockNetwork();
    const slow = {
      get: network.get.bind(network),
      getSlot: async () => undefined,
      putSlot: async () => 0,
      close: () => network.close(),
      put: async (put: Parameters<typeof network.put>[0]) => {
        await gate;
        return network.put(put);
      },
    };
    const chunk = sampleBytes(CHUNK_BYTES);
    const endless = async function* () {
      for (; read < 1000; read++) yield chunk;
    };
    const publishing = publishBytes(slow, chunk, { source: { kind: "file", read: endless } });
    for (let turn = 0; turn < 2000; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(read).toBeLessThanOrEqual(PUBLISH_WINDOW_BLOCKS + PUBLISH_CONCURRENCY + 2);
    release();
    expect((await publishing).bytes).toBe(1000 * CHUNK_BYTES);
  });
});

describe("a put that too few holders confirm", () => {
  it("is tried again", async () => {
    const tries = new Map<string, number>();
    const network = new MemoryBlockNetwork({
      onPut: ({ id, copy }) => {
        const count = (tries.get(`${copy}:${id}`) ?? 0) + 1;
        tries.set(`${copy}:${id}`, count);
        return count < PUT_TRIES ? 1 : 2;
      },
    });
    const puts = coded(3) + 3;
    const result = await publishBytes(network, sampleBytes(3 * CHUNK_BYTES), { wanted: 2 });
    expect(result).toMatchObject({ puts, leastConfirmed: 2, confirmations: 2 * puts });
    expect([...tries.values()]).toEqual(Array(puts).fill(PUT_TRIES));
  });

  it("ends the publish with NOT_STORED and the counts, without a root", async () => {
    const network = new MemoryBlockNetwork({ onPut: () => 1 });
    await expect(publishBytes(network, sampleBytes(3 * CHUNK_BYTES))).rejects.toMatchObject({
      code: "NOT_STORED",
      message: `a block was confirmed by 1 of the 3 nodes wanted, after 3 tries; 0 of ${coded(3)} blocks are stored`,
    });
    expect(network.puts.every(({ lane }) => lane === "data")).toBe(true);
  });

  it("ends the reading of the source too", async () => {
    const network = new MemoryBlockNetwork({ onPut: () => 0 });
    const chunk = sampleBytes(CHUNK_BYTES);
    let ended = false;
    const endless = async function* () {
      try {
        for (;;) yield chunk;
      } finally {
        ended = true;
      }
    };
    const publishing = publishBytes(network, chunk, { source: { kind: "file", read: endless } });
    await expect(publishing).rejects.toMatchObject({ code: "NOT_STORED" });
    expect(ended).toBe(true);
  });
});

describe("a publish that fails", () => {
  it("passes on what the source throws", async () => {
    const broken = async function* () {
      yield sampleBytes(10);
      throw new Error("the disk is gone");
    };
    const publishing = publishBytes(new MemoryBlockNetwork(), sampleBytes(1), {
      source: { kind: "file", read: broken },
    });
    await expect(publishing).rejects.toThrow("the disk is gone");
  });

  it("rejects with ABORTED when it is aborted", async () => {
    const controller = new AbortController();
    const network = new MemoryBlockNetwork({
      random: createSeededRandom(1),
      onPut: () => {
        controller.abort();
        return 3;
      },
    });
    const publishing = publishBytes(network, sampleBytes(500 * CHUNK_BYTES), { signal: controller.signal });
    await expect(publishing).rejects.toMatchObject({ code: "ABORTED" });
    await expect(publishBytes(network, sampleBytes(1), { signal: controller.signal })).rejects.toMatchObject({
      code: "ABORTED",
    });
  });

  it("refuses names and paths that cannot be published, before any block is put", async () => {
    const network = new MemoryBlockNetwork();
    const one = sampleBytes(1);
    await expect(publishBytes(network, one, { name: "a/b" })).rejects.toMatchObject({ code: "BAD_INPUT" });
    for (const files of [
      { "../x": one },
      { "/x": one },
      { "a\\b": one },
      { "A/x": one, "a/y": one },
      { a: one, "a/b": one },
    ]) {
      await expect(publishFiles(network, files)).rejects.toMatchObject({ code: "BAD_INPUT" });
    }
    expect(network.puts.length).toBe(0);
  });
});

it("a folder whose publish is aborted lets go of the file that it reads", async () => {
  for (const length of [1, ENTRY_INLINE_BYTES + 1]) {
    const controller = new AbortController();
    let ended = false;
    const read = async function* () {
      try {
        for (;;) {
          yield sampleBytes(length);
          controller.abort();
        }
      } finally {
        ended = true;
      }
    };
    const source = { kind: "folder", entries: [{ path: "a", read }] } as const;
    const options = { source, signal: controller.signal };
    await expect(publishBytes(new MemoryBlockNetwork(), sampleBytes(0), options)).rejects.toMatchObject({
      code: "ABORTED",
    });
    expect(ended).toBe(true);
  }
});

it("names and paths are published in Unicode form NFC", async () => {
  const network = new MemoryBlockNetwork();
  const { reference } = await publishBytes(network, sampleBytes(1), { name: "u\u0308.txt" });
  const { rootId, readKey } = fileReference(reference);
  expect(openRoot(nodeProvider, readKey, network.blocks.get(`0:${rootId}`) as Uint8Array).name).toBe(
    "\u00fc.txt",
  );
});

it("progress grows to the whole: bytes read, blocks queued and done", async () => {
  const seen: PublishProgress[] = [];
  const bytes = sampleBytes(5 * CHUNK_BYTES);
  await publishBytes(new MemoryBlockNetwork(), bytes, { progress: (progress) => seen.push(progress) });
  const last = {
    bytesRead: bytes.length,
    bytesTotal: bytes.length,
    blocksDone: coded(5) + 3,
    blocksQueued: coded(5) + 3,
    isComplete: true,
  };
  expect(seen.at(-1)).toEqual(last);
  for (const field of ["bytesRead", "blocksDone", "blocksQueued"] as const) {
    const values = seen.map((progress) => progress[field]);
    expect(values).toEqual([...values].sort((a, b) => a - b));
  }
});

it("progress knows no total for an input of unknown length, until it ends", async () => {
  const seen: PublishProgress[] = [];
  const read = () => streamOf(sampleBytes(10), 5);
  const source = { kind: "file", read } as const;
  await publishBytes(new MemoryBlockNetwork(), sampleBytes(0), {
    source,
    progress: (event) => seen.push(event),
  });
  expect([seen[0]?.bytesTotal, seen.at(-1)?.bytesTotal]).toEqual([undefined, 10]);
});
