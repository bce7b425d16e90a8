import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CHUNK_BYTES, FILE_INLINE_BYTES } from "@umbel/storage";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sampleBytes } from "../support/publishing.ts";
import { startTestnet, type Testnet } from "../support/umbel-network.ts";
import { temporaryFolder } from "../support/umbel-process.ts";

const REFERENCE_LINE = /^umbel:file-[0-9a-z]{110}\n$/;
const MIB = 1024 * 1024;
let network: Testnet;
const folder = temporaryFolder("round-trip");
const inFolder = (...names: string[]): string => join(folder.path, ...names);

beforeAll(async () => {
  network = await startTestnet();
});
afterAll(async () => {
  await network?.stop();
  folder.remove();
});

/** Publishes by one process and returns the reference, which must stand alone on standard output. */
async function publish(path: string, stdin?: Uint8Array, ...options: string[]): Promise<string> {
  const ended = await network.client(["publish", path, ...options], stdin === undefined ? {} : { stdin });
  expect(ended.stderr).toMatch(/^published .*\n.* copies confirmed\n/);
  expect(ended.code).toBe(0);
  expect(ended.stdout.toString()).toMatch(REFERENCE_LINE);
  return ended.stdout.toString().trim();
}

/** Fetches by one process to `to`, which must be named on standard output. */
async function fetchTo(reference: string, to: string): Promise<void> {
  const ended = await network.client(["fetch", reference, "-o", to]);
  expect(ended.stderr).toMatch(/^fetched .* every byte verified\nsha256 [0-9a-f]{64}\n$/);
  expect(ended).toMatchObject({ code: 0, stdout: Buffer.from(`${to}\n`) });
}

async function writeSample(name: string, size: number): Promise<Uint8Array> {
  const bytes = sampleBytes(size, name);
  mkdirSync(dirname(inFolder(name)), { recursive: true });
  writeFileSync(inFolder(name), bytes);
  return bytes;
}

describe("a file published by one process and fetched by another", () => {
  const sizes = [
    ["0 B", 0],
    ["1 B", 1],
    ["one byte less than fits into the root", FILE_INLINE_BYTES - 1],
    ["what just fits into the root", FILE_INLINE_BYTES],
    ["one byte more than fits into the root", FILE_INLINE_BYTES + 1],
    ["one block less one byte", CHUNK_BYTES - 1],
    ["exactly one block", CHUNK_BYTES],
    ["one block and one byte", CHUNK_BYTES + 1],
    ["1 MiB", MIB],
  ] as const;
  it.for(sizes)("comes back byte for byte: %s", async ([name, size]) => {
    const bytes = await writeSample(`in ${name}`, size);
    const reference = await publish(inFolder(`in ${name}`));
    await fetchTo(reference, inFolder(`out ${name}`));
    expect(Buffer.compare(readFileSync(inFolder(`out ${name}`)), bytes)).toBe(0);
  });

  it.each(["with spaces  and 'quotes' Übergröße-日本語-🌼.txt", "-starts-with-a-dash e\u0301 decomposed"])(
    "gets its name back without -o: %s",
    async (name) => {
      const bytes = await writeSample(`names/${name}`, 1000);
      const reference = await publish(inFolder("names", name));
      mkdirSync(inFolder(`here ${name}`));
      const cwd = inFolder(`here ${name}`);
      const ended = await network.client(["fetch", reference], { cwd });
      expect(ended.code).toBe(0);
      const [only, ...others] = readdirSync(cwd);
      expect(others).toEqual([]);
      expect(only?.normalize("NFC")).toBe(name.normalize("NFC"));
      expect(ended.stdout.toString()).toBe(`${join(cwd, only as string)}\n`);
      expect(Buffer.compare(readFileSync(join(cwd, only as string)), bytes)).toBe(0);
    },
  );
});

it("a folder whose fetch was killed is gone on with, file by file", async () => {
  for (let i = 0; i < 24; i++) await writeSample(`many/${i % 3}/file ${i}`, 700_000 + i);
  const reference = await publish(inFolder("many"));
  mkdirSync(inFolder("many back"));
  const to = inFolder("many back", "copy");
  const args = ["fetch", reference, "-o", to, "--json"];
  const command = network.startClient(args);
  await command.waitFor(({ event, bytesDone }) => event === "progress" && Number(bytesDone) > 400_000);
  command.kill("SIGKILL");
  await command.ended;
  const again = await network.client(args);
  expect(again).toMatchObject({ code: 0, stderr: "" });
  expect(Number(again.events.at(-1)?.keptBytes)).toBeGreaterThan(200_000);
  for (let i = 0; i < 24; i++) {
    const path = join(`${i % 3}`, `file ${i}`);
    expect(readFileSync(join(to, path)).equals(readFileSync(inFolder("many", path)))).toBe(true);
  }
  expect(readdirSync(inFolder("many back"))).toEqual(["copy"]);
});

