import { readFileSync } from "node:fs";
import type { ErrorCode } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { main } from "../src/main.ts";
import { VERSION } from "../src/version.ts";
import { createTestEngine, failing } from "./support/test-engine.ts";
import { createTestIo } from "./support/test-io.ts";

const BOOTSTRAP = ["--bootstrap", "ws://127.1.0.1:7470#abc", "--data", "/nowhere/data"];

async function run(argv: readonly string[], engine = createTestEngine().engine) {
  const io = createTestIo();
  const exit = await main(argv, io, engine);
  return { exit, out: io.out(), err: io.err(), events: io.events };
}

describe("wrong use", () => {
  it.each([
    [
      ["publsh", "x"],
      "umbel: unknown command 'publsh' (Did you mean publish?); umbel --help shows what there is\n",
    ],
    [
      ["publish", "x", "--jsn"],
      "umbel: unknown option '--jsn' (Did you mean --json?); umbel publish --help shows what there is\n",
    ],
    [["publish"], "umbel: what to publish is missing: a file, a folder, or - for standard input\n"],
    [["jobs", "forget"], "umbel: missing required argument 'job'; umbel jobs --help shows what there is\n"],
    [
      ["fetch", "a", "b"],
      "umbel: too many arguments for 'fetch': 1 expected, 2 given; umbel fetch --help shows what there is\n",
    ],
    [["help", "publsh"], "umbel: unknown command 'publsh'; umbel --help lists the commands\n"],
    [["publish", "", ...BOOTSTRAP], "umbel: the path is empty; . stands for this folder\n"],
    [["node", "--listen", "7470"], 'umbel: --listen: "7470" is not an address like ws://127.0.0.1:7470\n'],
    [[], "umbel: say what to do: umbel --help lists the commands\n"],
    [["ref"], "umbel: say what to do: umbel ref --help lists the commands\n"],
    [
      ["fetch", "umbel:x", "--bootstrap", "http://x"],
      /^umbel: --bootstrap: "http:\/\/x" is not an address like .*\n$/,
    ],
    [["fetch", "umbel:x", "--data", "/nowhere"], /^umbel: no bootstrap address: give --bootstrap .*\n$/],
    [["testnet", "--nodes", "3"], 'umbel: --nodes: "3" is not a whole number from 4 to 64\n'],
    [["node", "--roles", "relay,exit"], /^umbel: --roles: there is no role "exit"; .*\n$/],
    [["node", "--listen", "ws://0.0.0.0:1"], /^umbel: ws:\/\/0\.0\.0\.0:1 is every address .*\n$/],
    [["node", "--listen", "wss://127.0.0.1:1"], /^umbel: --listen: .* must be ws:.*\n$/],
  ])("%j ends with 2 and one line", async (argv, line) => {
    const { exit, out, err } = await run(argv);
    expect(exit).toBe(2);
    expect(out).toBe("");
    expect(err).toMatch(line);
    expect(err.trimEnd()).not.toContain("\n");
  });

  it("is an error event, too, with --json", async () => {
    const { exit, events } = await run(["publish", "--json"]);
    expect(exit).toBe(2);
    expect(events()).toEqual([expect.objectContaining({ event: "error", code: "BAD_INPUT", exit: 2 })]);
  });

  it("refuses bytes and JSON lines on one standard output", async () => {
    const { exit } = await run(["fetch", "umbel:x", "-o", "-", "--json", ...BOOTSTRAP]);
    expect(exit).toBe(2);
  });
});

