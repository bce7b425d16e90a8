import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DeadlineHeap } from "../../src/node/deadline-heap.ts";

const owner = (at: number | undefined) => ({
  at,
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
});
