import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { sampleBytes } from "../support/publishing.ts";
import {
  clientsOf,
  freePort,
  isRunning,
  knows,
  type NodeProcess,
  startNode,
  startTestnet,
} from "../support/umbel-network.ts";
import { temporaryFolder, type UmbelEvent } from "../support/umbel-process.ts";
import { waitFor } from "../support/wait-for.ts";

const MIB = 1024 * 1024;
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

function dataFolder(): string {
  const { path, remove } = temporaryFolder("restart");
  cleanUps.push(remove);
  return path;
}

describe("a node restarted after kill -9 has every block it acknowledged", () => {
  it("serves a whole file alone, as the only node of the network that stores", {
    timeout: 120_000,
  }, async () => {
    const folder = dataFolder();
    const port = await freePort();
    const url = (index: number): string => `ws://127.${index}.0.1:${port}`;
    const nodes: NodeProcess[] = [];
    cleanUps.push(() => Promise.all(nodes.map(({ process }) => process.stop())));
    const start = async (index: number, roles: string, bootstrap: readonly string[]) => {
      const node = await startNode(url(index), join(folder, `n${index}`), { roles, bootstrap });
      nodes.push(node);
      return node;
    };
    const first = await start(1, "relay", []);
    const relays = await Promise.all([2, 3, 4].map((index) => start(index, "relay", [first.address])));
    const store = await start(5, "store", [first.address]);
    await Promise.all([first, ...relays, store].map((node) => knows(node, 5)));
    const { client } = clientsOf([first.address]);

    const bytes = sampleBytes(4 * MIB, "restart");
    const published = await client(["publish", "-", "--json"], { stdin: bytes });
    store.process.kill("SIGKILL");
    expect(published).toMatchObject({ code: 0, stderr: "" });
    const { reference, blocks, copies } = published.events.at(-1) as UmbelEvent;
    expect(copies).toBe(Number(blocks) + 2);
    await store.process.ended;

    const again = await start(5, "store", [first.address]);
    expect(again.id).toBe(store.id);
    const fetched = await client(["fetch", String(reference), "-o", "-"]);
    expect(fetched.code).toBe(0);
    expect(Buffer.compare(fetched.stdout, bytes)).toBe(0);
  });

  it("makes a network whole again when all 8 nodes were killed at once", { timeout: 120_000 }, async () => {
    const folder = dataFolder();
    const port = await freePort();
    const before = await startTestnet({ folder, port });
    cleanUps.push(before.stop);
    const bytes = sampleBytes(4 * MIB, "all killed");
    const published = await before.client(["publish", "-"], { stdin: bytes });
    for (const { pid } of before.nodes) process.kill(pid, "SIGKILL");
    expect(published.code).toBe(0);
    await waitFor(() => before.nodes.every(({ pid }) => !isRunning(pid)), { what: "the end of all nodes" });
    await before.stop();

    const after = await startTestnet({ folder, port });
    cleanUps.push(after.stop);
    expect(after.bootstrap).toEqual(before.bootstrap);
    const fetched = await after.client(["fetch", published.stdout.toString().trim(), "-o", "-"]);
    expect(fetched.code).toBe(0);
    expect(Buffer.compare(fetched.stdout, bytes)).toBe(0);
  });
});
