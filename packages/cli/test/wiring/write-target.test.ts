import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { type FileReference, parseReference, UmbelError } from "@umbel/core";
import type { BlockNetwork } from "@umbel/storage";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MemoryBlockNetwork } from "../../../../test/support/memory-block-network.ts";
import { openText, publishBytes, publishFiles, sampleBytes } from "../../../../test/support/publishing.ts";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { createMeter } from "../../src/wiring/fetch-meter.ts";
import { partialNames } from "../../src/wiring/partial-names.ts";
import { followPath } from "../../src/wiring/reference-target.ts";
import type { WriteOptions } from "../../src/wiring/write-file.ts";
import { writeTarget } from "../../src/wiring/write-target.ts";

const CHUNK_BYTES = 32_496;
const SIZE = 12 * CHUNK_BYTES + 77;
const content = sampleBytes(SIZE, "content");
const files: Record<string, Uint8Array> = {
  "a/inline": sampleBytes(100, 1),
  "a/piece": sampleBytes(20_000, 2),
  "a/piece 2": sampleBytes(25_000, 3),
  "b/long": sampleBytes(7 * CHUNK_BYTES + 5, 4),
  "b/root": sampleBytes(31_000, 5),
  "c/last": sampleBytes(9_000, 6),
};

let folder: string;
let network: MemoryBlockNetwork;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "umbel-test-"));
  network = new MemoryBlockNetwork();
});
afterEach(() => rm(folder, { recursive: true }));

function referenceOf(text: string): FileReference {
  const reference = parseReference(text);
  if (reference.kind !== "file") throw new Error("not a file reference");
  return reference;
}

/** One run of a fetch. */
async function run(over: BlockNetwork, text: string, more: Partial<WriteOptions> = {}) {
  const notes: string[] = [];
  const reference = referenceOf(text);
  const opened = await openText(over, text, { ahead: 4 });
  const target = await followPath(opened, reference.path, "x");
  const meter = createMeter({}, undefined, () => ({ blocks: 0, circuits: 0 }));
  const options: WriteOptions = {
    ...{ output: join(folder, "out"), cwd: folder, force: false, stdout: new PassThrough() },
    onKept: (path) => notes.push(path),
    ...more,
  };
  const attempt = writeTarget(target, reference, options, meter);
  await attempt.catch((error) => {
    throw Object.assign(error, { notes });
  });
  return { meter, sha256: meter.hash.digest("hex"), notes };
}

/** The network as long as `gets` last, then none. */
function dying(gets: number): BlockNetwork {
  let left = gets;
  return {
    get: (get, options) => {
      if (left-- <= 0) return Promise.reject(new UmbelError("NETWORK_UNREACHABLE", "gone"));
      return network.get(get, options);
    },
    put: network.put.bind(network),
    getSlot: network.getSlot.bind(network),
    putSlot: network.putSlot.bind(network),
    close() {},
  };
}

const dataGets = () => network.gets.filter(({ lane }) => lane === "data").length;

async function expectFolder(path: string): Promise<void> {
  for (const [name, bytes] of Object.entries(files)) {
    expect(Buffer.compare(await readFile(join(path, name)), bytes)).toBe(0);
  }
  expect((await readdir(path, { recursive: true })).length).toBe(Object.keys(files).length + 3);
}

