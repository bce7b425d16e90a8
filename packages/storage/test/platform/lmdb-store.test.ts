import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import {
  type BlockStore,
  blockIdBytes,
  createRecordCipher,
  type StoreClaim,
  type StoreOutcome,
} from "@umbel/storage";
import { openLmdbStore } from "@umbel/storage/platform/lmdb-store";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { blockStoreCompliance } from "../../../../test/compliance/block-store.ts";
import { sampleBlock } from "../../../../test/support/blocks.ts";

const newFolder = () => mkdtemp(join(tmpdir(), "umbel-store-"));
const GIB = 2 ** 30;
/** What `put-until-killed.ts` may use when it evicts. */
const EVICTING_BYTES = 400 * 33_280;
const KEYED = { crypto: nodeProvider, key: new Uint8Array(32).fill(7) };

blockStoreCompliance("the LMDB store", async (blocks, cached) => {
  const folder = await newFolder();
  const maxBytes = blocks * 33_500;
  const store = await openLmdbStore({
    folder,
    ...KEYED,
    maxBytes,
    maxCacheBytes: cached * 33_500,
    reserveBytes: 0,
    slackBytes: 0,
  });
  return {
    store,
    maxBytes,
    async dispose() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
});

describe("the LMDB store on disk", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await newFolder();
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const open = (options = {}) =>
    openLmdbStore({ folder, ...KEYED, maxBytes: GIB, reserveBytes: 0, slackBytes: 0, ...options });
  const one = sampleBlock(1);

  it("has its blocks, copies and count after it was opened again", async () => {
    const before = await open();
    await before.put(one.id, 0, one.block);
    await before.put(one.id, 2, one.block);
    await before.close();
    const after = await open();
    expect(Buffer.compare((await after.get(one.id)) ?? Buffer.of(), one.block)).toBe(0);
    expect(after.count()).toBe(1);
    for await (const { copies } of after.entries()) expect(copies).toEqual([0, 2]);
    await after.close();
  });

  it("has every block that it acknowledged before kill -9", async () => {
    const acknowledged: number[] = [];
    for (let round = 0; round < 3; round++) {
      acknowledged.push(...(await putUntilKilled(folder, round * 10_000, 40 + 30 * round)));
      const store = await open();
      for (const number of acknowledged) {
        const { id, block } = sampleBlock(number);
        const found = await store.get(id);
        expect(found && Buffer.compare(found, block), `block ${number}`).toBe(0);
      }
      expect(store.count()).toBeGreaterThanOrEqual(acknowledged.length);
      await store.close();
    }
  });

  it("has what it acknowledged as its own before kill -9 amid evictions, and never more than its quota", async () => {
    const acknowledged: number[] = [];
    for (let round = 0; round < 2; round++) {
      acknowledged.push(...(await putUntilKilled(folder, round * 10_000, 60, "evict")));
      const store = await open({ maxBytes: EVICTING_BYTES, maxCacheBytes: EVICTING_BYTES });
      for (const number of acknowledged) {
        const { id, block } = sampleBlock(number);
        const found = await store.get(id);
        expect(found && Buffer.compare(found, block), `block ${number}`).toBe(0);
      }
      expect(store.usedBytes()).toBeLessThanOrEqual(EVICTING_BYTES);
      let walked = 0;
      for await (const { id } of store.entries()) {
        walked++;
        expect(await store.get(id)).toBeDefined();
      }
      expect(walked).toBe(store.count());
      await store.close();
    }
  });

  it("lies on the disk so that nothing of it can be matched to an id, a block or a copy", async () => {
    const store = await open({ maxCacheBytes: GIB });
    const samples = Array.from({ length: 20 }, (_, number) => sampleBlock(number));
    for (const { id, block } of samples) {
      await store.put(id, 1, block);
      await store.cache(id, block);
    }
    const slotId = sampleBlock(100).id;
    const write = new Map([[0, sampleBlock(101).block]]);
    await store.changeSlot(slotId, { copy: 0, head: new Uint8Array(40).fill(0xab), write, erase: [] });
    await store.close();
    const disk = await readFile(join(folder, "data.mdb"));
    const secret = [...samples, sampleBlock(100), sampleBlock(101)].flatMap(({ id, block }) => [
      Buffer.from(id, "latin1"),
      Buffer.from(blockIdBytes(id)).subarray(0, 16),
      Buffer.from(block.subarray(1000, 1032)),
    ]);
    for (const each of [...secret, Buffer.alloc(40, 0xab)]) expect(disk.includes(each)).toBe(false);
  });

  it("refuses the blocks of another key, and has its own again under the right one", async () => {
    const before = await open();
    await before.put(one.id, 0, one.block);
    await before.close();
    await expect(open({ key: new Uint8Array(32).fill(8) })).rejects.toMatchObject({
      code: "BAD_CONFIG",
      message: expect.stringContaining("another node key"),
    });
    const after = await open();
    expect(await after.has(one.id)).toBe(true);
    await after.close();
  });

  it("gives cached blocks and near misses up where the disk has no more room, and uses their pages", async () => {
    let free = 50_000_000;
    const store = await open({ maxCacheBytes: GIB, reserveBytes: 10_000_000, freeBytes: async () => free });
    for (let number = 0; number < 5; number++) await put(store, number);
    for (let number = 5; number < 10; number++) {
      const { id, block } = sampleBlock(number);
      await store.cache(id, block);
    }
    free = 10_000_000;
    const claim: StoreClaim = { revision: 1, isOurs: ({ id }) => id === one.id || late.has(id) };
    const late = new Set<string>();
    for (let number = 20; number < 29; number++) {
      const { id, block } = sampleBlock(number);
      late.add(id);
      expect(await store.put(id, 0, block, claim)).toBe("stored");
    }
    expect([store.cachedCount(), store.count()]).toEqual([0, 10]);
    expect(await store.has(one.id)).toBe(true);
    const last = sampleBlock(30);
    expect(await store.put(last.id, 0, last.block, claim)).toBe("full");
    await store.close();
  });

  it("keeps its file within the quota, however much comes and goes", async () => {
    const maxBytes = 16 * 2 ** 20;
    const store = await open({ maxBytes, maxCacheBytes: maxBytes, slackBytes: undefined });
    let next = 0;
    const churn = async () => {
      while (next < 1200) {
        const number = next++;
        const { id, block } = sampleBlock(number);
        const claim = { revision: number, isOurs: () => number % 2 === 0 };
        await (number % 3 === 0 ? store.put(id, 0, block, claim) : store.cache(id, block));
      }
    };
    await Promise.all(Array.from({ length: 64 }, churn));
    await store.close();
    expect((await stat(join(folder, "data.mdb"))).size).toBeLessThanOrEqual(maxBytes);
  });

  it("leaves the reserve on the disk: says full before LMDB would meet a full one", async () => {
    let free = 10_000_000;
    const store = await open({ reserveBytes: 9_000_000, freeBytes: async () => free });
    expect(await put(store, 1)).toBe("stored");
    free = 9_033_279;
    expect(await put(store, 2)).toBe("full");
    expect(await put(store, 1)).toBe("known");
    free = 9_033_280;
    expect(await put(store, 3)).toBe("stored");
    await store.close();
    free = 8_999_999;
    await expect(open({ reserveBytes: 9_000_000, freeBytes: async () => free })).rejects.toMatchObject({
      code: "DISK_FULL",
    });
  });

  it("writes its format and refuses a newer one with a line that says what to do", async () => {
    await (await open()).close();
    const file = join(folder, "format");
    const { check } = createRecordCipher(KEYED.crypto, KEYED.key);
    expect(await readFile(file, "utf8")).toBe(`umbel blocks 2 ${check}\n`);
    await writeFile(file, `umbel blocks 3 ${check}\n`);
    await expect(open()).rejects.toMatchObject({
      code: "BAD_CONFIG",
      message: expect.stringContaining("update umbel"),
    });
  });

  it.each(["", "umbel blocks 1\n", "umbel blocks 2\n", "umbel blocks 0\n", "something else\n"])(
    "refuses the format line %j",
    async (line) => {
      await writeFile(join(folder, "format"), line);
      await expect(open()).rejects.toMatchObject({ code: "BAD_CONFIG" });
    },
  );

  it("refuses a folder that holds something else", async () => {
    await writeFile(join(folder, "letter.txt"), "not a store");
    await expect(open()).rejects.toMatchObject({ code: "BAD_CONFIG" });
  });

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ["both headers", (bytes) => bytes.fill(0x5a, 0, 8192)],
    ["the first header", (bytes) => bytes.fill(0x5a, 0, 4096)],
    ["the second header", (bytes) => bytes.fill(0x5a, 4096, 8192)],
    ["its end, far in", (bytes) => bytes.subarray(0, 40_000)],
    ["all but a header", (bytes) => bytes.subarray(0, 5000)],
  ])("refuses a file that lost %s, with a line that says what to do", async (_what, damage) => {
    const store = await open();
    await Promise.all(Array.from({ length: 60 }, (_, at) => put(store, at)));
    await store.close();
    const file = join(folder, "data.mdb");
    await writeFile(file, damage(await readFile(file)));
    await expect(open()).rejects.toMatchObject({
      code: "BAD_CONFIG",
      message: expect.stringContaining("damaged: move"),
    });
  });

  it("says so when the folder cannot be made", async () => {
    await writeFile(join(folder, "file"), "");
    await expect(open({ folder: join(folder, "file", "store") })).rejects.toMatchObject({
      code: "WRITE_FAILED",
    });
  });
});

function put(store: BlockStore, number: number): Promise<StoreOutcome> {
  const { id, block } = sampleBlock(number);
  return store.put(id, 0, block);
}

/** Runs a writer until it acknowledged `count` blocks, kills it at once and returns all it acknowledged. */
async function putUntilKilled(folder: string, from: number, count: number, mode = "put"): Promise<number[]> {
  const loader = fileURLToPath(new URL("../../../../test/support/run-typescript.mjs", import.meta.url));
  const writer = fileURLToPath(new URL("./put-until-killed.ts", import.meta.url));
  const child = spawn(
    process.execPath,
    ["-C", "source", "--import", loader, writer, folder, `${from}`, mode],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let output = "";
  for await (const chunk of child.stdout) {
    output += chunk;
    if (output.split("\n").length > count) child.kill("SIGKILL");
  }
  const lines = output.split("\n").slice(0, -1);
  expect(lines.length).toBeGreaterThanOrEqual(count);
  return lines.map(Number);
}
