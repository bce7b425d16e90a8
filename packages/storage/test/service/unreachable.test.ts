import type { NodeId } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { createVirtualClock } from "../../../../test/support/virtual-clock.ts";
import { createUnreachableNodes } from "../../src/service/unreachable.ts";

const ids = (...names: string[]) => names as NodeId[];
const [a, b, c] = ids("a", "b", "c") as [NodeId, NodeId, NodeId];

describe("unreachable nodes", () => {
  it("come last, in their order, until their time is over or they answered", async () => {
    const clock = createVirtualClock();
    const unreachable = createUnreachableNodes(clock, 100, 10);
    unreachable.add(a);
    unreachable.add(b);
    expect(unreachable.last([a, b, c])).toEqual([c, a, b]);
    unreachable.remove(b);
    expect(unreachable.last([a, b, c])).toEqual([b, c, a]);
    await clock.advance(99);
    expect(unreachable.last([a, b, c])).toEqual([b, c, a]);
    await clock.advance(1);
    expect(unreachable.last([a, b, c])).toEqual([a, b, c]);
  });

  it("are remembered up to a cap; the oldest failure makes room", () => {
    const unreachable = createUnreachableNodes(createVirtualClock(), 100, 2);
    unreachable.add(a);
    unreachable.add(b);
    unreachable.add(a);
    expect(unreachable.last([a, b, c])).toEqual([c, a, b]);
    unreachable.add(c);
    expect(unreachable.last([a, b, c])).toEqual([b, a, c]);
  });
});
