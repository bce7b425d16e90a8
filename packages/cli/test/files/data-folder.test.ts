import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { link, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockDataFolder, openDataFolder } from "../../src/files/data-folder.ts";

let folder: string;

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), "umbel-test-")), "data");
});
afterEach(() => rm(join(folder, ".."), { recursive: true }));

/** The id of a process that is gone. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ["-e", ""]);
  await new Promise((resolve) => child.on("close", resolve));
  return child.pid as number;
}

/** A process that ended, and that its parent never asks about; it is gone once the parent is. */
async function unreaped(): Promise<{
  readonly pid: number;
  readonly start: string;
  readonly parent: ChildProcess;
}> {
  const parent = spawn("sh", ["-c", "sleep 30 & echo $!; exec sleep 31"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const pid = Number(await new Promise((resolve) => parent.stdout.once("data", resolve)));
  await expect.poll(() => readFileSync(`/proc/${parent.pid}/comm`, "utf8").trim()).toBe("sleep");
  process.kill(pid, "SIGKILL");
  const fields = () => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  await expect.poll(() => fields()[0]).toBe("Z");
  return { pid, start: String(fields()[19]), parent };
}

describe("a data folder", () => {
  it("is made for its owner only and says its format", async () => {
    await openDataFolder(folder);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect(await readFile(join(folder, "format"), "utf8")).toBe("1\n");
  });

  it("of a newer umbel is refused", async () => {
    await openDataFolder(folder);
    await writeFile(join(folder, "format"), "2\n");
    await expect(openDataFolder(folder)).rejects.toMatchObject({
      code: "BAD_CONFIG",
      message: expect.stringContaining("newer"),
    });
  });

  it("with a format nobody wrote is refused", async () => {
    await openDataFolder(folder);
    await writeFile(join(folder, "format"), "one");
    await expect(openDataFolder(folder)).rejects.toMatchObject({ code: "BAD_CONFIG" });
  });

  it("replaces a file whole, readable by the owner only, and leaves nothing beside it", async () => {
    const data = await openDataFolder(folder);
    expect(await data.read("guards")).toBeUndefined();
    await data.write("guards", "first, longer");
    await data.write("guards", "second");
    expect(new TextDecoder().decode(await data.read("guards"))).toBe("second");
    expect((await stat(data.file("guards"))).mode & 0o777).toBe(0o600);
    expect((await readdir(folder)).sort()).toEqual(["format", "guards"]);
  });

  it("erases a file: what was written is overwritten before its name goes", async () => {
    const data = await openDataFolder(folder);
    await data.write("key", "secret");
    await link(data.file("key"), data.file("other name"));
    await data.erase("key");
    expect(await data.read("key")).toBeUndefined();
    expect(await data.read("other name")).toEqual(new Uint8Array(6));
    await data.erase("key");
  });

  it("erases a long file to its end, a step at a time", async () => {
    const data = await openDataFolder(folder);
    const long = new Uint8Array(2.5 * 2 ** 20).fill(7);
    await data.write("spool", long);
    await link(data.file("spool"), data.file("other name"));
    await data.erase("spool");
    const left = await data.read("other name");
    expect([left?.length, left?.every((byte) => byte === 0)]).toEqual([long.length, true]);
  });

  it("that cannot be made is one clear error", async () => {
    await writeFile(join(folder, "..", "file"), "");
    await expect(openDataFolder(join(folder, "..", "file", "x"))).rejects.toMatchObject({
      code: "WRITE_FAILED",
    });
  });
});

describe("the lock", () => {
  it("keeps a second node out until the first is done", async () => {
    const first = await lockDataFolder(folder);
    await expect(lockDataFolder(folder)).rejects.toMatchObject({
      code: "IN_USE",
      message: expect.stringContaining(`process ${process.pid}`),
    });
    await first.release();
    await (await lockDataFolder(folder)).release();
  });

  it("does not keep clients out", async () => {
    const node = await lockDataFolder(folder);
    await expect(openDataFolder(folder)).resolves.toBeDefined();
    await node.release();
  });

  it("of a process that was killed is taken over", async () => {
    await openDataFolder(folder);
    await writeFile(join(folder, "lock"), `${await deadPid()} 1 abc\n`);
    await (await lockDataFolder(folder)).release();
  });

  it.skipIf(process.platform !== "linux")(
    "of a dead process whose id lives on in another is taken over",
    async () => {
      await openDataFolder(folder);
      await writeFile(join(folder, "lock"), `${process.pid} 1 abc\n`);
      await (await lockDataFolder(folder)).release();
    },
  );

  it.skipIf(process.platform !== "linux")(
    "of a dead process that nobody asked about is taken over",
    async () => {
      await openDataFolder(folder);
      const { pid, start, parent } = await unreaped();
      try {
        await writeFile(join(folder, "lock"), `${pid} ${start} abc\n`);
        await (await lockDataFolder(folder)).release();
      } finally {
        parent.kill("SIGKILL");
      }
    },
  );

  it("is taken over by one of many", async () => {
    await openDataFolder(folder);
    await writeFile(join(folder, "lock"), `${await deadPid()} 1 abc\n`);
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lockDataFolder(folder)));
    expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  it("is taken over even if the last takeover was cut short", async () => {
    await openDataFolder(folder);
    await writeFile(join(folder, "lock"), `${await deadPid()} 1 abc\n`);
    await writeFile(join(folder, "lock.takeover"), "");
    await utimes(join(folder, "lock.takeover"), 1, 1);
    await (await lockDataFolder(folder)).release();
  });
});
