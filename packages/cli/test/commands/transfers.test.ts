import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { main } from "../../src/main.ts";
import { createTestEngine, done } from "../support/test-engine.ts";
import { createTestIo } from "../support/test-io.ts";

const ADDRESS = "ws://127.1.0.1:7470#abc";
let data: string;

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "umbel-test-"));
});
afterEach(() => rmSync(data, { recursive: true }));

describe("publish", () => {
  it("prints the reference alone on standard output", async () => {
    const io = createTestIo();
    const { engine } = createTestEngine();
    expect(await main(["publish", "x", "-b", ADDRESS, "--data", data], io, engine)).toBe(0);
    expect(io.out()).toBe("umbel:file-abc\n");
    expect(io.err()).toBe("published 2.0 MiB in 2.0 s (1.0 MiB/s)\n66 blocks, 198 copies confirmed\n");
  });

  it("says nothing but the reference when quiet", async () => {
    const io = createTestIo({ tty: true });
    const { engine } = createTestEngine();
    await main(["publish", "x", "-q", "-b", ADDRESS, "--data", data], io, engine);
    expect({ out: io.out(), err: io.err() }).toEqual({ out: "umbel:file-abc\n", err: "" });
  });

  it("warns of a guard that loses circuits on standard error in every mode, and of nothing else", async () => {
    const { engine } = createTestEngine({
      publishPath: async (_path, options) => {
        options.onWarning?.("only 10 % of the last 200 circuits over guard 1 worked");
        return done(options);
      },
      fetchReference: async (_reference, { onWarning }) => {
        onWarning?.("only 10 % of the last 200 circuits over guard 1 worked");
        return { bytes: 5, keptBytes: 0, sha256: "00ff", seconds: 0.5, output: "x", files: 1 };
      },
    });
    for (const args of [
      ["publish", "x"],
      ["fetch", "r"],
    ]) {
      for (const mode of [[], ["-q"], ["--json"]]) {
        const io = createTestIo();
        await main([...args, ...mode, "-b", ADDRESS, "--data", data], io, engine);
        expect(io.err()).toContain("umbel: only 10 % of the last 200 circuits over guard 1 worked\n");
        expect(io.out()).not.toContain("guard");
      }
    }
  });

  it("tells of a folder how many files went out, and what was left out", async () => {
    const io = createTestIo();
    const { engine } = createTestEngine({
      publishPath: async (_path, options) =>
        done(options, { bytes: 0, blocks: 1, copies: 9, seconds: 1, files: 2, skipped: 1 }),
    });
    await main(["publish", "x", "-b", ADDRESS, "--data", data], io, engine);
    expect(io.err()).toBe(
      "published 2 files, 0 B in 1.0 s\n1 block, 9 copies confirmed\n" +
        "umbel: left out 1 whose name starts with a dot; --hidden takes them, too\n",
    );
  });

  it("ends its JSON lines with the result", async () => {
    const io = createTestIo();
    const { engine } = createTestEngine({
      publishPath: async (_path, options) => {
        options.onJob?.("abcdefgh");
        options.onCircuits?.([["a", "b", "c"]]);
        options.onProgress?.({
          ...{ bytesDone: 1, bytesTotal: 2, blocksDone: 0, blocksTotal: undefined, circuits: 1 },
        });
        return done(options, { bytes: 1, blocks: 1, copies: 3, seconds: 1 });
      },
    });
    await main(["publish", "x", "--json", "-b", ADDRESS, "--data", data], io, engine);
    expect(io.events()).toEqual([
      { event: "job", job: "abcdefgh" },
      { event: "circuits", paths: [["a", "b", "c"]] },
      { event: "progress", bytesDone: 1, bytesTotal: 2, blocksDone: 0, circuits: 1 },
      {
        event: "result",
        reference: "umbel:file-abc",
        bytes: 1,
        blocks: 1,
        copies: 3,
        seconds: 1,
        files: 1,
        skipped: 0,
        cpuSeconds: expect.any(Number),
      },
    ]);
    expect(io.err()).toBe("");
  });

  it("takes the path from where the person stands, and - as standard input", async () => {
    const { engine, calls } = createTestEngine();
    for (const path of ["my site", "-"]) {
      await main(["publish", path, "-b", ADDRESS, "--data", data], createTestIo({ cwd: "/home/me" }), engine);
    }
    expect(calls.published.map(({ path, options }) => [path, options.name])).toEqual([
      ["/home/me/my site", "my site"],
      ["-", undefined],
    ]);
  });
});

