import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { isRunning, type NodeInfo } from "../support/umbel-network.ts";
import { startUmbel, temporaryFolder, type UmbelProcess } from "../support/umbel-process.ts";
import { waitFor } from "../support/wait-for.ts";

const folder = temporaryFolder("lifecycle");
const started: UmbelProcess[] = [];
const nodes: number[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((network) => network.stop()));
  for (const pid of nodes.splice(0)) if (isRunning(pid)) process.kill(pid, "SIGKILL");
});
afterAll(folder.remove);

interface Started {
  readonly network: UmbelProcess;
  readonly pids: readonly number[];
  readonly tmp: string;
}

/** A network as a person starts it, with its temporary folder in a place of its own. */
async function start(name: string, ...options: string[]): Promise<Started> {
  const tmp = join(folder.path, name);
  mkdirSync(tmp);
  const args = ["testnet", "--json", "--nodes", "4", ...options];
  const network = startUmbel(args, { stdin: { open: new Uint8Array() }, env: { TMPDIR: tmp } });
  started.push(network);
  const ready = await network.waitFor(({ event }) => event === "ready");
  nodes.push(...(ready.pids as number[]));
  return { network, pids: ready.pids as number[], tmp };
}

async function allGone(pids: readonly number[]): Promise<void> {
  await waitFor(() => !pids.some(isRunning), { what: "the end of all nodes" });
}

async function endsAll(
  network: UmbelProcess,
  pids: readonly number[],
  signal: NodeJS.Signals,
): Promise<void> {
  network.kill(signal);
  const ended = await network.ended;
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  expect(ended.events.at(-1)).toMatchObject({ event: "result" });
  expect(pids.filter(isRunning)).toEqual([]);
}

describe("umbel testnet", () => {
  it("says when its nodes can serve; Ctrl-C ends them all and removes its temporary folder", async () => {
    const { network, pids, tmp } = await start("ready");
    const ready = await network.waitFor(({ event }) => event === "ready");
    expect(ready.bootstrap).toHaveLength(3);
    for (const address of ready.bootstrap as string[]) {
      expect(address).toMatch(/^ws:\/\/127\.\d+\.0\.1:\d+#[a-z2-7]{52}$/);
    }
    expect(new Set(pids).size).toBe(4);
    expect(pids.every(isRunning)).toBe(true);
    expect((ready.nodes as NodeInfo[]).map(({ name }) => name)).toEqual(["n1", "n2", "n3", "n4"]);
    expect(readdirSync(tmp)).toHaveLength(1);
    await endsAll(network, pids, "SIGINT");
    expect(readdirSync(tmp)).toEqual([]);
  });

  it("ends all its nodes on SIGTERM too, and keeps their data in the folder it was given", async () => {
    const data = join(folder.path, "kept");
    const { network, pids, tmp } = await start("kept tmp", "--data", data);
    await endsAll(network, pids, "SIGTERM");
    expect(readdirSync(tmp)).toEqual([]);
    expect(readdirSync(data).sort()).toEqual(["n1", "n2", "n3", "n4"]);
    expect(existsSync(join(data, "n1", "node.key"))).toBe(true);
    expect(existsSync(join(data, "n1", "lock"))).toBe(false);
  });

  it("killed with SIGKILL takes its nodes along", async () => {
    const { network, pids } = await start("killed");
    network.kill("SIGKILL");
    await network.ended;
    await allGone(pids);
  });

  it("goes on without a node that was killed, and says so", async () => {
    const { network, pids } = await start("one less");
    process.kill(pids[2] as number, "SIGKILL");
    const died = await network.waitFor(({ event }) => event === "died");
    expect(died).toMatchObject({ node: "n3", pid: pids[2], signal: "SIGKILL" });
    await allGone([pids[2] as number]);
    expect(pids.filter(isRunning)).toHaveLength(3);
    const ended = await network.stop();
    expect(ended.stderr).toMatch(/^umbel: n3 \(process \d+\) ended: SIGKILL; the others go on\n$/);
    expect(ended.code).toBe(0);
    expect(pids.filter(isRunning)).toEqual([]);
  });

  it("interrupted while it starts ends with 130 and leaves nothing", async () => {
    const tmp = join(folder.path, "early");
    mkdirSync(tmp);
    const network = startUmbel(["testnet", "--json"], { env: { TMPDIR: tmp } });
    started.push(network);
    await waitFor(() => readdirSync(tmp).length > 0, { what: "the temporary folder" });
    network.kill("SIGINT");
    const ended = await network.ended;
    expect(ended).toMatchObject({ code: 130, stderr: "umbel: interrupted\n" });
    expect(readdirSync(tmp)).toEqual([]);
  });
});
