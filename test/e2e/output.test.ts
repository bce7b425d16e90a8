import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { sampleBytes } from "../support/publishing.ts";
import { startTestnet, type Testnet } from "../support/umbel-network.ts";
import { temporaryFolder, type UmbelEvent, type UmbelProcess } from "../support/umbel-process.ts";

const MIB = 1024 * 1024;
const folder = temporaryFolder("output");
const at = (...names: string[]): string => join(folder.path, ...names);
const bytes = sampleBytes(12 * MIB, "output");
let network: Testnet;
let published: readonly UmbelEvent[] = [];
let reference = "";

beforeAll(async () => {
  writeFileSync(at("input"), bytes);
  network = await startTestnet();
  const ended = await network.client(["publish", at("input"), "--json"]);
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  published = eachLine(ended.stdout);
  reference = String(published.at(-1)?.reference);
}, 90_000);
afterAll(async () => {
  await network?.stop();
  folder.remove();
});

/** Every line of --json, each of which must be an object with `event`. */
function eachLine(stdout: Buffer): readonly UmbelEvent[] {
  const text = stdout.toString();
  expect(text.endsWith("\n")).toBe(true);
  const lines = text.slice(0, -1).split("\n");
  const events = lines.map((line) => JSON.parse(line) as UmbelEvent);
  for (const each of events) expect(each.event).toEqual(expect.any(String));
  return events;
}

/** The only thing in `place`: what an interrupted fetch to `name` has kept. */
function partialIn(place: string, name: string): string {
  const names = readdirSync(place);
  expect(names).toEqual([expect.stringMatching(new RegExp(`^\\.${name}\\.umbel-[0-9a-f]{24}$`))]);
  return join(place, String(names[0]));
}

describe("--json", () => {
  it("ends publish with a result that has the reference, sizes, copies and times", () => {
    const blocks = expect.any(Number);
    expect(published.at(-1)).toEqual({
      event: "result",
      reference: expect.stringMatching(/^umbel:file-[0-9a-z]{110}$/),
      bytes: bytes.length,
      blocks,
      copies: expect.any(Number),
      seconds: expect.any(Number),
      files: 1,
      skipped: 0,
      receipt: { asked: expect.any(Number), confirmed: expect.any(Number) },
      cpuSeconds: expect.any(Number),
    });
    const { copies, blocks: count } = published.at(-1) as UmbelEvent;
    expect(Number(copies)).toBeGreaterThanOrEqual(3 * Number(count));
    expect(published.filter(({ event }) => event === "result")).toHaveLength(1);
    expect(published.map(({ event }) => event)).toContain("circuits");
  });

  it("ends fetch with a result that has bytes, sha256, seconds and the output", async () => {
    const ended = await network.client(["fetch", reference, "-o", at("json"), "--json"]);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    const events = eachLine(ended.stdout);
    expect(events.at(-1)).toEqual({
      event: "result",
      bytes: bytes.length,
      keptBytes: 0,
      sha256: createHash("sha256").update(bytes).digest("hex"),
      seconds: expect.any(Number),
      output: at("json"),
      files: 1,
      cpuSeconds: expect.any(Number),
    });
    const done = events.filter(({ event }) => event === "progress").map(({ bytesDone }) => Number(bytesDone));
    expect(done.length).toBeGreaterThan(0);
    expect(done).toEqual([...done].sort((a, b) => a - b));
  });

  it("names the circuits in use as paths of three different nodes of the network", () => {
    const ids = new Set(network.nodes.map(({ id }) => id));
    const paths = published.flatMap(({ event, paths }) =>
      event === "circuits" ? (paths as string[][]) : [],
    );
    expect(paths.length).toBeGreaterThan(0);
    for (const path of paths) {
      expect(new Set(path).size).toBe(3);
      expect(path.every((id) => ids.has(id))).toBe(true);
    }
  });
});

describe("--quiet", () => {
  it("leaves standard error empty and the result alone on standard output", async () => {
    const publish = await network.client(["publish", "-", "--quiet"], { stdin: Buffer.from("quiet") });
    expect(publish).toMatchObject({ code: 0, stderr: "" });
    expect(publish.stdout.toString()).toMatch(/^umbel:file-[0-9a-z]{110}\n$/);
    const quiet = publish.stdout.toString().trim();
    const fetch = await network.client(["fetch", quiet, "-o", at("quiet"), "-q"]);
    expect(fetch).toMatchObject({ code: 0, stderr: "", stdout: Buffer.from(`${at("quiet")}\n`) });
    expect(readFileSync(at("quiet"), "utf8")).toBe("quiet");
  });

  it("still says in one line why a command failed", async () => {
    const ended = await network.client(["fetch", reference, "-o", at("quiet"), "-q"]);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(/^umbel: [^\n]+ exists already[^\n]+\n$/);
  });
});

