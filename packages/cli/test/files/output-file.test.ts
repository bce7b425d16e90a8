import { existsSync, statSync } from "node:fs";
import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createStreamOutput, openDevice } from "../../src/files/output-file.ts";
import { openPartialFile } from "../../src/files/partial-file.ts";
import { openPartialFolder } from "../../src/files/partial-folder.ts";

let folder: string;
const bytes = (text: string) => new TextEncoder().encode(text);

const key = new Uint8Array(32);
const openFile = (target: string, { force }: { force: boolean }) =>
  openPartialFile(target, { force, tag: "tag" });
const openFolder = (target: string, { force }: { force: boolean }) =>
  openPartialFolder(target, { force, tag: "tag", key });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "umbel-test-"));
});
afterEach(() => rm(folder, { recursive: true }));

describe("an output file", () => {
  it("stands under its name only when it is whole", async () => {
    const target = join(folder, "report ü.pdf");
    const output = await openFile(target, { force: false });
    await output.write(bytes("half "));
    expect(existsSync(target)).toBe(false);
    await output.write(bytes("whole"));
    await output.finish();
    expect(await readFile(target, "utf8")).toBe("half whole");
    expect(await readdir(folder)).toEqual(["report ü.pdf"]);
  });

  it("leaves nothing behind when it is discarded", async () => {
    const output = await openFile(join(folder, "x"), { force: false });
    await output.write(bytes("half"));
    await output.discard();
    await output.discard();
    expect(await readdir(folder)).toEqual([]);
  });

  it("never replaces a file, not even one that came up meanwhile, unless forced", async () => {
    const target = join(folder, "x");
    const output = await openFile(target, { force: false });
    await writeFile(target, "older");
    await expect(output.finish()).rejects.toMatchObject({ code: "BAD_INPUT" });
    await expect(openFile(target, { force: false })).rejects.toMatchObject({
      code: "BAD_INPUT",
      message: expect.stringContaining("--force"),
    });
    expect(await readFile(target, "utf8")).toBe("older");
    await output.discard();
    expect(await readdir(folder)).toEqual(["x"]);
    const forced = await openFile(target, { force: true });
    await forced.write(bytes("newer"));
    await forced.finish();
    expect(await readFile(target, "utf8")).toBe("newer");
  });

  it("on a full disk says so, and what has arrived can be kept", async () => {
    const output = await openFile(join(folder, "x"), { force: false });
    await output.write(bytes("half"));
    const probe = await open(join(folder, "probe"), "w");
    const handle = Object.getPrototypeOf(probe);
    const full = vi
      .spyOn(handle, "write")
      .mockRejectedValue(Object.assign(new Error("ENOSPC"), { code: "ENOSPC" }));
    try {
      await expect(output.write(bytes("half"))).rejects.toMatchObject({
        code: "DISK_FULL",
        message: expect.stringMatching(/^cannot write .*x: the disk is full$/),
      });
    } finally {
      full.mockRestore();
      await probe.close();
    }
    expect(await output.keep()).toBe(true);
    expect(await readdir(folder)).toEqual([".x.umbel-tag", "probe"]);
  });

  it.skipIf(!existsSync("/dev/full"))("writes to a device and never replaces it", async () => {
    const nowhere = await openDevice("/dev/null");
    await nowhere.write(bytes("x"));
    await nowhere.finish();
    expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
    const full = await openDevice("/dev/full");
    await expect(full.write(bytes("x"))).rejects.toMatchObject({ code: "DISK_FULL" });
    await expect(openFolder("/dev/null", { force: true })).rejects.toMatchObject({
      code: "BAD_INPUT",
    });
  });

  it("names a folder that is not there", async () => {
    await expect(openFile(join(folder, "no", "x"), { force: false })).rejects.toMatchObject({
      code: "WRITE_FAILED",
    });
  });
});

describe("an output folder", () => {
  it("stands under its name only when every file is whole", async () => {
    const target = join(folder, "site");
    const output = await openFolder(target, { force: false });
    for (const path of ["index.html", "a/b/c.css"]) {
      const file = await output.file(path);
      await file.write(bytes(path));
      await file.finish();
    }
    expect(existsSync(target)).toBe(false);
    await output.finish();
    expect(await readFile(join(target, "a/b/c.css"), "utf8")).toBe("a/b/c.css");
    expect(await readdir(folder)).toEqual(["site"]);
  });

  it("replaces another one only when forced, and then whole", async () => {
    const target = join(folder, "site");
    await mkdir(target);
    await writeFile(join(target, "old"), "");
    await expect(openFolder(target, { force: false })).rejects.toMatchObject({ code: "BAD_INPUT" });
    const output = await openFolder(target, { force: true });
    await (await output.file("new")).finish();
    expect(await readdir(target)).toEqual(["old"]);
    await output.finish();
    expect(await readdir(target)).toEqual(["new"]);
    expect(await readdir(folder)).toEqual(["site"]);
  });

  it.each(["../x", "a/../../x", "/etc/x", "a//b", "", ".", "a\\b", "a\0b"])(
    "refuses the path %j",
    async (path) => {
      const output = await openFolder(join(folder, "site"), { force: false });
      await expect(output.file(path)).rejects.toMatchObject({ code: "BAD_ENCODING" });
      await output.discard();
      expect(await readdir(folder)).toEqual([]);
    },
  );
});

describe("standard output", () => {
  it("makes the writer wait while the reader is slow", async () => {
    const stream = new PassThrough({ highWaterMark: 4 });
    const output = createStreamOutput(stream);
    let written = false;
    const writing = output.write(bytes("more than four")).then(() => {
      written = true;
    });
    await new Promise(setImmediate);
    expect(written).toBe(false);
    stream.resume();
    await writing;
    expect(stream.listenerCount("close")).toBe(0);
  });

  it("tells the writer that the reader went away", async () => {
    const stream = new PassThrough({ highWaterMark: 4 });
    const output = createStreamOutput(stream);
    const writing = output.write(bytes("more than four"));
    stream.destroy();
    await expect(writing).rejects.toMatchObject({ code: "ABORTED" });
    await expect(output.write(bytes("x"))).rejects.toMatchObject({ code: "ABORTED" });
  });
});
