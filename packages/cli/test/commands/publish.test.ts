import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UmbelError } from "@umbel/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseSpan, parseTime } from "../../src/commands/publish-arguments.ts";
import type { Job } from "../../src/engine.ts";
import type { WholeEngine } from "../../src/engine-parts.ts";
import { main } from "../../src/main.ts";
import { createTestEngine, done } from "../support/test-engine.ts";
import { createTestIo } from "../support/test-io.ts";

let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "umbel-test-"));
});
afterEach(() => rmSync(data, { recursive: true }));

async function run(args: readonly string[], overrides: Partial<WholeEngine> = {}) {
  const io = createTestIo({ cwd: "/home/me" });
  const { engine, calls } = createTestEngine(overrides);
  const client = args[0] === "publish" ? ["-b", "ws://127.1.0.1:7470#abc"] : [];
  const exit = await main([...args, ...client, "--data", data], io, engine);
  return { exit, out: io.out(), err: io.err(), events: () => io.events(), calls };
}

describe("options of publish", () => {
  it.each([
    [[], "what to publish is missing"],
    [["x", "--resume"], "--resume takes no path besides"],
    [["--resume", "--reveal-now", "abcdefgh"], "--resume and --reveal-now do not go together"],
    [["x", "--save-plan", "p"], "--save-plan goes with --dry-run"],
    [["x", "--dry-run", "--save-plan", "p", "--dedupe"], "--save-plan is of no use with --dedupe"],
    [["x", "--plan", "p", "--dry-run"], "--plan is for the publish itself"],
    [["x", "--plan", "p", "--name", "n", "--pad", "power"], "--name, --pad: the plan says that already"],
    [["-", "--dedupe", "--no-spool"], "--dedupe reads the input twice"],
    [["x", "--spread", "6"], '--spread: "6" is not a span such as 90s, 30m, 6h or 2d'],
    [["x", "--reveal-at", "2020-01-01T00:00"], "--reveal-at: 2020-01-01T00:00 is in the past"],
    [["x", "--reveal-at", "tomorrow"], '--reveal-at: "tomorrow" is not a time'],
    [["x", "--pad", "lots"], "padme"],
  ])("%j is refused with a clear line", async (args, text) => {
    const { exit, err, calls } = await run(["publish", ...args]);
    expect([exit, calls.published.length]).toEqual([2, 0]);
    expect(err).toContain(text);
    expect(err.trim().split("\n").length).toBe(1);
  });

  it("reach the engine, with paths from where the person stands", async () => {
    const { calls } = await run(
      ["publish", "site", "--hidden", "--keep-times", "--keep-types", "--pad", "padme"].concat([
        "--dedupe-secret",
        "s",
        "--no-receipt",
        "--spread",
        "6h",
        "--reveal-at",
        "1d",
        "--no-spool",
      ]),
    );
    const [{ path, options } = { path: "", options: undefined }] = calls.published;
    expect(path).toBe("/home/me/site");
    expect(options).toMatchObject({
      ...{ hidden: true, keepTimes: true, keepTypes: true, pad: "padme", dedupe: { file: "/home/me/s" } },
      ...{ receipt: false, spool: false, spreadMs: 6 * 3_600_000, plan: undefined },
    });
    expect(options?.revealAt).toBeGreaterThan(Date.now() + 23 * 3_600_000);
  });

  it("say nothing of content unless asked to", async () => {
    const { calls } = await run(["publish", "site"]);
    expect(calls.published[0]?.options).toMatchObject({
      ...{ hidden: false, keepTimes: false, keepTypes: false, pad: "exact", dedupe: undefined },
      ...{ receipt: true, spool: true, spreadMs: undefined, revealAt: undefined },
    });
  });
});

describe("spans and times", () => {
  it("are read exactly", () => {
    expect(["90s", "30m", "6h", "2d"].map((text) => parseSpan(text, "x"))).toEqual([
      90_000, 1_800_000, 21_600_000, 172_800_000,
    ]);
    for (const text of ["", "0h", "6", "h", "6 h", "-6h", "6H", "1.5h", "1234567s"]) {
      expect(() => parseSpan(text, "x"), text).toThrow("is not a span");
    }
    expect(parseTime("2027-01-31T18:00Z", "x", 0)).toBe(Date.UTC(2027, 0, 31, 18));
    expect(parseTime("2027-01-31 18:00+02:00", "x", 0)).toBe(Date.UTC(2027, 0, 31, 16));
    expect(parseTime("2h", "x", 5)).toBe(7_200_005);
    for (const text of ["", "2027", "2027-13-01T00:00", "18:00", "2027-01-31T18:00 or so"]) {
      expect(() => parseTime(text, "x", 0), text).toThrow("is not a time");
    }
  });
});

describe("a publish that ends early", () => {
  const failing = (error: UmbelError, id?: string): Partial<WholeEngine> => ({
    publishPath: async (_path, { onJob }) => {
      onJob?.("abcdefgh");
      onJob?.(id);
      throw error;
    },
  });

  it("ends with 1 and how to go on when the receipt falls short, without a reference", async () => {
    const error = new UmbelError("NOT_STORED", "30 of 38 blocks came back");
    const { exit, out, err } = await run(["publish", "x"], failing(error, "abcdefgh"));
    expect([exit, out]).toEqual([1, ""]);
    expect(err).toContain("umbel publish --resume abcdefgh goes on, umbel jobs forget abcdefgh drops it");
    expect(err).toContain("30 of 38 blocks came back");
  });

  it("speaks of no job where none is kept", async () => {
    const error = new UmbelError("NETWORK_UNREACHABLE", "no bootstrap node answers");
    const { exit, err } = await run(["publish", "x"], failing(error));
    expect([exit, err]).toEqual([4, "umbel: no bootstrap node answers\n"]);
  });

  it("names the job in JSON, too", async () => {
    const error = new UmbelError("NOT_STORED", "30 of 38");
    const { events } = await run(["publish", "x", "--json"], failing(error, "abcdefgh"));
    expect(events().map(({ event }) => event)).toEqual(["job", "job", "paused", "error"]);
  });
});