describe("a full disk", () => {
  const mounted: string[] = [];
  afterEach(() => {
    for (const place of mounted.splice(0)) execFileSync("umount", [place]);
  });

  /** A file system of one MiB, if this process may mount one. */
  function tinyDisk(place: string): boolean {
    mkdirSync(place);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", place], { stdio: "ignore" });
    } catch {
      return false;
    }
    mounted.push(place);
    return true;
  }

  it.skipIf(process.platform !== "linux")(
    "under standard output ends fetch with 1 and one line",
    async () => {
      const full = openSync("/dev/full", "w");
      const ended = await network.client(["fetch", reference, "-o", "-"], { stdoutTo: full });
      closeSync(full);
      expect(ended.stderr).toBe("umbel: cannot write to standard output: the disk is full\n");
      expect(ended.code).toBe(1);
    },
  );

  it.skipIf(process.platform !== "linux")(
    "under a device as output ends fetch with 1 and one line",
    async () => {
      const ended = await network.client(["fetch", reference, "-o", "/dev/full", "--json"]);
      expect(ended.stderr).toBe("umbel: cannot write /dev/full: the disk is full\n");
      expect(ended.code).toBe(1);
      expect(eachLine(ended.stdout).at(-1)).toMatchObject({ event: "error", code: "DISK_FULL", exit: 1 });
    },
  );

  it("under the output ends fetch with 1 and one line, and keeps what has arrived under another name", async (context) => {
    const place = at("tiny");
    context.skip(process.platform !== "linux" || !tinyDisk(place), "only root can mount a small disk");
    const ended = await network.client(["fetch", reference, "-o", join(place, "copy"), "--json"]);
    expect(ended.stderr).toBe(`umbel: cannot write ${join(place, "copy")}: the disk is full\n`);
    expect(ended.code).toBe(1);
    expect(eachLine(ended.stdout).at(-1)).toMatchObject({ event: "error", code: "DISK_FULL", exit: 1 });
    expect(eachLine(ended.stdout).at(-2)).toEqual({ event: "kept", path: partialIn(place, "copy") });
  });
});

describe("Ctrl-C", () => {
  /** Waits until bytes have moved, then interrupts. */
  async function interrupt(command: UmbelProcess, kept = /^$/) {
    await command.waitFor(({ event, bytesDone }) => event === "progress" && Number(bytesDone) > 0);
    const started = performance.now();
    command.kill("SIGINT");
    const ended = await command.ended;
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(ended.events.at(-1)).toMatchObject({ event: "error", code: "ABORTED", exit: 130 });
    expect(ended.code).toBe(130);
    expect(ended.stderr).toMatch(/umbel: interrupted\n$/);
    expect(ended.stderr.slice(0, -"umbel: interrupted\n".length)).toMatch(kept);
  }

  it("in the middle of a fetch ends it with 130, and the same command goes on from there", async () => {
    mkdirSync(at("interrupted"));
    const tmp = at("interrupted tmp");
    mkdirSync(tmp);
    const to = join(at("interrupted"), "copy");
    const args = ["fetch", reference, "-o", to, "--json"];
    await interrupt(network.startClient(args, { env: { TMPDIR: tmp } }));
    partialIn(at("interrupted"), "copy");
    expect(readdirSync(tmp)).toEqual([]);
    const again = await network.client(args);
    expect(again).toMatchObject({ code: 0, stderr: "" });
    expect(Number(again.events.at(-1)?.keptBytes)).toBeGreaterThan(0);
    expect(readFileSync(to).equals(bytes)).toBe(true);
    expect(readdirSync(at("interrupted"))).toEqual(["copy"]);
  });

  it("is no harder on a fetch than kill -9, after which the same command goes on, too", async () => {
    mkdirSync(at("killed"));
    const to = join(at("killed"), "copy");
    const args = ["fetch", reference, "-o", to, "--json"];
    const command = network.startClient(args);
    await command.waitFor(({ event, bytesDone }) => event === "progress" && Number(bytesDone) > 0);
    command.kill("SIGKILL");
    await command.ended;
    const again = await network.client(args);
    expect(again).toMatchObject({ code: 0, stderr: "" });
    expect(Number(again.events.at(-1)?.keptBytes)).toBeGreaterThan(0);
    expect(readFileSync(to).equals(bytes)).toBe(true);
    expect(readdirSync(at("killed"))).toEqual(["copy"]);
  });

  it("in the middle of a publish ends it with 130 and prints no reference", async () => {
    const tmp = at("interrupted publish tmp");
    mkdirSync(tmp);
    const publish = network.startClient(["publish", at("input"), "--json"], { env: { TMPDIR: tmp } });
    await interrupt(publish, /^umbel: paused: umbel publish --resume [a-z2-7]{8} goes on, .*\n$/);
    expect(readdirSync(tmp)).toEqual([]);
  });

  it("while publish - waits for standard input ends it with 130", async () => {
    const publish = network.startClient(["publish", "-", "--json"], { stdin: { open: bytes } });
    await interrupt(publish, /^umbel: standard input had not ended, so nothing can be resumed\n$/);
  });
});
