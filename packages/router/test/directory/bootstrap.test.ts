import type { Descriptor } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { fetchDirectory } from "../../src/directory/bootstrap.ts";
import type { BootstrapEntry } from "../../src/node/overlay.ts";
import { describedNodes } from "../support/descriptors.ts";
import { createDirectoryWorld, type DirectoryWorld } from "../support/directories.ts";

const nodes = describedNodes(8);
const [first, second, third] = nodes as [Descriptor, Descriptor, Descriptor];
const entry = (node: Descriptor): BootstrapEntry => ({ url: node.addresses[0]!.url, nodeId: undefined });

function fetched(world: DirectoryWorld, bootstrap: readonly BootstrapEntry[], aborted = false) {
  const directory = world.client();
  const signal = { aborted, addEventListener() {}, removeEventListener() {} };
  const random = createSeededRandom("bootstrap");
  const done = fetchDirectory({
    directory,
    calls: world.calls,
    bootstrap,
    clock: world.clock,
    random,
    signal,
  });
  return world.clock.complete(done, { limit: 60_000 }).then(() => directory);
}

describe("a client's first directory", () => {
  it("comes from two bootstrap nodes in one round trip each", async () => {
    const world = createDirectoryWorld();
    for (const node of [first, second, third]) world.node(node, nodes);
    const directory = await fetched(world, [first, second, third].map(entry));
    expect(directory.size).toBe(nodes.length);
    expect(world.requests).toBe(2);
    expect(world.clock.now()).toBe(40);
  });

  it("is the union of what the two say", async () => {
    const world = createDirectoryWorld();
    world.node(first, nodes.slice(0, 5));
    world.node(second, nodes.slice(3));
    expect((await fetched(world, [first, second].map(entry))).size).toBe(nodes.length);
  });

  it("is had from one when all others fail", async () => {
    const world = createDirectoryWorld();
    world.node(third, nodes);
    expect((await fetched(world, nodes.map(entry))).size).toBe(nodes.length);
  });

  it("tells nobody anything", async () => {
    const world = createDirectoryWorld();
    const far = world.node(first, nodes);
    world.node(second, nodes.slice(1));
    await fetched(world, [first, second].map(entry));
    expect(far.size).toBe(nodes.length);
    expect(world.requests).toBe(2);
  });

  it("cannot be had when none answers: the error counts them and names none", async () => {
    const world = createDirectoryWorld();
    await expect(fetched(world, nodes.slice(0, 3).map(entry))).rejects.toMatchObject({
      code: "NETWORK_UNREACHABLE",
      message: "the network cannot be reached: none of 3 bootstrap nodes answers",
    });
    await expect(fetched(world, [entry(first)])).rejects.toThrow("the bootstrap node does not answer");
  });

  it("cannot be had when nobody knows a node, with a hint at the clock", async () => {
    const world = createDirectoryWorld();
    world.node(first, []);
    await expect(fetched(world, [entry(first)])).rejects.toMatchObject({
      code: "NETWORK_UNREACHABLE",
      message: expect.stringContaining("clock"),
    });
  });

  it("needs an entry, and stops when told to", async () => {
    const world = createDirectoryWorld();
    await expect(fetched(world, [])).rejects.toMatchObject({ code: "BAD_INPUT" });
    await expect(fetched(world, [entry(first)], true)).rejects.toMatchObject({ code: "ABORTED" });
  });
});
