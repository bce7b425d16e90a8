import { nodeIdBytes } from "@umbel/core";
import { nodeProvider as crypto } from "@umbel/core/platform/node-crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ALL_IDS, createDescriptorSet, partsOf } from "../../src/directory/digest.ts";
import { describedNodes } from "../support/descriptors.ts";

const nodes = describedNodes(60);
const set = createDescriptorSet(crypto);
for (const node of nodes) set.add(node);

describe("a range of ids", () => {
  it("holds exactly the nodes whose id begins with it", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(15), { maxLength: 4 }), (range) => {
        const prefix = range.map((nibble) => nibble.toString(16)).join("");
        const expected = nodes.filter(({ nodeId }) => hex(nodeIdBytes(nodeId)).startsWith(prefix));
        expect(new Set(set.inRange(range))).toEqual(new Set(expected));
      }),
    );
  });

  it("may name a single id", () => {
    const range = [...hex(nodeIdBytes(nodes[7]!.nodeId))].map((digit) => Number.parseInt(digit, 16));
    expect(set.inRange(range)).toEqual([nodes[7]]);
  });

  it("is the sum of its parts", () => {
    const parts = partsOf(ALL_IDS);
    expect(parts.flatMap((part) => set.inRange(part))).toEqual(set.inRange(ALL_IDS));
    expect(parts.reduce((sum, part) => sum + set.summary(part).count, 0)).toBe(nodes.length);
  });
});

describe("a summary", () => {
  it("is SHA-256 over the label and the hashes in order of ids", () => {
    const ordered = [...nodes].sort((a, b) =>
      hex(nodeIdBytes(a.nodeId)) < hex(nodeIdBytes(b.nodeId)) ? -1 : 1,
    );
    const hashes = Buffer.concat(ordered.map(({ hash }) => hash));
    const digest = crypto.sha256(Buffer.from("umbel1 directory digest\0"), hashes);
    expect(hex(set.summary(ALL_IDS).digest)).toBe(hex(digest));
  });

  it("depends on the descriptors alone, and changes with any one more", () => {
    const other = createDescriptorSet(crypto);
    for (const node of nodes.slice(1).reverse()) other.add(node);
    expect(other.summary(ALL_IDS)).not.toEqual(set.summary(ALL_IDS));
    other.add(nodes[0]!);
    expect(other.summary(ALL_IDS)).toEqual(set.summary(ALL_IDS));
  });
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
