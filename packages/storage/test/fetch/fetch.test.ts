import { type AbortLike, BLOCK_BYTES, UmbelError } from "@umbel/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryBlockNetwork } from "../../../../test/support/memory-block-network.ts";
import {
  collect,
  openFile,
  openText,
  publishBytes,
  sampleBytes,
} from "../../../../test/support/publishing.ts";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { CHUNK_BYTES } from "../../src/block/block.ts";
import type { BlockNetwork } from "../../src/block/block-network.ts";
import { DEFAULT_CODING, parityOf } from "../../src/format/coding.ts";
import { FILE_INLINE_BYTES } from "../../src/format/root-geometry.ts";
import { treeLevels } from "../../src/format/trees.ts";
import { FETCH_WINDOW_BLOCKS, GET_TRIES } from "../../src/limits.ts";

/** The most leaves whose ids stand in the root. */
const LEAVES_IN_ROOT = 640;
/** One level of index blocks. */
const LEAVES_WITH_INDEX = 1020;

const SIZES: Readonly<Record<string, number>> = {
  "0": 0,
  "1": 1,
  "inline limit - 1": FILE_INLINE_BYTES - 1,
  "inline limit": FILE_INLINE_BYTES,
  "inline limit + 1": FILE_INLINE_BYTES + 1,
  "chunk - 1": CHUNK_BYTES - 1,
  chunk: CHUNK_BYTES,
  "chunk + 1": CHUNK_BYTES + 1,
  "two chunks": 2 * CHUNK_BYTES,
  "1 MiB": 2 ** 20,
  "128 blocks": 128 * CHUNK_BYTES,
  "128 blocks and a byte": 128 * CHUNK_BYTES + 1,
  "as many blocks as the root lists": LEAVES_IN_ROOT * CHUNK_BYTES,
  "one byte more than the root lists": LEAVES_IN_ROOT * CHUNK_BYTES + 1,
  "1020 blocks": LEAVES_WITH_INDEX * CHUNK_BYTES,
};

it("the sizes above stand on either side of an index level", () => {
  const levels = (leaves: number) => treeLevels("content", { leaves, coding: DEFAULT_CODING }).length;
  expect([LEAVES_IN_ROOT, LEAVES_IN_ROOT + 1, LEAVES_WITH_INDEX].map(levels)).toEqual([1, 2, 2]);
});

describe("a published file comes back byte for byte", () => {
  for (const [title, size] of Object.entries(SIZES)) {
    it(`of ${title} bytes`, async () => {
      const network = new MemoryBlockNetwork();
      const bytes = sampleBytes(size);
      const { reference, ...result } = await publishBytes(network, bytes, { name: "a file.bin" });
      const file = await openFile(network, reference);
      expect([file.name, file.size, result.bytes]).toEqual(["a file.bin", size, size]);
      expect(Buffer.compare(await collect(file.content()), bytes)).toBe(0);
      expect(network.ids().length).toBe(result.blocks);
      expect(network.puts.length).toBe(result.puts);
    });
  }

  it("of any size and any cut of the input, when answers overtake each other", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(6 * CHUNK_BYTES), fc.integer({ min: 1, max: 90_000 }), async (size, cut) => {
        const network = new MemoryBlockNetwork({ random: createSeededRandom(size) });
        const bytes = sampleBytes(size, size);
        const read = async function* () {
          for (let at = 0; at < size; at += cut) yield bytes.subarray(at, at + cut);
        };
        const { reference } = await publishBytes(network, bytes, { source: { kind: "file", read } });
        const file = await openFile(network, reference, { ahead: 3 });
        expect(Buffer.compare(await collect(file.content()), bytes)).toBe(0);
      }),
      { numRuns: 20 },
    );
  });
});