describe("fetch", () => {
  it("prints where the content stands", async () => {
    const io = createTestIo({ cwd: "/home/me" });
    const { engine, calls } = createTestEngine();
    expect(
      await main(["fetch", "umbel:x", "-o", "copy.pdf", "-f", "-b", ADDRESS, "--data", data], io, engine),
    ).toBe(0);
    expect(io.out()).toBe("/home/me/copy.pdf\n");
    expect(calls.fetched[0]?.options).toMatchObject({
      output: "/home/me/copy.pdf",
      force: true,
      cwd: "/home/me",
    });
  });

  it("leaves standard output to the bytes with -o -", async () => {
    const io = createTestIo();
    const { engine } = createTestEngine();
    expect(await main(["fetch", "umbel:x", "-o", "-", "-b", ADDRESS, "--data", data], io, engine)).toBe(0);
    expect(io.out()).toBe("");
  });
});

describe("the bootstrap addresses", () => {
  const used = async (argv: readonly string[], env: Record<string, string>) => {
    const { engine, calls } = createTestEngine();
    await main(["fetch", "umbel:x", ...argv], createTestIo({ env }), engine);
    return calls.fetched[0]?.options.bootstrap;
  };

  it("come from the option, else the environment, else the data folder", async () => {
    writeFileSync(join(data, "bootstrap"), "# mine\nws://127.1.0.1:1#file\n\n");
    const env = { UMBEL_DATA: data };
    expect(await used([], env)).toEqual(["ws://127.1.0.1:1#file"]);
    const both = { ...env, UMBEL_BOOTSTRAP: "ws://127.1.0.1:2#env, ws://127.2.0.1:2#env" };
    expect(await used([], both)).toEqual(["ws://127.1.0.1:2#env", "ws://127.2.0.1:2#env"]);
    expect(await used(["-b", "ws://127.1.0.1:3", "-b", "ws://127.2.0.1:3"], both)).toEqual([
      "ws://127.1.0.1:3",
      "ws://127.2.0.1:3",
    ]);
  });

  it.each([
    ["ws://127.1.0.1:1", "local"],
    ["ws://127.0.0.1:1", "local"],
    ["wss://example.org", "main"],
    ["ws://198.51.100.7:1", "main"],
  ])("%s belongs to the network %s", async (address, network) => {
    const { engine, calls } = createTestEngine();
    await main(["fetch", "umbel:x", "-b", address, "--data", data], createTestIo(), engine);
    expect(calls.fetched[0]?.options.network).toBe(network);
  });
});

describe("--constant-rate", () => {
  const run = async (args: readonly string[], env: Record<string, string> = {}) => {
    const io = createTestIo({ env });
    const { engine, calls } = createTestEngine();
    const exit = await main([...args, "-b", ADDRESS, "--data", data], io, engine);
    const asked = [...calls.published, ...calls.fetched].map(({ options }) => options.constantRate);
    return { exit, asked, err: io.err() };
  };

  it.each([
    ["publish", "x"],
    ["fetch", "r"],
  ])("of %s sets the rate of the guard link and says what it costs", async (...args) => {
    const { asked, err } = await run([...args, "--constant-rate", "64K"]);
    expect(asked).toEqual([{ cells: 1, intervalMs: 63 }]);
    expect(err).toContain(
      "constant rate to the guard: 63.8 KiB/s each way, used or not, which is 5.3 GiB a day each way",
    );
  });

  it("may stand in UMBEL_CONSTANT_RATE; the option wins, and 0 is none", async () => {
    const env = { UMBEL_CONSTANT_RATE: "1M" };
    expect((await run(["fetch", "r"], env)).asked).toEqual([{ cells: 13, intervalMs: 51 }]);
    expect((await run(["fetch", "r", "--constant-rate", "32K"], env)).asked).toEqual([
      { cells: 1, intervalMs: 126 },
    ]);
    const none = await run(["fetch", "r", "--constant-rate", "0"], env);
    expect(none.asked).toEqual([undefined]);
    expect(none.err).not.toContain("constant rate");
  });

  it.each(["31K", "32767", "1025K", "2M", "64k", "64KB", "-1", "1e5", "fast", "0K"])(
    "%s is refused",
    async (text) => {
      const { exit, asked, err } = await run(["fetch", "r", `--constant-rate=${text}`]);
      expect([exit, asked]).toEqual([2, []]);
      expect(err).toContain(
        `--constant-rate: "${text}" is not a rate such as 64K, from 32K to 1M bytes a second, or 0`,
      );
    },
  );
});