describe("exit codes", () => {
  it.each<[ErrorCode, number]>([
    ["BAD_INPUT", 2],
    ["BAD_REFERENCE", 2],
    ["BAD_CONFIG", 2],
    ["NOT_FOUND", 3],
    ["NETWORK_UNREACHABLE", 4],
    ["NO_PATH", 4],
    ["ABORTED", 130],
    ["DISK_FULL", 1],
    ["IN_USE", 1],
    ["READ_FAILED", 1],
    ["NOT_STORED", 1],
    ["INTERNAL", 1],
  ])("%s is %i", async (code, exit) => {
    const { engine } = createTestEngine({ publishPath: failing(code, "the reason") });
    const result = await run(["publish", "x", ...BOOTSTRAP], engine);
    expect(result).toMatchObject({ exit, out: "", err: "umbel: the reason\n" });
  });

  it("an error that is not ours is 1, in one line", async () => {
    const { engine } = createTestEngine({
      publishPath: async () => {
        throw new TypeError("x is not\na function");
      },
    });
    const { exit, err } = await run(["publish", "x", ...BOOTSTRAP], engine);
    expect(exit).toBe(1);
    expect(err).toBe("umbel: internal error: x is not a function (UMBEL_DEBUG=1 shows where)\n");
  });
});

describe("a mistyped reference", () => {
  it("is shown with a caret under the character", async () => {
    const { engine } = createTestEngine({
      fetchReference: failing("BAD_REFERENCE", "the checksum is wrong", 11),
    });
    const { exit, err } = await run(["fetch", "umbel:file-1bc", ...BOOTSTRAP], engine);
    expect(exit).toBe(2);
    expect(err).toBe("umbel: the checksum is wrong\n  umbel:file-1bc\n             ^\n");
  });

  it("cannot write control characters to the terminal", async () => {
    const { engine } = createTestEngine({ fetchReference: failing("BAD_REFERENCE", "bad character", 6) });
    const { err } = await run(["fetch", "umbel:\u001b[2J", ...BOOTSTRAP], engine);
    expect(err).not.toContain("\u001b");
  });

  it("has its position in the error event", async () => {
    const { engine } = createTestEngine({ fetchReference: failing("BAD_REFERENCE", "bad", 3) });
    const { events } = await run(["fetch", "umbel:x", "--json", ...BOOTSTRAP], engine);
    expect(events().at(-1)).toMatchObject({ event: "error", code: "BAD_REFERENCE", position: 3, exit: 2 });
  });
});

describe("interruption", () => {
  it("the first signal aborts and ends with 130, the second ends the process", async () => {
    const io = createTestIo();
    const { engine } = createTestEngine({
      publishPath: (_path, { signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            io.stop();
            reject(new Error("cut short"));
          });
          queueMicrotask(io.stop);
        }),
    });
    expect(await main(["publish", "x", ...BOOTSTRAP], io, engine)).toBe(130);
    expect(io.err()).toBe("umbel: interrupted\n");
    expect(io.exits).toEqual([130]);
  });

  it("a reader that went away ends the command without a word", async () => {
    const io = createTestIo();
    const { engine } = createTestEngine({
      fetchReference: async (_reference, { stdout, signal }) => {
        stdout.emit("error", Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
        expect(signal.aborted).toBe(true);
        throw new Error("aborted");
      },
    });
    expect(await main(["fetch", "umbel:x", "-o", "-", ...BOOTSTRAP], io, engine)).toBe(1);
    expect(io.err()).toBe("");
  });
});

describe("help", () => {
  it.each([
    [["--help"]],
    [["help", "publish"]],
    [["fetch", "--help"]],
    [["node", "--help"]],
    [["ref", "--help"]],
    [["recipient", "--help"]],
    [["testnet", "-h"]],
    [["demo", "-h"]],
  ])("%j is on standard output, with examples, and ends with 0", async (argv) => {
    const { exit, out, err } = await run(argv);
    expect({ exit, err }).toEqual({ exit: 0, err: "" });
    expect(out).toContain("Examples:\n  umbel ");
    expect(out).toMatchSnapshot();
  });

  it("--version prints the version of package.json", async () => {
    const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
    expect(await run(["--version"])).toMatchObject({ exit: 0, out: `${VERSION}\n` });
    expect(VERSION).toBe(manifest.version);
  });
});