describe("other ways of publish", () => {
  it("--resume goes on with a job, named or not", async () => {
    expect((await run(["publish", "--resume"])).calls.resumed).toMatchObject([{ job: undefined }]);
    const named = await run(["publish", "--resume", "abcdefgh"]);
    expect(named.calls.resumed).toMatchObject([{ job: "abcdefgh", options: { revealNow: false } }]);
    expect([named.exit, named.out]).toEqual([0, "umbel:file-abc\n"]);
  });

  it("--reveal-now reveals", async () => {
    const { calls } = await run(["publish", "--reveal-now", "abcdefgh"]);
    expect(calls.resumed).toMatchObject([{ job: "abcdefgh", options: { revealNow: true } }]);
  });

  it("--dry-run needs no network, says who learns what, and prints a reference only where there is one", async () => {
    const plain = await run(["publish", "x", "--dry-run"]);
    expect([plain.exit, plain.out, plain.calls.published]).toEqual([0, "", []]);
    expect(plain.err).toMatchSnapshot();
    const reference = "umbel:file-planned";
    const planned = await run(["publish", "x", "--dry-run", "--save-plan", "p"], {
      estimatePublish: async () => ({
        ...{ files: 1, bytes: 5, skipped: 2, blocks: { data: 0, parity: 0, index: 0, root: 1 } },
        ...{ puts: 3, receiptBlocks: 3, bytesUp: 1, bytesDown: 1, circuits: 4, reference },
      }),
    });
    expect(planned.out).toBe(`${reference}\n`);
    expect(planned.err).toContain("publishing with --plan p will give this reference");
    expect(planned.err).toContain("left out 2 whose name starts with a dot");
  });

  it("--receipt-only tells k of n, and ends with 1 when some are missing", async () => {
    const whole = await run(["publish", "--receipt-only", "umbel:x"]);
    expect([whole.exit, whole.out]).toEqual([0, "38 of 38 confirmed\n"]);
    const short = await run(["publish", "--receipt-only", "umbel:x"], {
      takeReceipt: async () => ({ confirmed: 3, asked: 38 }),
    });
    expect([short.exit, short.out]).toEqual([1, "3 of 38 confirmed\n"]);
    expect(short.err).toContain("umbel repair puts back what can be");
  });

  it("tells of the receipt and of waiting for the time", async () => {
    const { err, out } = await run(["publish", "x", "--reveal-at", "1h"], {
      publishPath: async (_path, options) => {
        options.onJob?.("abcdefgh");
        options.onStep?.({ step: "holding", until: Date.UTC(2027, 0, 31) });
        return done(options, { receipt: { confirmed: 38, asked: 38 } });
      },
    });
    expect(err).toContain("--reveal-now abcdefgh");
    expect(err).toContain("receipt: 38 of 38 confirmed over other circuits\n");
    expect(out).toBe("umbel:file-abc\n");
  });
});

describe("jobs", () => {
  const job: Job = {
    ...{
      id: "abcdefgh",
      state: "sending",
      isRunning: false,
      created: Date.UTC(2027, 0, 31, 12),
      kind: "folder",
    },
    ...{ path: "/home/me/site", files: 3, bytes: 2048, confirmed: 1204, puts: 2600, revealAt: undefined },
  };

  it("lists one on each line", async () => {
    const { out } = await run(["jobs"], {
      listJobs: async () => [
        job,
        { ...job, id: "bbbbbbbb", isRunning: true, kind: "stdin", bytes: undefined, puts: undefined },
        { ...job, id: "cccccccc", state: "damaged" },
      ],
    });
    const lines = out.trimEnd().split("\n");
    expect(lines[0]).toMatch(
      /^abcdefgh {2}paused {5}1,204 of 2,600 blocks stored {2}3 files, 2\.0 KiB {2}\/home\/me\/site {2}since 2027-0\d-\d\d \d\d:\d\d$/,
    );
    expect(lines[1]).toContain("bbbbbbbb  running    1,204 blocks stored  3 files  standard input");
    expect(lines[2]).toBe("cccccccc  damaged    its file cannot be read: umbel jobs forget cccccccc");
  });

  it("says so when there is none, and prints all of them as JSON", async () => {
    expect(await run(["jobs"])).toMatchObject({ out: "", err: "no jobs: every publish is done\n" });
    const { events } = await run(["jobs", "--json"], { listJobs: async () => [job] });
    expect(events()).toMatchObject([{ event: "result", jobs: [{ id: "abcdefgh", puts: 2600 }] }]);
  });

  it("forgets one", async () => {
    const { calls, err, exit } = await run(["jobs", "forget", "abcdefgh"]);
    expect([exit, calls.forgotten, err]).toEqual([0, ["abcdefgh"], "forgot abcdefgh\n"]);
  });
});