describe("a range", () => {
  it("equals the slice, and takes only the blocks that it needs", async () => {
    const network = new MemoryBlockNetwork();
    const bytes = sampleBytes(9 * CHUNK_BYTES + 5);
    const file = await openFile(network, (await publishBytes(network, bytes)).reference);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length), fc.nat(bytes.length), async (a, b) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)];
        network.gets.length = 0;
        expect(Buffer.compare(await collect(file.range(start, end)), bytes.subarray(start, end))).toBe(0);
        const needed =
          start === end ? 0 : Math.floor((end - 1) / CHUNK_BYTES) - Math.floor(start / CHUNK_BYTES) + 1;
        expect(network.gets.length).toBe(needed);
      }),
      { numRuns: 60 },
    );
  });

  it("behind an index block takes that index block once", async () => {
    const network = new MemoryBlockNetwork();
    const bytes = sampleBytes(LEAVES_WITH_INDEX * CHUNK_BYTES);
    const file = await openFile(network, (await publishBytes(network, bytes)).reference);
    network.gets.length = 0;
    const start = 1000 * CHUNK_BYTES + 7;
    expect(
      Buffer.compare(
        await collect(file.range(start, start + 4 * CHUNK_BYTES)),
        bytes.subarray(start, start + 4 * CHUNK_BYTES),
      ),
    ).toBe(0);
    expect(network.gets.filter(({ lane }) => lane === "roots").length).toBe(1);
    expect(network.gets.filter(({ lane }) => lane === "data").length).toBe(5);
  });

  it("outside of the file is refused", async () => {
    const network = new MemoryBlockNetwork();
    const file = await openFile(network, (await publishBytes(network, sampleBytes(10))).reference);
    for (const [start, end] of [
      [0, 11],
      [-1, 3],
      [4, 3],
      [0.5, 1],
    ] as const) {
      expect(() => file.range(start, end)).toThrowError(expect.objectContaining({ code: "BAD_INPUT" }));
    }
  });

  it("of an inline file equals the slice", async () => {
    const network = new MemoryBlockNetwork();
    const bytes = sampleBytes(1000);
    const file = await openFile(network, (await publishBytes(network, bytes)).reference);
    expect(await collect(file.range(10, 20))).toEqual(bytes.slice(10, 20));
  });
});

describe("altered bytes never come out", () => {
  it("whichever byte of whichever block is changed", async () => {
    const network = new MemoryBlockNetwork();
    const bytes = sampleBytes(LEAVES_IN_ROOT * CHUNK_BYTES + 1);
    const { reference } = await publishBytes(network, bytes);
    await collect((await openFile(network, reference)).content());
    const read = new Set(network.gets.map(({ id }) => `${id}`));
    const keys = [...network.blocks.keys()].filter((key) => read.has(key.slice(2)));
    const roots = keys.filter((key) => key[0] !== "0").map((key) => key.slice(2));
    const pick = fc.oneof(fc.constantFrom(...roots.map((id) => `0:${id}`)), fc.constantFrom(...keys));
    await fc.assert(
      fc.asyncProperty(
        pick,
        fc.nat(BLOCK_BYTES - 1),
        fc.integer({ min: 1, max: 255 }),
        async (key, at, xor) => {
          const changed = network.blocks.get(key)?.slice() as Uint8Array;
          changed[at] = (changed[at] as number) ^ xor;
          const lying = new MemoryBlockNetwork({
            onGet: ({ id }) => (key.endsWith(id) ? changed : network.blocks.get(`0:${id}`)),
          });
          const received: Uint8Array[] = [];
          const attempt = async () => {
            for await (const part of (await openFile(lying, reference)).content()) received.push(part);
          };
          await expect(attempt()).rejects.toMatchObject({ code: "CRYPTO_FAILED" });
          const out = Buffer.concat(received);
          expect(out.compare(bytes, 0, out.length)).toBe(0);
          expect(out.length).toBeLessThan(bytes.length);
        },
      ),
      { numRuns: 8 },
    );
  });

  it("when a block of the same file is delivered in the place of another", async () => {
    const network = new MemoryBlockNetwork();
    const { reference } = await publishBytes(network, sampleBytes(3 * CHUNK_BYTES));
    const data = network.puts.filter(({ lane }) => lane === "data");
    const lying = new MemoryBlockNetwork({
      onGet: (get) => network.blocks.get(`0:${get.lane === "data" ? data[0]?.id : get.id}`),
    });
    const file = await openFile(lying, reference);
    await expect(collect(file.content())).rejects.toMatchObject({ code: "CRYPTO_FAILED" });
  });

  it("when the root of another file is delivered", async () => {
    const network = new MemoryBlockNetwork();
    const { reference } = await publishBytes(network, sampleBytes(5));
    await publishBytes(network, sampleBytes(6), { random: createSeededRandom("other") });
    const other = network.puts.at(-1)?.block;
    const lying = new MemoryBlockNetwork({ onGet: () => other });
    await expect(openText(lying, reference)).rejects.toMatchObject({ code: "CRYPTO_FAILED" });
  });
});

