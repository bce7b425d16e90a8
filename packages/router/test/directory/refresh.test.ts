import { type Descriptor, isUmbelError } from "@umbel/core";
import { nodeProvider as crypto } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import { refreshDirectory } from "../../src/directory/refresh.ts";
import type { Circuit, CircuitBuilder, CircuitRequest } from "../../src/node/overlay.ts";
import { describedNode, describedNodes, PERIOD } from "../support/descriptors.ts";
import { createDirectoryWorld, type DirectoryWorld } from "../support/directories.ts";

const nodes = describedNodes(6);
const [guard, middle, first, second] = nodes as [Descriptor, Descriptor, Descriptor, Descriptor];
const stranger = describedNode(50);
const other = describedNode(51);

/** Circuits to these endpoints in turn, and what was asked of the builder. */
function circuitsTo(world: DirectoryWorld, endpoints: readonly Descriptor[]) {
  const requests: CircuitRequest[] = [];
  let open = 0;
  const builder: CircuitBuilder = {
    async build(request) {
      const { nodeId } = endpoints[requests.push(request) - 1]!;
      open++;
      const path = [guard.nodeId, middle.nodeId, nodeId];
      return {
        path,
        call: (service, payload, options) => world.calls.call(nodeId, service, payload, options),
        close: () => void open--,
      } as Partial<Circuit> as Circuit;
    },
  };
  return { builder, requests, open: () => open };
}

function started(known: readonly Descriptor[], atFirst: readonly Descriptor[], atSecond = atFirst) {
  const world = createDirectoryWorld();
  const directory = world.client();
  for (const { bytes } of known) directory.admit(bytes, world.clock.unixNow());
  world.node(first, atFirst);
  world.node(second, atSecond);
  const refresh = (builder: CircuitBuilder) =>
    world.clock.complete(refreshDirectory({ directory, builder, crypto, clock: world.clock }), {
      limit: 60_000,
    });
  return { world, directory, refresh };
}

describe("a client's refresh of its directory", () => {
  it("takes what both nodes know, of this period and of the next", async () => {
    const next = describedNode(7, { period: PERIOD + 1 });
    const { world, directory, refresh } = started(nodes, [...nodes, stranger, next]);
    const { builder } = circuitsTo(world, [first, second]);
    expect(await refresh(builder)).toBe(2);
    expect(directory.get(stranger.nodeId)).toEqual(stranger);
    expect(directory.set(PERIOD + 1)?.size).toBe(1);
  });

  it("takes nothing that only one of them gives, which could be a mark", async () => {
    const { world, directory, refresh } = started(nodes, [...nodes, stranger], [...nodes, other]);
    const { builder } = circuitsTo(world, [first, second]);
    expect(await refresh(builder)).toBe(0);
    expect(directory.size).toBe(nodes.length);
    for (const { nodeId } of [stranger, other]) expect(directory.get(nodeId)).toBeUndefined();
  });

  it("keeps what it had when the nodes do not know it", async () => {
    const { world, directory, refresh } = started([...nodes, stranger], nodes);
    await refresh(circuitsTo(world, [first, second]).builder);
    expect(directory.get(stranger.nodeId)).toEqual(stranger);
  });

  it("says nothing of what the client knows", async () => {
    const asks = async (known: readonly Descriptor[]) => {
      const { world, refresh } = started(known, nodes);
      await refresh(circuitsTo(world, [first, second]).builder);
      return world.payloads;
    };
    expect(await asks([...nodes, stranger])).toEqual(await asks([]));
  });

  it("goes over two circuits for nothing else, to different endpoints, and closes them", async () => {
    const { world, refresh } = started(nodes, nodes);
    const { builder, requests, open } = circuitsTo(world, [first, second]);
    await refresh(builder);
    expect(requests.map(({ purpose }) => purpose.carries)).toEqual(["directory", "directory"]);
    expect(requests[0]!.purpose.operation).not.toBe(requests[1]!.purpose.operation);
    expect([...requests[1]!.avoidEndpoints!]).toEqual([first.nodeId]);
    expect(open()).toBe(0);
  });

  it("is not done where there is one endpoint only, or one does not answer", async () => {
    const one = started(nodes, [...nodes, stranger]);
    const same = circuitsTo(one.world, [first, first]);
    const failure: unknown = await one.refresh(same.builder).catch((error: unknown) => error);
    expect(isUmbelError(failure, "NO_PATH")).toBe(true);
    const silent = started(nodes, [...nodes, stranger]);
    silent.world.replace(second, undefined);
    const circuits = circuitsTo(silent.world, [first, second]);
    await expect(silent.refresh(circuits.builder)).rejects.toMatchObject({ code: "LINK_CLOSED" });
    for (const { directory } of [one, silent]) expect(directory.size).toBe(nodes.length);
    expect([same.open(), circuits.open()]).toEqual([0, 0]);
  });
});
