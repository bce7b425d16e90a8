import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ListedFile } from "../../src/engine.ts";
import type { WholeEngine } from "../../src/engine-parts.ts";
import { main } from "../../src/main.ts";
import { createTestEngine } from "../support/test-engine.ts";
import { createTestIo } from "../support/test-io.ts";

const FILES: readonly ListedFile[] = [
  { path: "a b.txt", bytes: 5 },
  { path: "img/1.png", bytes: 100, mediaType: "image/png" },
  { path: "img/small/2.png", bytes: 20 },
  { path: "index.html", bytes: 1234, modified: 1_700_000_000, mediaType: "text/html" },
];

let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "umbel-test-"));
});
afterEach(() => rmSync(data, { recursive: true }));

async function run(args: readonly string[], overrides: Partial<WholeEngine> = {}) {
  const io = createTestIo({ cwd: "/home/me" });
  const { engine, calls } = createTestEngine({
    listReference: async (_reference, { onFile }) => {
      for (const file of FILES) onFile(file);
      return { kind: "folder", files: 4, bytes: 1359 };
    },
    ...overrides,
  });
  const exit = await main([...args, "-b", "ws://127.1.0.1:7470#abc", "--data", data], io, engine);
  return { exit, io, calls };
}

describe("ls", () => {
  it("lists the names in a folder, inner folders once and with a slash", async () => {
    const { exit, io } = await run(["ls", "umbel:x"]);
    expect(exit).toBe(0);
    expect(io.out()).toBe("a b.txt\nimg/\nindex.html\n");
    expect(io.err()).toBe("4 files, 1.3 KiB\n");
  });

  it("lists every path with -R, sizes and known times with -l", async () => {
    expect((await run(["ls", "umbel:x", "-R", "-q"])).io.out()).toBe(
      "a b.txt\nimg/1.png\nimg/small/2.png\nindex.html\n",
    );
    expect((await run(["ls", "umbel:x", "-l"])).io.out()).toBe(
      [
        "            5                    a b.txt",
        "          120                    img/",
        "         1234  2023-11-14 22:13  index.html",
        "",
      ].join("\n"),
    );
  });

  it("tells a program of every file and of the sums", async () => {
    const { io } = await run(["ls", "umbel:x", "--json"]);
    expect(io.events()).toEqual([
      ...FILES.map((file) => ({ event: "file", ...file })),
      { event: "result", kind: "folder", files: 4, bytes: 1359 },
    ]);
  });

  it("shows names from elsewhere without what would play tricks on a terminal", async () => {
    const { io } = await run(["ls", "umbel:x"], {
      listReference: async (_reference, { onFile }) => {
        onFile({ path: "\u001b[2Jx\u202e", bytes: 1 });
        return { kind: "folder", files: 1, bytes: 1 };
      },
    });
    expect(io.out()).toBe("\ufffd[2Jx\ufffd\n");
  });
});

describe("cat", () => {
  it("writes a file to standard output, and nothing else", async () => {
    const { exit, io, calls } = await run(["cat", "umbel:x/notes.txt", "--range", "-100"]);
    expect([exit, io.out(), io.err()]).toEqual([0, "", ""]);
    expect(calls.fetched[0]).toMatchObject({
      reference: "umbel:x/notes.txt",
      options: { output: "-", range: { kind: "last", count: 100 } },
    });
  });

  it("has no room for --json", async () => {
    const { exit, calls } = await run(["cat", "umbel:x", "--json"]);
    expect([exit, calls.fetched.length]).toEqual([2, 0]);
  });
});

describe("fetch", () => {
  it("goes on with what an earlier run left, unless told not to", async () => {
    expect((await run(["fetch", "umbel:x"])).calls.fetched[0]?.options.resume).toBe(true);
    expect((await run(["fetch", "umbel:x", "--no-resume"])).calls.fetched[0]?.options.resume).toBe(false);
  });

  it("says how much of it an earlier run had got", async () => {
    const { io } = await run(["fetch", "umbel:x"], {
      fetchReference: async () => ({
        ...{ bytes: 3_145_728, keptBytes: 1_048_576, sha256: "00ff", seconds: 1, output: "x", files: 1 },
      }),
    });
    expect(io.err()).toBe(
      "fetched 3.0 MiB in 1.0 s (2.0 MiB/s), 1.0 MiB of it by an earlier run, every byte verified\nsha256 00ff\n",
    );
  });

  it("says where an interrupted one left what it had got", async () => {
    const { io } = await run(["fetch", "umbel:x"], {
      fetchReference: async (_reference, { onKept }) => {
        onKept?.("/home/me/.x.umbel-00");
        throw new Error("interrupted");
      },
    });
    expect(io.err()).toContain("kept in /home/me/.x.umbel-00; the same command goes on from there\n");
  });

  it("of a range needs to be told where it goes, since it is not the whole", async () => {
    expect((await run(["fetch", "umbel:x", "--range", "0-9"])).exit).toBe(2);
    const { exit, calls } = await run(["fetch", "umbel:x", "--range", "0-9", "-o", "part"]);
    expect(exit).toBe(0);
    expect(calls.fetched[0]?.options).toMatchObject({
      output: "/home/me/part",
      range: { kind: "from", first: 0, last: 9 },
    });
  });
});
