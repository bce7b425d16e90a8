import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sampleBytes } from "../support/publishing.ts";
import { clientsOf, knows, type NodeProcess, startNode } from "../support/umbel-network.ts";
import { temporaryFolder, type UmbelEvent } from "../support/umbel-process.ts";

const folder = temporaryFolder("roles");
const bytes = sampleBytes(1_500_000, "roles");
const nodes: NodeProcess[] = [];
const relays: NodeProcess[] = [];
const stores: NodeProcess[] = [];

/** All on 127.0.0.1: here ports stand for address prefixes, as on systems that have no 127.2.0.1. */
async function start(name: string, roles: string): Promise<NodeProcess> {
  const bootstrap = nodes.slice(0, 1).map(({ address }) => address);
  const node = await startNode("ws://127.0.0.1:0", join(folder.path, name), { roles, bootstrap });
  nodes.push(node);
  return node;
}

function network() {
  return clientsOf(nodes.slice(0, 2).map(({ address }) => address));
}

async function publish(): Promise<UmbelEvent> {
  const ended = await network().client(["publish", "-", "--json"], { stdin: bytes });
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  return { ...(ended.events.at(-1) as UmbelEvent), paths: pathsOf(ended.events) };
}

async function fetchable(reference: unknown): Promise<readonly string[][]> {
  const to = join(folder.path, `copy ${Math.random()}`);
  const ended = await network().client(["fetch", String(reference), "-o", to, "--json"], { timeout: 50_000 });
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  expect(ended.events.at(-1)).toMatchObject({ bytes: bytes.length });
  return pathsOf(ended.events);
}

function pathsOf(events: readonly UmbelEvent[]): string[][] {
  return events.flatMap(({ event, paths }) => (event === "circuits" ? (paths as string[][]) : []));
}

function idsOf(some: readonly NodeProcess[]): string[] {
  return some.map(({ id }) => id);
}

beforeAll(async () => {
  for (const index of [1, 2, 3, 4]) relays.push(await start(`relay ${index}`, "relay"));
  for (const index of [1, 2]) stores.push(await start(`store ${index}`, "store"));
  await Promise.all(nodes.map((node) => knows(node, 6)));
}, 60_000);
afterAll(async () => {
  await Promise.all(nodes.map(({ process }) => process.stop()));
  folder.remove();
});

describe("a network of 4 relays and 2 stores, each a process on 127.0.0.1", () => {
  let reference: unknown;

  it("keeps each block at the stores and nowhere else", async () => {
    const result = await publish();
    reference = result.reference;
    const { blocks, copies } = result;
    expect(copies).toBe(2 * (Number(blocks) + 2));
    const kept = readdirSync(folder.path).filter((name) => existsSync(join(folder.path, name, "blocks")));
    expect(kept).toEqual(["store 1", "store 2"]);
  });

  it("leads circuits over relays and never over a node that only stores", async () => {
    const paths = await fetchable(reference);
    expect(paths.length).toBeGreaterThan(0);
    for (const path of paths) {
      expect(new Set(path).size).toBe(3);
      for (const id of path) expect(idsOf(relays)).toContain(id);
    }
  });

  it("takes in a node that joins while it runs: it becomes known and keeps what is published then", async () => {
    const late = await start("late", "store");
    await Promise.all(nodes.map((node) => knows(node, 7)));
    const { reference: later, blocks, copies } = await publish();
    expect(copies).toBe(3 * (Number(blocks) + 2));
    for (const store of stores) store.process.kill("SIGKILL");
    await Promise.all(stores.map(({ process }) => process.ended));
    await fetchable(later);
    expect(idsOf(nodes)).toContain(late.id);
  });

  it("has lost what only the killed stores kept: no relay stored anything", async () => {
    const ended = await network().client(["fetch", String(reference), "-o", "-"], { timeout: 50_000 });
    expect(ended.stderr).toMatch(/^umbel: [^\n]+\n$/);
    expect(ended.code).toBe(3);
  });
});
