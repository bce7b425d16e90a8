import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compareBytes } from "../../src/demo/compare.ts";
import { prepareSample } from "../../src/demo/sample.ts";

let folder: string;
let before: string;
let after: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "umbel-test-"));
  before = await prepareSample(folder, 3);
  after = join(folder, "after");
  await cp(before, after, { recursive: true });
});
afterEach(() => rm(folder, { recursive: true }));

describe("comparing", () => {
  it("finds the sample equal to its copy", async () => {
    const { files, bytes } = await compareBytes(before, after);
    expect(files).toBe(6);
    expect(bytes).toBeGreaterThan(3 * 1024 * 1024);
  });

  it("finds one byte, one missing file, one file too many, one byte too many", async () => {
    const large = Buffer.alloc(3 * 1024 * 1024);
    await writeFile(join(after, "large.bin"), large);
    await expect(compareBytes(before, after)).rejects.toThrow("large.bin differs");
    await cp(before, after, { recursive: true });
    await writeFile(join(after, "style.css"), "x");
    await expect(compareBytes(before, after)).rejects.toThrow("style.css has 1 bytes instead of");
    await rm(join(after, "style.css"));
    await expect(compareBytes(before, after)).rejects.toThrow("6 files went in, 5 came out");
    await writeFile(join(after, "other.css"), "");
    await expect(compareBytes(before, after)).rejects.toThrow("style.css is missing");
  });

  it("finds a file that came back as a folder", async () => {
    await mkdir(join(folder, "x"));
    await expect(compareBytes(join(before, "style.css"), join(folder, "x"))).rejects.toThrow(
      "a file came back as a folder",
    );
  });
});

describe("the sample", () => {
  it("is the same in every run", async () => {
    const other = await prepareSample(after, 3);
    await expect(compareBytes(before, other)).resolves.toMatchObject({ files: 6 });
  });
});
