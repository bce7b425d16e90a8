import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ChildEvent, followChild } from "../../src/processes/json-child.ts";

// Real processes of the compiled command over a network that is a folder: test/e2e has the real network.
const FAKE = fileURLToPath(new URL("../support/fake-umbel.mjs", import.meta.url));
let temporary: string;

beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), "umbel-test-"));
});
afterEach(() => rm(temporary, { recursive: true, force: true }));

function start(args: readonly string[], misbehaviour = "") {
  const env = { ...process.env, FAKE_UMBEL: misbehaviour, TMPDIR: temporary };
  return followChild(spawn(process.execPath, [FAKE, ...args, "--json"], { env }), "the command");
}

async function finished(child: ReturnType<typeof start>) {
  const events: ChildEvent[] = [];
  const { code } = await child.ended;
  child.onEvent((event) => events.push(event));
  return { code, last: events.at(-1) };
}

const isAlive = (pid: number) => existsSync(`/proc/${pid}/stat`);

describe("demo", () => {
  it("publishes a person's own file, fetches it back, and leaves nothing behind", async () => {
    const own = join(temporary, "my file ü.txt");
    await writeFile(own, "hello");
    const { code, last } = await finished(start(["demo", "--once", own, "--nodes", "4"]));
    expect(code).toBe(0);
    expect(last).toMatchObject({ event: "result", input: "my file ü.txt", files: 1, bytes: 5, nodes: 4 });
    expect(last).toMatchObject({ publish: { circuits: [["n1", "n2", "n3"]] } });
    expect(readdirSync(temporary)).toEqual(["my file ü.txt"]);
  });

  it.each([
    ["alter", 1, "index.html differs after byte 0"],
    ["not-found", 3, "the reader failed: nobody has the root block"],
    ["die-n3", 1, "the network failed: n3 failed: ws://127"],
  ])(
    "with the misbehaviour %s ends with %i and the reason, and leaves nothing behind",
    async (misbehaviour, exit, reason) => {
      const { code, last } = await finished(
        start(["demo", "--once", "--size", "1", "--nodes", "4"], misbehaviour),
      );
      expect(code).toBe(exit);
      expect(last).toMatchObject({ event: "error", exit, message: expect.stringContaining(reason) });
      expect(readdirSync(temporary)).toEqual([]);
    },
  );

  it("stays after its report until it is stopped", async () => {
    const child = start(["demo", "--size", "0", "--nodes", "4"]);
    await child.waitFor(({ event }) => event === "report");
    await child.stop();
    expect(await finished(child)).toMatchObject({ code: 0, last: { event: "result" } });
    expect(readdirSync(temporary)).toEqual([]);
  });
});

describe("testnet", () => {
  it("goes on when a node dies, says so, and ends all others at the end", async () => {
    const child = start(["testnet", "--nodes", "4"]);
    const { pids, bootstrap } = (await child.waitFor(({ event }) => event === "ready")) as unknown as {
      pids: number[];
      bootstrap: string[];
    };
    expect([pids.length, bootstrap.length]).toEqual([4, 3]);
    process.kill(pids[3] as number, "SIGKILL");
    expect(await child.waitFor(({ event }) => event === "died")).toMatchObject({
      node: "n4",
      signal: "SIGKILL",
    });
    await child.stop();
    expect(await finished(child)).toMatchObject({ code: 0, last: { event: "result" } });
    expect(pids.filter(isAlive)).toEqual([]);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it.skipIf(process.platform !== "linux")("takes its nodes along even when it is killed", async () => {
    const child = start(["testnet", "--nodes", "4"]);
    const { pids } = (await child.waitFor(({ event }) => event === "ready")) as unknown as { pids: number[] };
    process.kill(child.pid, "SIGKILL");
    await expect.poll(() => pids.filter(isAlive), { timeout: 20_000 }).toEqual([]);
  });
});