describe("an interrupted fetch of a file", () => {
  it("comes to the same bytes, wherever it is interrupted, and fetches no block twice", async () => {
    const { reference } = await publishBytes(network, content);
    const whole = await run(network, reference, { output: join(folder, "whole") });
    for (let gets = 1; gets <= 14; gets++) {
      network.gets.length = 0;
      const first = await run(dying(gets), reference).then(
        () => "whole",
        (error) => error,
      );
      if (first === "whole") break;
      expect(first).toMatchObject({ code: "NETWORK_UNREACHABLE" });
      const partials = (await readdir(folder)).filter((name) => name.startsWith(".out.umbel-"));
      expect(partials.length).toBe(first.notes.length);
      network.gets.length = 0;
      const { meter, sha256 } = await run(network, reference);
      expect(sha256).toBe(whole.sha256);
      expect(Buffer.compare(await readFile(join(folder, "out")), content)).toBe(0);
      expect(await readdir(folder)).toEqual(["out", "whole"]);
      expect(dataGets()).toBe(13 - Math.floor(meter.keptBytes / CHUNK_BYTES));
      await rm(join(folder, "out"));
    }
  });

  it("trusts nothing of what stands in the partial file: bad bytes are cut off at the first bad chunk", async () => {
    const { reference } = await publishBytes(network, content);
    const place = join(folder, "out");
    const { tag } = partialNames(referenceOf(reference), place);
    const damage = fc.record({
      kept: fc.nat(SIZE + 2 * CHUNK_BYTES),
      flip: fc.option(fc.nat(SIZE - 1)),
      lock: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ kept, flip, lock }) => {
        const left = Buffer.concat([content, sampleBytes(2 * CHUNK_BYTES, "garbage")]).subarray(0, kept);
        if (flip !== null && flip < kept) left[flip] = (left[flip] as number) ^ 1;
        await writeFile(join(folder, `.out.umbel-${tag}`), left);
        // Process 4194305 cannot exist on Linux: what kill -9 leaves.
        if (lock) await writeFile(join(folder, `.out.umbel-${tag}.lock`), "4194305 - 00\n");
        const { meter } = await run(network, reference, { force: true });
        expect(Buffer.compare(await readFile(place), content)).toBe(0);
        const good = Math.min(kept, SIZE, flip ?? SIZE);
        expect(meter.keptBytes).toBe(good === SIZE ? SIZE : Math.floor(good / CHUNK_BYTES) * CHUNK_BYTES);
        expect(await readdir(folder)).toEqual(["out"]);
      }),
      { numRuns: 40 },
    );
  });

  it("is not gone on with for another content, another target, or with --no-resume", async () => {
    const { reference } = await publishBytes(network, content);
    const other = await publishBytes(network, content, { random: createSeededRandom("other") });
    await expect(run(dying(9), reference)).rejects.toMatchObject({ code: "NETWORK_UNREACHABLE" });
    const kept = (await readdir(folder))[0];
    expect((await run(network, other.reference)).meter.keptBytes).toBe(0);
    await rm(join(folder, "out"));
    expect((await run(network, reference, { resume: false })).meter.keptBytes).toBe(0);
    await rm(join(folder, "out"));
    expect((await run(network, reference, { output: join(folder, "elsewhere") })).meter.keptBytes).toBe(0);
    expect((await readdir(folder)).sort()).toEqual([kept, "elsewhere"]);
    await expect(run(dying(9), reference, { resume: false, output: join(folder, "y") })).rejects.toThrow();
    expect((await readdir(folder)).sort()).toEqual([kept, "elsewhere"]);
    expect((await run(network, reference)).meter.keptBytes).toBeGreaterThan(0);
  });

  it("leaves nothing when the content itself is broken", async () => {
    const { reference } = await publishBytes(network, content);
    const data = network.puts.filter(({ lane }) => lane === "data");
    const lying = new MemoryBlockNetwork({
      onGet: (get) => network.blocks.get(`0:${get.id === data[5]?.id ? data[6]?.id : get.id}`),
    });
    await expect(run(lying, reference)).rejects.toMatchObject({ code: "CRYPTO_FAILED" });
    expect(await readdir(folder)).toEqual([]);
  });
});

