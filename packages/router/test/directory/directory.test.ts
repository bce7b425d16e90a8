import { compareBytes, type Descriptor, nodeIdBytes, periodStart } from "@umbel/core";
import { nodeProvider as crypto } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import { createDirectory } from "../../src/directory/directory.ts";
import { MAX_DIRECTORY_CONFLICTS } from "../../src/limits.ts";
import { describedNode, describedNodes, NOON, network, PERIOD } from "../support/descriptors.ts";

const nodes = describedNodes(12);
const nextStart = periodStart(network, PERIOD + 1);

function filled(descriptors: readonly Descriptor[] = nodes) {
  const directory = createDirectory({ crypto, network });
  for (const { bytes } of descriptors) directory.admit(bytes, NOON);
  return directory;
}

describe("a directory", () => {
  it("adds what verifies once, and holds it in order of node ids", () => {
    const directory = filled();
    expect(directory.size).toBe(nodes.length);
    expect(directory.admit(nodes[0]!.bytes, NOON)).toBe("known");
    expect(directory.get(nodes[3]!.nodeId)).toEqual(nodes[3]);
    const ids = directory.all().map(({ nodeId }) => nodeIdBytes(nodeId));
    expect(ids).toEqual([...ids].sort(compareBytes));
    expect(new Set(directory.all())).toEqual(new Set(nodes));
    expect(directory.all()).toBe(directory.all());
  });

  it("comes to the same order whatever the order of arrival", () => {
    expect(filled([...nodes].reverse()).all()).toEqual(filled().all());
  });

  it("refuses what does not verify, of another network, past, or of a period after the next", () => {
    const directory = createDirectory({ crypto, network });
    const changed = nodes[0]!.bytes.slice();
    changed[changed.length - 1]! ^= 1;
    const refused = [changed, nodes[0]!.bytes.subarray(1), new Uint8Array(0)];
    for (const period of [PERIOD - 1, PERIOD + 2]) refused.push(describedNode(1, { period }).bytes);
    for (const bytes of refused) expect(directory.admit(bytes, NOON)).toBe("refused");
    const other = createDirectory({ crypto, network: { ...network, id: new Uint8Array(32) } });
    expect(other.admit(nodes[0]!.bytes, NOON)).toBe("refused");
    expect(directory.size).toBe(0);
  });

  it("keeps the next period apart until it begins, then forgets the old one", () => {
    const directory = filled();
    const next = describedNode(0, { period: PERIOD + 1 });
    expect(directory.admit(next.bytes, NOON)).toBe("added");
    expect(directory.get(next.nodeId)).toEqual(nodes[0]);
    expect(directory.size).toBe(nodes.length);
    directory.prune(nextStart - 1);
    expect(directory.size).toBe(nodes.length);
    directory.prune(nextStart);
    expect(directory.all()).toEqual([next]);
    expect(directory.set(PERIOD)).toBeUndefined();
    expect(directory.admit(nodes[1]!.bytes, nextStart)).toBe("refused");
  });

  it("keeps the first of two descriptors of one period, and the second as evidence", () => {
    const directory = filled();
    const second = describedNode(0, { capacityClass: 3 });
    expect(directory.admit(second.bytes, NOON)).toBe("refused");
    expect(directory.admit(describedNode(0, { capacityClass: 2 }).bytes, NOON)).toBe("refused");
    expect(directory.get(second.nodeId)).toEqual(nodes[0]);
    expect(directory.conflicts()).toEqual([{ kept: nodes[0], other: second }]);
    directory.prune(nextStart + network.descriptorPeriodMs);
    expect(directory.conflicts()).toEqual([]);
  });

  it(`keeps evidence against ${MAX_DIRECTORY_CONFLICTS} nodes and not one more`, () => {
    const directory = createDirectory({ crypto, network });
    for (let index = 0; index <= MAX_DIRECTORY_CONFLICTS; index++) {
      for (const capacityClass of [0, 1])
        directory.admit(describedNode(index, { capacityClass }).bytes, NOON);
    }
    expect(directory.conflicts()).toHaveLength(MAX_DIRECTORY_CONFLICTS);
  });

  it("admits as many as its capacity and not one more", () => {
    const directory = createDirectory({ crypto, network, capacity: 3 });
    const admitted = nodes.slice(0, 4).map(({ bytes }) => directory.admit(bytes, NOON));
    expect(admitted).toEqual(["added", "added", "added", "refused"]);
    expect(directory.admit(nodes[0]!.bytes, NOON)).toBe("known");
  });

  it("tells listeners of each addition, and how it came, until they leave", () => {
    const directory = createDirectory({ crypto, network });
    const heard: unknown[] = [];
    const leave = directory.onAdded(({ nodeId }, arrival) => heard.push([nodeId, arrival]));
    directory.admit(nodes[0]!.bytes, NOON);
    directory.admit(nodes[0]!.bytes, NOON);
    directory.admit(nodes[1]!.bytes, NOON, "pulled");
    leave();
    directory.admit(nodes[2]!.bytes, NOON);
    expect(heard).toEqual([
      [nodes[0]!.nodeId, "pushed"],
      [nodes[1]!.nodeId, "pulled"],
    ]);
  });

  it("is empty before it heard of a time", () => {
    const directory = createDirectory({ crypto, network });
    expect([directory.size, directory.all(), directory.get(nodes[0]!.nodeId)]).toEqual([0, [], undefined]);
  });
});