describe("standard input and output", () => {
  it("publish - takes what is piped in, fetch -o - pipes the same bytes out and nothing else", async () => {
    const bytes = sampleBytes(3 * CHUNK_BYTES + 17, "piped");
    const reference = await publish("-", bytes, "--name", "piped.tar");
    const ended = await network.client(["fetch", reference, "-o", "-"]);
    expect(ended.code).toBe(0);
    expect(Buffer.compare(ended.stdout, bytes)).toBe(0);
  });

  it("publish - takes an empty standard input", async () => {
    const reference = await publish("-", new Uint8Array());
    const ended = await network.client(["fetch", reference, "-o", "-"]);
    expect(ended).toMatchObject({ code: 0, stdout: Buffer.alloc(0) });
  });
});

describe("a folder published by one process and fetched by another", () => {
  const files: Readonly<Record<string, number>> = {
    "index.html": 500,
    "empty file": 0,
    "Bilder und mehr/Ümläut 日本.png": 70_000,
    "a/b/c/d/deep": 1,
    "at/the/own root limit": FILE_INLINE_BYTES,
  };
  let reference = "";

  beforeAll(async () => {
    for (const [name, size] of Object.entries(files)) await writeSample(`site mit Ö/${name}`, size);
    reference = await publish(inFolder("site mit Ö"));
  });

  it("comes back whole, with every name and every byte and nothing more", async () => {
    await fetchTo(reference, inFolder("site back"));
    const found = readdirSync(inFolder("site back"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(inFolder("site back").length + 1));
    expect(found.map((name) => name.normalize("NFC")).sort()).toEqual(Object.keys(files).sort());
    for (const name of found) {
      const before = readFileSync(inFolder("site mit Ö", name));
      expect(Buffer.compare(readFileSync(inFolder("site back", name)), before)).toBe(0);
    }
  });

  it("gives one of its files by the path after the reference, percent-encoded or not", async () => {
    const path = "Bilder und mehr/Ümläut 日本.png";
    const before = readFileSync(inFolder("site mit Ö", path));
    for (const written of [path, path.split("/").map(encodeURIComponent).join("/")]) {
      const ended = await network.client(["fetch", `${reference}/${written}`, "-o", "-"]);
      expect(ended.code).toBe(0);
      expect(Buffer.compare(ended.stdout, before)).toBe(0);
    }
  });

  it("is listed by ls without its files, and a file of it is written out by cat, whole or a range of it", async () => {
    const listed = await network.client(["ls", reference, "-q"]);
    const names = ["Bilder und mehr/", "a/", "at/", "empty file", "index.html"];
    expect(listed).toMatchObject({ code: 0, stdout: Buffer.from(names.map((name) => `${name}\n`).join("")) });
    const inner = await network.client(["ls", `${reference}/at/`, "-R", "--json"]);
    const [path, bytes] = ["the/own root limit", FILE_INLINE_BYTES];
    expect(inner.events.filter(({ event }) => event === "file")).toEqual([{ event: "file", path, bytes }]);
    const whole = readFileSync(inFolder("site mit Ö", "at", path));
    for (const [range, part] of [
      [[], whole],
      [["--range", "1000-1999"], whole.subarray(1000, 2000)],
      [["--range", "-10"], whole.subarray(-10)],
    ] as const) {
      const cat = await network.client(["cat", `${reference}/at/${path}`, ...range]);
      expect(cat).toMatchObject({ code: 0, stderr: "", stdout: Buffer.from(part) });
    }
  });

  it("says in one line that it does not hold a path: exit 3", async () => {
    const ended = await network.client(["fetch", `${reference}/no such thing`, "-o", "-"]);
    expect(ended).toMatchObject({ code: 3, stderr: 'umbel: the folder holds no "no such thing"\n' });
    expect(ended.stdout).toHaveLength(0);
  });

  it("is not poured into standard output: exit 2", async () => {
    const ended = await network.client(["fetch", reference, "-o", "-"]);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(/^umbel: the reference names a folder.*\n$/);
    expect(ended.stdout).toHaveLength(0);
  });
});
