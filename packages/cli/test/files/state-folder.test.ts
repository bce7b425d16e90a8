import { mkdtemp, rm, stat } from "node:fs/promises";
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