describe("the network is asked", () => {
  it("for roots at other locations when one has nothing", async () => {
    for (const copy of [0, 1, 2]) {
      const network = new MemoryBlockNetwork();
      const { reference } = await publishBytes(network, sampleBytes(5));
      for (const key of [...network.blocks.keys()])
        if (!key.startsWith(`${copy}:`)) network.blocks.delete(key);
      expect((await openFile(network, reference)).size).toBe(5);
    }
  });

  it("a few times for each block, and then it says how many are missing and what to do", async () => {
    const network = new MemoryBlockNetwork();
    const { reference } = await publishBytes(network, sampleBytes(5 * CHUNK_BYTES));
    const data = network.puts.filter(({ lane }) => lane === "data").map(({ id }) => id);
    const parity = parityOf(DEFAULT_CODING, 5);
    expect(data.length).toBe(5 + parity);
    for (const id of data.slice(0, parity + 2)) network.blocks.delete(`0:${id}`);
    const file = await openFile(network, reference);
    await expect(collect(file.content())).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringMatching(
        /^2 too few of blocks 1 to 5 of 5 were found in the network \(3 of the 5 that are needed\), after 3 tries; try again later; umbel repair /,
      ),
    });
    expect(network.gets.filter(({ id }) => id === data[0]).length).toBe(GET_TRIES);
  });

  it("for parity when blocks are missing, and every byte still comes out right", async () => {
    const network = new MemoryBlockNetwork({ random: createSeededRandom(1) });
    const bytes = sampleBytes(400 * CHUNK_BYTES - 9);
    const { reference } = await publishBytes(network, bytes);
    const random = createSeededRandom("lost");
    for (const { id, lane } of network.puts) {
      if (lane === "data" && random.fraction() < 0.08) network.blocks.delete(`0:${id}`);
    }
    const file = await openFile(network, reference);
    expect(Buffer.compare(await collect(file.content()), bytes)).toBe(0);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length), fc.nat(bytes.length), async (a, b) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)];
        expect(Buffer.compare(await collect(file.range(start, end)), bytes.subarray(start, end))).toBe(0);
      }),
      { numRuns: 10 },
    );
  });

  it("again when a block was not found the first time", async () => {
    const network = new MemoryBlockNetwork();
    const bytes = sampleBytes(5 * CHUNK_BYTES);
    const { reference } = await publishBytes(network, bytes);
    const tried = new Set<string>();
    const forgetful = new MemoryBlockNetwork({
      onGet: ({ id }) => (tried.has(id) ? network.blocks.get(`0:${id}`) : void tried.add(id)),
    });
    expect(Buffer.compare(await collect((await openFile(forgetful, reference)).content()), bytes)).toBe(0);
  });

  it("for a missing root at each location, and then it says so", async () => {
    const network = new MemoryBlockNetwork();
    const { reference } = await publishBytes(network, sampleBytes(5));
    network.blocks.clear();
    await expect(openText(network, reference)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(network.gets.map(({ copy }) => copy).sort()).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2]);
  });

  it("for many blocks at once, never for more than the window", async () => {
    const network = new MemoryBlockNetwork({ random: createSeededRandom(1) });
    const { reference } = await publishBytes(network, sampleBytes(300 * CHUNK_BYTES));
    network.mostInFlight = 0;
    await collect((await openFile(network, reference)).content());
    expect(network.mostInFlight).toBeGreaterThan(FETCH_WINDOW_BLOCKS / 2);
    expect(network.mostInFlight).toBeLessThanOrEqual(FETCH_WINDOW_BLOCKS);
  });

  it("for index blocks and roots on a lane that carries no data block", async () => {
    const network = new MemoryBlockNetwork();
    const { reference } = await publishBytes(network, sampleBytes(700 * CHUNK_BYTES));
    const laneOf = new Map(network.puts.map(({ id, lane }) => [id, lane]));
    await collect((await openFile(network, reference)).content());
    expect(network.gets.every(({ id, lane }) => laneOf.get(id) === lane)).toBe(true);
    expect(network.gets.filter(({ lane }) => lane === "roots").length).toBe(2);
  });

  it("no more once the reader stops", async () => {
    const network = new MemoryBlockNetwork({ random: createSeededRandom(1) });
    const { reference } = await publishBytes(network, sampleBytes(50 * CHUNK_BYTES));
    const file = await openFile(network, reference, { ahead: 4 });
    network.gets.length = 0;
    for await (const _ of file.content()) break;
    expect(network.gets.length).toBeLessThanOrEqual(5);
  });
});

