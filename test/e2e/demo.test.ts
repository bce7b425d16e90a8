import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { sampleBytes } from "../support/publishing.ts";
import { isRunning } from "../support/umbel-network.ts";
import { runUmbel, startUmbel, temporaryFolder } from "../support/umbel-process.ts";

const folder = temporaryFolder("demo");
afterAll(folder.remove);

function temporary(name: string): { readonly tmp: string; readonly env: Record<string, string> } {
  const tmp = join(folder.path, name);
  mkdirSync(tmp);
  return { tmp, env: { TMPDIR: tmp } };
}

describe("umbel demo, which npm start runs", () => {
  it("--once shows the whole way with the sample, ends with 0, and leaves nothing behind", async () => {
    const { tmp, env } = temporary("sample");
    const ended = await runUmbel(["demo", "--once", "--size", "1"], { env, timeout: 90_000 });
    expect(ended.stderr.split("\n").filter((line) => line !== "" && !line.startsWith("  "))).toEqual([]);
    expect(ended.code).toBe(0);
    const report = ended.stdout.toString();
    expect(report).toMatch(/umbel:file-[0-9a-z]{110}/);
    expect(report).toMatch(/identical, byte for byte/);
    for (const word of ["guard", "middle", "endpoint", "holder"]) expect(report).toContain(word);
    expect(readdirSync(tmp)).toEqual([]);
  });

  it("--once FILE does the same with a person's own file, and leaves the file as it is", async () => {
    const { tmp, env } = temporary("own");
    const file = join(folder.path, "my own file 🌼.bin");
    const bytes = sampleBytes(300_000, "demo");
    writeFileSync(file, bytes);
    const ended = await runUmbel(["demo", "--once", file], { env, timeout: 90_000 });
    expect(ended.code).toBe(0);
    expect(ended.stdout.toString()).toMatch(/my own file 🌼\.bin: 293\.0 KiB/);
    expect(ended.stdout.toString()).toMatch(/umbel:file-[0-9a-z]{110}/);
    expect(readFileSync(file)).toEqual(Buffer.from(bytes));
    expect(readdirSync(tmp)).toEqual([]);
  });

  it("--once with a file that is not there ends with 1 and one line, before anything is started", async () => {
    const { tmp, env } = temporary("missing");
    const ended = await runUmbel(["demo", "--once", join(folder.path, "missing file")], { env });
    expect(ended.stderr).toMatch(/^umbel: cannot read .*missing file: there is no such file or folder\n$/);
    expect(ended).toMatchObject({ code: 1, stdout: Buffer.alloc(0) });
    expect(readdirSync(tmp)).toEqual([]);
  });

  it("stays up after its report so that another process can fetch, until Ctrl-C ends all of it", async () => {
    const { tmp, env } = temporary("stays");
    const demo = startUmbel(["demo", "--json", "--size", "0"], { env, timeout: 90_000 });
    const report = await demo.waitFor(({ event }) => event === "report");
    const reader = { UMBEL_BOOTSTRAP: (report.bootstrap as string[]).join(",") };
    const to = join(folder.path, "from the demo");
    const fetched = await runUmbel(["fetch", String(report.reference), "-o", to], { env: reader });
    expect(fetched.code).toBe(0);
    expect(readdirSync(to)).toContain("index.html");
    const pids = nodeProcesses(tmp);
    demo.kill("SIGINT");
    const ended = await demo.ended;
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(readdirSync(tmp)).toEqual([]);
    expect(pids.filter(isRunning)).toEqual([]);
  });
});

/** The processes whose locks lie in the data folders under `folder`. */
function nodeProcesses(within: string): number[] {
  const locks = readdirSync(within, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith("/lock"),
  );
  const pids = locks.map((name) => Number(readFileSync(join(within, name), "utf8").split(" ")[0]));
  expect(pids).toHaveLength(8);
  return pids;
}
