import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemoryStateFolder } from "@umbel/storage";
import { expect, it } from "vitest";
import { stateFolderCompliance } from "../../../../test/compliance/state-folder.ts";
import { createStateFolder } from "../../src/files/state-folder.ts";

async function open() {
  const parent = await mkdtemp(join(tmpdir(), "umbel-test-"));
  const path = join(parent, "jobs");
  return { path, folder: createStateFolder(path), dispose: () => rm(parent, { recursive: true }) };
}

stateFolderCompliance("a folder on disk", open);
stateFolderCompliance("memory", async () => ({ folder: new MemoryStateFolder(), dispose: async () => {} }));

it("a state folder on disk is its owner's alone, and is not made by reading", async () => {
  const { path, folder, dispose } = await open();
  await folder.names();
  await expect(stat(path)).rejects.toMatchObject({ code: "ENOENT" });
  await folder.write("a", Uint8Array.of(1));
  await (await folder.append("b")).close();
  const modes = await Promise.all([path, join(path, "a"), join(path, "b")].map((each) => stat(each)));
  expect(modes.map(({ mode }) => mode & 0o777)).toEqual([0o700, 0o600, 0o600]);
  await dispose();
});

it("erasing a file erases new contents of it that a crash kept from their name, and nothing else", async () => {
  const { path, folder, dispose } = await open();
  await folder.write("a.job", Uint8Array.of(1));
  await folder.write("ab.job", Uint8Array.of(2));
  const others = [".ab.job.umbel-0123456789ab", ".a.job.lock.umbel-0123456789ab"];
  for (const name of [".a.job.umbel-0123456789ab", ...others]) await writeFile(join(path, name), "secret");
  await folder.erase("a.job");
  expect((await readdir(path)).sort()).toEqual([...others, "ab.job"].sort());
  await folder.erase("a.job");
  await dispose();
});
