import type { NodeId } from "@umbel/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Candidate, planRepair } from "../../src/repair/repair-plan.ts";

const own = "self" as NodeId;
const node = (id: string, has: boolean | undefined, isOld = true): Candidate => ({
  id: id as NodeId,
  has,
  isOld,
});
const self = node(own, true);

describe("what one node makes of one block", () => {
  it.each<[string, Candidate[], ReturnType<typeof planRepair>]>([
    [
      "nothing when the three nearest have it",
      [node("a", true), self, node("b", true), node("c", false)],
      { targets: [], rank: 1, isSpare: false },
    ],
    [
      "puts it where one of the three nearest lacks it",
      [self, node("a", false), node("b", true), node("c", false)],
      { targets: ["a" as NodeId], rank: 0, isSpare: false },
    ],
    [
      "counts the nearer nodes that have it, and those alone",
      [node("a", true), node("b", false), self, node("c", true)],
      { targets: ["b" as NodeId], rank: 1, isSpare: false },
    ],
    [
      "leaves the place of a silent node to it",
      [self, node("a", undefined), node("b", true), node("c", false)],
      { targets: [], rank: 0, isSpare: false },
    ],
    [
      "passes over a new node where there is a choice",
      [node("new", false, false), self, node("a", true), node("b", false)],
      { targets: ["b" as NodeId], rank: 0, isSpare: false },
    ],
    [
      "takes a new node where there is none",
      [node("new", false, false), self, node("a", true)],
      { targets: ["new" as NodeId], rank: 0, isSpare: false },
    ],
    [
      "is spare when three others should have it and have it",
      [node("a", true), node("b", true), node("c", true), self],
      { targets: [], rank: 3, isSpare: true },
    ],
    [
      "is not spare while one of the three is silent",
      [node("a", true), node("b", undefined), node("c", true), self],
      { targets: [], rank: 2, isSpare: false },
    ],
    [
      "far from the location it still puts what is lacking",
      [node("a", false), node("b", false), node("c", false), node("d", false)],
      { targets: ["a", "b", "c"] as NodeId[], rank: 0, isSpare: false },
    ],
    [
      "is not spare in a network with fewer nodes than copies",
      [node("a", true), node("b", true)],
      { targets: [], rank: 2, isSpare: false },
    ],
  ])("%s", (_rule, candidates, plan) => {
    expect(planRepair(own, candidates, 3)).toEqual(plan);
  });

  it("makes whole what can be whole: if all who have it act, three old nodes have it, or all there are", () => {
    const candidate = fc.record({
      has: fc.boolean(),
      isOld: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(candidate, { minLength: 1, maxLength: 6 }), (flags) => {
        const nodes = flags.map((flag, at) => ({ id: `${at}` as NodeId, ...flag }));
        const havers = nodes.filter(({ has }) => has);
        const got = new Set(havers.map(({ id }) => id));
        const ranks = havers.map(({ id }) => {
          const plan = planRepair(id, nodes, 3);
          for (const target of plan.targets) got.add(target);
          expect(plan.isSpare && plan.targets.length > 0).toBe(false);
          return plan.rank;
        });
        expect(ranks).toEqual(havers.map((_, at) => at));
        if (havers.length === 0) return;
        const old = nodes.filter(({ id, isOld }) => isOld && got.has(id)).length;
        const oldInAll = nodes.filter(({ isOld }) => isOld).length;
        expect(old).toBeGreaterThanOrEqual(Math.min(3, oldInAll));
        expect(got.size).toBeGreaterThanOrEqual(Math.min(3, nodes.length));
      }),
    );
  });
});
