import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createNetwork, LOCAL_NETWORK } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { decodeGuardFile, guardBias } from "@umbel/router";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type DataFolder, openDataFolder } from "../../src/files/data-folder.ts";
import { guardStore, guardWarnings, savedGuardWarnings } from "../../src/wiring/guard-store.ts";

const network = createNetwork(nodeProvider, LOCAL_NETWORK);
const WRITER = fileURLToPath(new URL("../support/guard-writer.mjs", import.meta.url));
const PROCESSES = 5;
const CIRCUITS = 7;

let parent: string;
let folder: DataFolder;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "umbel-test-"));
  folder = await openDataFolder(join(parent, "data"));
});
afterEach(() => rm(parent, { recursive: true }));

/** Another process that takes a guard when it is told to. */
async function writer() {
  const child = spawn(process.execPath, [WRITER, folder.path, `${CIRCUITS}`], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  expect((await lines.next()).value).toBe("ready");
  return {
    async run(): Promise<unknown> {
      child.stdin.end("go\n");
      const guard = (await lines.next()).value;
      if (child.exitCode === null) await once(child, "exit");
      expect(child.exitCode).toBe(0);
      return guard;
    },
  };
}

describe("first commands that start at the same moment", () => {
  it("use one sample of guards, and all that they counted is kept", async () => {
    const writers = await Promise.all(Array.from({ length: PROCESSES }, writer));
    const guards = await Promise.all(writers.map((one) => one.run()));
    expect(new Set(guards).size).toBe(1);
    const saved = decodeGuardFile(nodeProvider, network, (await folder.read("guards-local"))!);
    expect(saved.guards).toHaveLength(20);
    expect(saved.guards[0]).toMatchObject({ nodeId: guards[0], attempts: PROCESSES * CIRCUITS });
    expect((await readdir(folder.path)).sort()).toEqual(["format", "guards-local"]);
  }, 30_000);
});

describe("the guard file", () => {
  it("is changed by one writer after the other, however many there are", async () => {
    const store = guardStore(folder, "local");
    const count = (bytes: Uint8Array | undefined) => Uint8Array.of((bytes?.[0] ?? 0) + 1);
    await Promise.all(Array.from({ length: 20 }, () => store.update(count)));
    expect(await store.load()).toEqual(Uint8Array.of(20));
  });

  it("is left alone by a change that fails or has nothing to save, and the next writer gets its turn", async () => {
    const store = guardStore(folder, "local");
    await store.update(() => Uint8Array.of(1));
    await expect(
      store.update(() => {
        throw new Error("no");
      }),
    ).rejects.toThrow("no");
    await store.update(() => undefined);
    await store.update((bytes) => Uint8Array.of(...bytes!, 2));
    expect(await store.load()).toEqual(Uint8Array.of(1, 2));
  });

  it("is not held up by a lock that a killed process left", async () => {
    const store = guardStore(folder, "local");
    await writeFile(folder.file("guards-local.lock"), "999999999 1 abc\n");
    await store.update(() => Uint8Array.of(1));
    await writeFile(folder.file("guards-local.lock"), "");
    await store.update(() => Uint8Array.of(2));
    expect(await store.load()).toEqual(Uint8Array.of(2));
    await expect(readFile(folder.file("guards-local.lock"))).rejects.toMatchObject({ code: "ENOENT" });
  });
});

describe("a warning about a guard", () => {
  const warnings = (attempts: number, successes: number) =>
    guardWarnings(
      guardBias([
        { attempts: 9, successes: 9 },
        { attempts, successes },
      ]),
      folder,
      "local",
    );

  it.each([
    ["is not given for a good share", 200, 150],
    ["is not given for a notice", 200, 120],
    ["is not given for few circuits", 100, 0],
  ])("%s", (_title, attempts, successes) => {
    expect(warnings(attempts, successes)).toEqual([]);
  });

  it.each([
    [
      "says that it may be hostile",
      200,
      80,
      /only 40 % of the last 200 circuits over guard 2 worked: it may be/,
    ],
    ["says so plainly at an extreme share", 200, 20, /only 10 % .* it is broken or hostile/],
  ])("%s, that nothing was changed, and which file to remove", (_title, attempts, successes, line) => {
    const [warning, ...others] = warnings(attempts, successes);
    expect(others).toEqual([]);
    expect(warning).toMatch(line);
    expect(warning).toContain("nothing was changed");
    expect(warning).toContain(folder.file("guards-local"));
  });

  it("is read from the file for a node whose folder clients share; a damaged file is one line, too", async () => {
    expect(await savedGuardWarnings(nodeProvider, network, folder)).toEqual([]);
    await folder.write("guards-local", Uint8Array.of(1, 2, 3));
    expect(await savedGuardWarnings(nodeProvider, network, folder)).toEqual([
      expect.stringContaining("the guard file cannot be used"),
    ]);
  });
});