it("a reader that stops cancels the gets that are under way", async () => {
  const network = new MemoryBlockNetwork();
  const { reference } = await publishBytes(network, sampleBytes(50 * CHUNK_BYTES));
  const signals: (AbortLike | undefined)[] = [];
  let data = 0;
  const watched: BlockNetwork = {
    get: (get, options) => {
      if (get.lane === "roots" || data++ === 0) return network.get(get, options);
      signals.push(options?.signal);
      return new Promise((_, reject) =>
        options?.signal?.addEventListener("abort", () => reject(new UmbelError("ABORTED", "stopped"))),
      );
    },
    put: network.put.bind(network),
    getSlot: network.getSlot.bind(network),
    putSlot: network.putSlot.bind(network),
    close: () => network.close(),
  };
  const file = await openFile(watched, reference, { ahead: 4 });
  for await (const _ of file.content()) {
    expect(signals.map((signal) => signal?.aborted)).toEqual(Array(3).fill(false));
    break;
  }
  expect(signals.map((signal) => signal?.aborted)).toEqual(Array(3).fill(true));
});

it("an aborted fetch rejects with ABORTED", async () => {
  const network = new MemoryBlockNetwork({ random: createSeededRandom(1) });
  const { reference } = await publishBytes(network, sampleBytes(50 * CHUNK_BYTES));
  const controller = new AbortController();
  const file = await openFile(network, reference, { signal: controller.signal, ahead: 4 });
  const reading = async () => {
    for await (const _ of file.content()) controller.abort();
  };
  await expect(reading()).rejects.toMatchObject({ code: "ABORTED" });
  await expect(openText(network, reference, { signal: controller.signal })).rejects.toMatchObject({
    code: "ABORTED",
  });
});

it("progress counts the blocks that arrived", async () => {
  const network = new MemoryBlockNetwork();
  const { reference } = await publishBytes(network, sampleBytes(5 * CHUNK_BYTES));
  const counts: number[] = [];
  const file = await openFile(network, reference, { progress: (blocks) => counts.push(blocks) });
  await collect(file.content());
  expect(counts).toEqual([1, 2, 3, 4, 5, 6]);
});
