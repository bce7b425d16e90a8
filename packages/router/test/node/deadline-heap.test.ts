import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type DeadlineEntry, DeadlineHeap } from "../../src/node/deadline-heap.ts";

const owner = (at: number | undefined) => ({
  at,
  entered: undefined as DeadlineEntry | undefined,
  nextDeadline() {
    return this.at;
  },
});

describe("a deadline heap", () => {
  it("gives out owners in the order of their deadlines, whatever the order of entry", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 60 }), (times) => {
        const heap = new DeadlineHeap<ReturnType<typeof owner>>();
        for (const at of times) heap.update(owner(at));
        const out = heap.due(1000).map((one) => one.at);
        expect(out).toEqual([...times].sort((a, b) => a - b));
      }),
    );
  });

  it("does not give out an owner whose deadline moved later, until then", () => {
    const heap = new DeadlineHeap<ReturnType<typeof owner>>();
    const one = owner(10);
    heap.update(one);
    one.at = 20;
    expect(heap.due(15)).toEqual([]);
    expect(heap.earliest).toBe(20);
    expect(heap.due(20)).toEqual([one]);
  });

  it("gives out an owner once when its deadline moved earlier", () => {
    const heap = new DeadlineHeap<ReturnType<typeof owner>>();
    const one = owner(30);
    heap.update(one);
    one.at = 5;
    heap.update(one);
    expect(heap.due(5)).toEqual([one]);
    one.at = undefined;
    expect(heap.due(100)).toEqual([]);
  });

  it("does not give out an owner that was removed", () => {
    const heap = new DeadlineHeap<ReturnType<typeof owner>>();
    const one = owner(5);
    heap.update(one);
    heap.remove(one);
    expect(heap.due(10)).toEqual([]);
  });

  it("does what a list of owners does, in every order of entries, moves, removals and time", () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant("move" as const), who: fc.nat(5), at: fc.option(fc.nat(100)) }),
      fc.record({ do: fc.constant("remove" as const), who: fc.nat(5) }),
      fc.record({ do: fc.constant("due" as const), by: fc.nat(30) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const heap = new DeadlineHeap<ReturnType<typeof owner>>();
        const owners = Array.from({ length: 6 }, () => owner(undefined));
        const entered = new Set<ReturnType<typeof owner>>();
        let now = 0;
        for (const one of steps) {
          if (one.do === "move") {
            const moved = owners[one.who]!;
            moved.at = one.at === null ? undefined : now + one.at;
            heap.update(moved);
            if (moved.at !== undefined) entered.add(moved);
          } else if (one.do === "remove") {
            const gone = owners[one.who]!;
            gone.at = undefined;
            heap.remove(gone);
            entered.delete(gone);
          } else {
            now += one.by;
            const expected = [...entered].filter(({ at }) => at !== undefined && at <= now);
            const due = heap.due(now);
            expect(new Set(due)).toEqual(new Set(expected));
            expect(due.length).toBe(expected.length);
            for (const taken of due) {
              taken.at = undefined;
              entered.delete(taken);
            }
          }
          const next = Math.min(...[...entered].map(({ at }) => at ?? Infinity));
          if (next !== Infinity) expect(heap.earliest).toBeLessThanOrEqual(next);
        }
      }),
    );
  });
});
