import { link, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openPartialFile } from "../../src/files/partial-file.ts";
import { openPartialFolder, type PartialFolder } from "../../src/files/partial-folder.ts";

let folder: string;
let target: string;
const bytes = (text: string) => new TextEncoder().encode(text);
const key = bytes("k".repeat(32));
const openFile = (tag = "tag") => openPartialFile(target, { force: false, tag });
const openFolder = (given = key) => openPartialFolder(target, { force: false, tag: "tag", key: given });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "umbel-test-"));
  target = join(folder, "x");
});
afterEach(() => rm(folder, { recursive: true }));

describe("a partial file", () => {
  it("is found again by the same tag alone, and gone on with where the caller says", async () => {
    const first = await openFile();
    await first.write(bytes("half done"));
    expect(await first.keep()).toBe(true);
    const other = await openFile("other");
    expect(other.keptBytes).toBe(0);
    await other.discard();
    const again = await openFile();
    expect(again.keptBytes).toBe(9);
    expect(await again.read(5, 9)).toEqual(bytes("done"));
    await again.startAt(4);
    await again.write(bytes(" whole"));
    await again.finish();
    expect(await readFile(target, "utf8")).toBe("half whole");
    expect(await readdir(folder)).toEqual(["x"]);
  });

  it("leaves nothing when nothing was written", async () => {
    expect(await (await openFile()).keep()).toBe(false);
    expect(await readdir(folder)).toEqual([]);
  });

  it("belongs to one process at a time", async () => {
    const first = await openFile();
    await expect(openFile()).rejects.toMatchObject({
      code: "IN_USE",
      message: expect.stringContaining(target),
    });
    await first.discard();
    await (await openFile()).discard();
  });

  it.each([
    ["a link to another file", symlink],
    ["another name of a file", link],
  ])("is never written through %s", async (_, plant) => {
    const victim = join(folder, "victim");
    await writeFile(victim, "precious");
    await plant(victim, join(folder, ".x.umbel-tag"));
    await expect(openFile()).rejects.toMatchObject({ code: "WRITE_FAILED" });
    expect(await readFile(victim, "utf8")).toBe("precious");
    expect((await readdir(folder)).sort()).toEqual([".x.umbel-tag", "victim"]);
  });
});

describe("a partial folder", () => {
  const write = async (output: PartialFolder, path: string, text: string) => {
    const file = await output.file(path);
    await file.startAt(0);
    await file.write(bytes(text));
    await file.finish();
  };
  const wholeText = async (output: PartialFolder, path: string, size: number) => {
    const whole = await output.whole(path, size);
    if (whole === undefined) return undefined;
    const parts: Uint8Array[] = [];
    for await (const part of whole) parts.push(part);
    return Buffer.concat(parts).toString();
  };

  it("knows the files that were finished, and goes on with one that was not", async () => {
    const first = await openFolder();
    await write(first, "a/one", "one");
    const half = await first.file("a/two");
    await half.write(bytes("tw"));
    expect(await first.keep()).toBe(true);
    await half.discard();
    const again = await openFolder();
    expect(await wholeText(again, "a/one", 3)).toBe("one");
    expect(await wholeText(again, "a/two", 3)).toBeUndefined();
    const two = await again.file("a/two");
    expect(two.keptBytes).toBe(2);
    two.checked(await two.read(0, 2));
    await two.startAt(2);
    await two.write(bytes("o"));
    await two.finish();
    await again.finish();
    expect(await readFile(join(target, "a/two"), "utf8")).toBe("two");
    expect(await readdir(folder)).toEqual(["x"]);
  });

  it("does not take a finished file that was changed, cut, or marked under another key or name", async () => {
    const first = await openFolder();
    for (const path of ["changed", "cut", "fine", "moved"]) await write(first, path, path);
    await first.keep();
    const inside = join(folder, ".x.umbel-tag");
    await writeFile(join(inside, "changed"), "chansed");
    await truncate(join(inside, "cut"), 2);
    await rm(join(inside, "moved"));
    await symlink(join(inside, "fine"), join(inside, "moved"));
    const again = await openFolder();
    expect(await wholeText(again, "changed", 7)).toBeUndefined();
    expect(await wholeText(again, "cut", 3)).toBeUndefined();
    expect(await wholeText(again, "moved", 5)).toBeUndefined();
    expect(await wholeText(again, "fine", 4)).toBe("fine");
    expect(await wholeText(again, "fine", 5)).toBeUndefined();
    await again.keep();
    const stranger = await openFolder(bytes("s".repeat(32)));
    expect(await wholeText(stranger, "fine", 4)).toBeUndefined();
    await stranger.discard();
    expect(await readdir(folder)).toEqual([]);
  });

  it("never writes what is done through a link", async () => {
    const victim = join(folder, "victim");
    await writeFile(victim, "precious");
    await symlink(victim, join(folder, ".x.umbel-tag.done"));
    await expect(openFolder()).rejects.toMatchObject({ code: "WRITE_FAILED" });
    expect(await readFile(victim, "utf8")).toBe("precious");
  });

  it("survives a journal whose last line was cut off", async () => {
    const first = await openFolder();
    await write(first, "one", "one");
    await write(first, "two", "two");
    await first.keep();
    const journal = join(folder, ".x.umbel-tag.done");
    const text = await readFile(journal, "utf8");
    await writeFile(journal, text.slice(0, -3));
    const again = await openFolder();
    expect(await wholeText(again, "one", 3)).toBe("one");
    expect(await wholeText(again, "two", 3)).toBeUndefined();
    await write(again, "two", "two");
    await write(again, "three", "three");
    await again.keep();
    const third = await openFolder();
    expect(await wholeText(third, "one", 3)).toBe("one");
    expect(await wholeText(third, "three", 5)).toBe("three");
    await third.discard();
  });

  it("belongs to one process at a time", async () => {
    const first = await openFolder();
    await expect(openFolder()).rejects.toMatchObject({ code: "IN_USE" });
    await first.discard();
    expect(await readdir(folder)).toEqual([]);
  });
});
