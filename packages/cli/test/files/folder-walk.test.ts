import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readEntry, walkPath } from "../../src/files/folder-walk.ts";

let folder: string;

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), "umbel-test-")), "site");
  await mkdir(join(folder, "b", "c"), { recursive: true });
  await writeFile(join(folder, "b", "c", "deep ü.txt"), "deep");
  await writeFile(join(folder, "a.txt"), "12345");
  await writeFile(join(folder, "Z.txt"), "");
  await writeFile(join(folder, ".hidden"), "h");
});
afterEach(() => rm(join(folder, ".."), { recursive: true }));

describe("walking a path", () => {
  it("lists the files of a folder in order, without hidden ones", async () => {
    const walked = await walkPath(folder, { hidden: false });
    expect(walked).toMatchObject({ kind: "folder", name: "site", skipped: 1 });
    expect(walked.files.map(({ path, bytes }) => [path, bytes])).toEqual([
      ["Z.txt", 0],
      ["a.txt", 5],
      ["b/c/deep ü.txt", 4],
    ]);
  });

  it("takes hidden files when asked to", async () => {
    const { files, skipped } = await walkPath(folder, { hidden: true });
    expect(files.map(({ path }) => path)).toContain(".hidden");
    expect(skipped).toBe(0);
  });

  it("takes a single file", async () => {
    const path = join(folder, "a.txt");
    expect(await walkPath(path, { hidden: false })).toEqual({
      kind: "file",
      name: "a.txt",
      files: [{ path: "a.txt", bytes: 5, modified: expect.any(Number), source: path }],
      skipped: 0,
    });
  });

  it("refuses a symbolic link inside, which could lead anywhere", async () => {
    await symlink("/etc/passwd", join(folder, "b", "link"));
    await expect(walkPath(folder, { hidden: false })).rejects.toMatchObject({
      code: "BAD_INPUT",
      message: expect.stringMatching(/link is a symbolic link/),
    });
  });

  it.skipIf(process.platform === "win32")("refuses a pipe", async () => {
    execFileSync("mkfifo", [join(folder, "pipe")]);
    await expect(walkPath(folder, { hidden: false })).rejects.toMatchObject({ code: "BAD_INPUT" });
  });

  it("names what cannot be read", async () => {
    await expect(walkPath(join(folder, "none"), { hidden: false })).rejects.toMatchObject({
      code: "READ_FAILED",
      message: expect.stringMatching(/^cannot read .*none: there is no such file or folder$/),
    });
  });

  it.each([
    ["grew", "123456789"],
    ["was written anew at the same length", "12345"],
  ])("notices a file that %s before it was read", async (_, content) => {
    const { files } = await walkPath(folder, { hidden: false });
    await writeFile(join(folder, "a.txt"), content);
    await utimes(join(folder, "a.txt"), 1, 1);
    const entry = files.find(({ path }) => path === "a.txt");
    const read = async () => {
      for await (const _ of readEntry(entry as NonNullable<typeof entry>));
    };
    await expect(read()).rejects.toMatchObject({
      code: "READ_FAILED",
      message: expect.stringContaining("changed"),
    });
  });
});
