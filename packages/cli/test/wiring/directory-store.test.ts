import { mkdtemp, rm, stat, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MAX_DIRECTORY_FILE_BYTES } from "@umbel/router";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type DataFolder, openDataFolder } from "../../src/files/data-folder.ts";
import { directoryStore } from "../../src/wiring/directory-store.ts";

let parent: string;
let folder: DataFolder;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "umbel-test-"));
  folder = await openDataFolder(join(parent, "data"));
});
afterEach(() => rm(parent, { recursive: true }));

describe("a client's directory in its data folder", () => {
  it("is in a file for each network, which only the owner may read", async () => {
    const store = directoryStore(folder, "local");
    expect(await store.load()).toBeUndefined();
    await store.update(() => Uint8Array.of(1, 2, 3));
    expect(await store.load()).toEqual(Uint8Array.of(1, 2, 3));
    expect(await directoryStore(folder, "main").load()).toBeUndefined();
    if (process.platform !== "win32") {
      expect((await stat(folder.file("directory-local"))).mode & 0o777).toBe(0o600);
    }
  });

  it("is not read when the file is longer than a directory can be", async () => {
    const store = directoryStore(folder, "local");
    await store.update(() => Uint8Array.of(1));
    await truncate(folder.file("directory-local"), MAX_DIRECTORY_FILE_BYTES + 1);
    expect(await store.load()).toBeUndefined();
  });
});