describe("an interrupted fetch of a folder", () => {
  it("comes to the same files, wherever it is interrupted, and fetches no finished file again", async () => {
    const { reference } = await publishFiles(network, files);
    const { sha256 } = await run(network, reference, { output: join(folder, "whole") });
    await expectFolder(join(folder, "whole"));
    let interrupted = 0;
    for (let gets = 1; ; gets++) {
      const ended = await run(dying(gets), reference).then(
        () => true,
        (error) => {
          expect(error).toMatchObject({ code: "NETWORK_UNREACHABLE" });
          return false;
        },
      );
      if (ended) break;
      interrupted++;
      const again = await run(network, reference);
      expect(again.sha256).toBe(sha256);
      await expectFolder(join(folder, "out"));
      expect((await readdir(folder)).sort()).toEqual(["out", "whole"]);
      await rm(join(folder, "out"), { recursive: true });
    }
    expect(interrupted).toBeGreaterThan(5);
  });

  it("many times over, comes to an end, since each run keeps what it got", async () => {
    const { reference } = await publishFiles(network, files);
    let runs = 0;
    for (let done = false; !done; runs++) {
      expect(runs).toBeLessThan(12);
      done = await run(dying(14), reference).then(
        () => true,
        () => false,
      );
    }
    await expectFolder(join(folder, "out"));
    expect(runs).toBeGreaterThan(1);
  });

  it("takes no file on trust", async () => {
    const { reference } = await publishFiles(network, files);
    await expect(run(dying(10), reference)).rejects.toMatchObject({ code: "NETWORK_UNREACHABLE" });
    const partial = join(folder, (await readdir(folder)).find((name) => !name.endsWith(".done")) as string);
    for (const name of ["a/inline", "a/piece"])
      await writeFile(join(partial, name), sampleBytes(100, "other"));
    await mkdir(join(partial, "c"), { recursive: true });
    await writeFile(join(partial, "c/last"), sampleBytes(20_000, "longer than the file"));
    await run(network, reference);
    await expectFolder(join(folder, "out"));
  });
});

describe("a path in a reference", () => {
  it("leads to one file, or to an inner folder", async () => {
    const { reference } = await publishFiles(network, files);
    await run(network, `${reference}/b/long`, { output: join(folder, "long") });
    expect(Buffer.compare(await readFile(join(folder, "long")), files["b/long"] as Uint8Array)).toBe(0);
    const { meter } = await run(network, `${reference}/a/`, { output: join(folder, "a") });
    expect(meter.files).toBe(3);
    expect((await readdir(join(folder, "a"))).sort()).toEqual(["inline", "piece", "piece 2"]);
  });

  it("that leads nowhere says so", async () => {
    const folderText = (await publishFiles(network, files)).reference;
    const fileText = (await publishBytes(network, content)).reference;
    for (const text of [
      `${folderText}/nothing`,
      `${folderText}/a/inline/x`,
      `${folderText}/A`,
      `${fileText}/x`,
    ]) {
      await expect(run(network, text)).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
  });

  it("is followed without the files that it does not name", async () => {
    const { reference } = await publishFiles(network, files);
    network.gets.length = 0;
    await run(network, `${reference}/a/piece`);
    expect(network.gets.length).toBe(2);
  });
});

describe("a range", () => {
  it("is written alone, to a file or to standard output, and never gone on with", async () => {
    const { reference } = await publishBytes(network, content);
    const range = { kind: "from", first: 40_000, last: 40_009 } as const;
    network.gets.length = 0;
    await run(network, reference, { range });
    expect(await readFile(join(folder, "out"))).toEqual(Buffer.from(content.slice(40_000, 40_010)));
    expect(dataGets()).toBe(1);
    const stdout = new PassThrough();
    await run(network, reference, { range: { kind: "last", count: 5 }, output: "-", stdout });
    expect(stdout.read()).toEqual(Buffer.from(content.slice(-5)));
    await expect(
      run(dying(3), reference, { range: { kind: "from", first: 0, last: undefined }, force: true }),
    ).rejects.toThrow();
    expect(await readdir(folder)).toEqual(["out"]);
  });
});
