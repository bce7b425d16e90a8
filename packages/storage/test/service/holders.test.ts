import { createHash } from "node:crypto";
import type { NodeId } from "@umbel/core";
import { createHolderIndex, HOLDER_COUNT, holdersOf, NEAR_MISS_COUNT, type StoreNode } from "@umbel/storage";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const hash = (text: string) => new Uint8Array(createHash("sha256").update(text).digest());
const node = (position: Uint8Array): StoreNode => ({
  id: Buffer.from(position).toString("hex") as NodeId,
  position,
});
const manyNodes = (count: number) => Array.from({ length: count }, (_, at) => node(hash(`node ${at}`)));

/** The slow twin: sorts all nodes by XOR distance. */
function nearestByDistance(nodes: readonly StoreNode[], location: Uint8Array, count: number): NodeId[] {
  const distance = (one: StoreNode) =>
    Buffer.from(one.position.map((byte, at) => byte ^ (location[at] as number))).toString("hex");
  return nodes
    .map((one) => ({ id: one.id, distance: distance(one) }))
    .sort((a, b) => (a.distance < b.distance ? -1 : 1))
    .slice(0, count)
    .map(({ id }) => id);
}

describe("holdersOf", () => {
  it("finds the nearest by XOR, as the slow twin does, for uniform and for clustered positions", () => {
    const nearby = fc.uint8Array({ minLength: 2, maxLength: 2 }).map((end) => {
      const position = new Uint8Array(32);
      position.set(end, 30);
      return position;
    });
    const positions = fc.uniqueArray(fc.oneof(fc.uint8Array({ minLength: 32, maxLength: 32 }), nearby), {
      maxLength: 40,
      selector: (position) => position.join(),
    });
    fc.assert(
      fc.property(
        positions,
        fc.oneof(fc.uint8Array({ minLength: 32, maxLength: 32 }), nearby),
        fc.nat(8),
        (all, location, count) => {
          const nodes = all.map(node);
          expect(createHolderIndex(nodes).nearest(location, count)).toEqual(
            nearestByDistance(nodes, location, count),
          );
        },
      ),
    );
  });

  it("names R holders and the next as near misses, fewer only where there are fewer nodes", () => {
    const location = hash("location");
    for (const count of [0, 1, HOLDER_COUNT, HOLDER_COUNT + 1, 50]) {
      const { holders, nearMisses } = holdersOf(createHolderIndex(manyNodes(count)), location);
      expect(holders).toHaveLength(Math.min(count, HOLDER_COUNT));
      expect(nearMisses).toHaveLength(Math.max(0, Math.min(count - HOLDER_COUNT, NEAR_MISS_COUNT)));
      expect(new Set([...holders, ...nearMisses]).size).toBe(holders.length + nearMisses.length);
    }
  });

  it("takes the nearest for each point, numbers read from byte 0, 8 and 16 on, then the second nearest, each node once", () => {
    fc.assert(
      fc.property(fc.nat(30), fc.uint8Array({ minLength: 32, maxLength: 32 }), (count, location) => {
        const nodes = manyNodes(count);
        const turned = (bytes: Uint8Array, turn: number) =>
          Uint8Array.of(...bytes.slice(turn), ...bytes.slice(0, turn));
        const points = [0, 8, 16].map((turn) => {
          const seen = nodes.map(({ id, position }) => ({ id, position: turned(position, turn) }));
          return nearestByDistance(seen, turned(location, turn), count);
        });
        const wanted: NodeId[] = [];
        for (let turn = 0; wanted.length < Math.min(count, HOLDER_COUNT + NEAR_MISS_COUNT); turn++) {
          const next = points[turn % 3]?.find((id) => !wanted.includes(id));
          if (next !== undefined) wanted.push(next);
        }
        const { holders, nearMisses } = holdersOf(createHolderIndex(nodes), location);
        expect([...holders, ...nearMisses]).toEqual(wanted);
      }),
    );
  });

  it("gives few pairs of blocks the same holders, so that nodes lost together take few blocks with them", () => {
    const index = createHolderIndex(manyNodes(100));
    const sets = Array.from({ length: 1000 }, (_, at) =>
      [...holdersOf(index, hash(`location ${at}`)).holders].sort().join(),
    );
    expect(new Set(sets).size).toBeGreaterThan(900);
  });

  it("does not depend on the order of the nodes", () => {
    const nodes = manyNodes(50);
    const forward = createHolderIndex(nodes);
    const backward = createHolderIndex([...nodes].reverse());
    for (let at = 0; at < 50; at++) {
      const location = hash(`location ${at}`);
      expect(backward.nearest(location, 6)).toEqual(forward.nearest(location, 6));
    }
  });

  it("spreads locations: each of these 20 nodes holds some, none more than twice an even share", () => {
    const index = createHolderIndex(manyNodes(20));
    const counts = new Map<NodeId, number>();
    for (let at = 0; at < 4000; at++) {
      for (const id of holdersOf(index, hash(`location ${at}`)).holders) {
        counts.set(id, (counts.get(id) ?? 0) + 1);
      }
    }
    expect(Math.max(...counts.values())).toBeLessThan((2 * 4000 * HOLDER_COUNT) / 20);
    expect(counts.size).toBe(20);
  });
});
