import { spawn } from "node:child_process";
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { followChild, readLines } from "../../src/processes/json-child.ts";

const run = (script: string) => followChild(spawn(process.execPath, ["-e", script]), "the child");

describe("lines", () => {
  it("are put together from any pieces, and a line without end is not held for ever", () => {
    const stream = new PassThrough();
    const lines: string[] = [];
    readLines(stream, (line) => lines.push(line));
    for (const piece of ["a", "b\nc", "d\n\ne", "x".repeat(5_000_000), "y", "z\nnext\n", "rest"])
      stream.push(piece);
    stream.resume();
    return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      expect(lines).toEqual(["ab", "cd", "", "next"]);
    });
  });
});

describe("a child", () => {
  it("is heard from its first event on, and other lines are ignored", async () => {
    const child = run(
      'console.log("hello"); console.log("{broken"); console.log("{}"); console.log(JSON.stringify({event: "ready", n: 1}))',
    );
    expect(await child.waitFor(({ event }) => event === "ready")).toEqual({ event: "ready", n: 1 });
    await child.ended;
    const heard: string[] = [];
    child.onEvent(({ event }) => heard.push(event));
    expect(heard).toEqual(["ready"]);
  });

  it("that fails gives its own reason and code", async () => {
    const child = run(
      'console.log(JSON.stringify({event: "error", code: "IN_USE", message: "port taken"})); process.exitCode = 1',
    );
    await expect(child.waitFor(({ event }) => event === "ready")).rejects.toMatchObject({
      code: "IN_USE",
      message: "the child failed: port taken",
    });
  });

  it("that ends without a word is a failure, too", async () => {
    const child = run('process.stderr.write("umbel: something broke\\n")');
    await expect(child.waitFor(({ event }) => event === "ready")).rejects.toMatchObject({
      message: "the child failed: something broke",
    });
    expect(await child.ended).toEqual({ code: 0, signal: null });
  });

  it("that does not want to end is made to", async () => {
    const child = run(
      'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log(JSON.stringify({event: "ready"}))',
    );
    await child.waitFor(({ event }) => event === "ready");
    await child.stop(50);
    expect(await child.ended).toEqual({ code: null, signal: "SIGKILL" });
  });
});
