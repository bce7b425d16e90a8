import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FairQueue, type Flow, RECENT_USE_HALF_LIFE_MS } from "../../src/link/fair-queue.ts";

interface Named extends Flow {
  readonly name: string;
}

const flow = (name: string): Named => ({ name, use: 0, epoch: 0, turn: 0, place: -1 });

/** Lets `count` cells leave at `now`; whose they were. */
function serve(queue: FairQueue<Named>, count: number, now = 0): string[] {
  return Array.from({ length: count }, () => {
    const { name } = queue.first!;
    queue.charge(queue.weightAt(now));
    return name;
  });
}

const countOf = (served: string[], name: string) => served.filter((each) => each === name).length;

describe("a fair queue", () => {
  it("gives each of equal flows one cell in turn, the one that waits longest first", () => {
    const queue = new FairQueue<Named>();
    for (const name of ["a", "b", "c"]) queue.enter(flow(name));
    expect(serve(queue, 7)).toEqual(["a", "b", "c", "a", "b", "c", "a"]);
  });

  it("puts a flow that used the link less before one that used it more, until they are even", () => {
    const queue = new FairQueue<Named>();
    queue.enter(flow("busy"));
    serve(queue, 100);
    queue.enter(flow("quiet"));
    const served = serve(queue, 200);
    expect(served.slice(0, 99)).toEqual(Array(99).fill("quiet"));
    expect(countOf(served.slice(100), "quiet")).toBeGreaterThanOrEqual(49);
    expect(countOf(served.slice(100), "busy")).toBeGreaterThanOrEqual(49);
  });

  it("counts a cell half as much after each half-life", () => {
    const queue = new FairQueue<Named>();
    const [old, recent] = [flow("old"), flow("recent")];
    queue.enter(old);
    serve(queue, 100, 0);
    queue.leave(old);
    queue.enter(recent);
    serve(queue, 30, 2 * RECENT_USE_HALF_LIFE_MS);
    queue.enter(old);
    // 100 cells of two half-lives ago are 25 now: five less than 30.
    expect(serve(queue, 6, 2 * RECENT_USE_HALF_LIFE_MS).slice(0, 5)).toEqual(Array(5).fill("old"));
  });

  it("keeps the order of use for as long as a link lasts, through every rebase of its weights", () => {
    const queue = new FairQueue<Named>();
    const [busy, quiet, idle] = [flow("busy"), flow("quiet"), flow("idle")];
    queue.enter(idle);
    serve(queue, 1000, 0);
    queue.leave(idle);
    queue.enter(busy);
    for (let now = 0; now < 1000 * RECENT_USE_HALF_LIFE_MS; now += RECENT_USE_HALF_LIFE_MS / 2) {
      serve(queue, 10, now);
      queue.enter(quiet);
      expect(queue.first).toBe(quiet);
      serve(queue, 1, now);
      queue.leave(quiet);
      expect([busy.use, quiet.use].every(Number.isFinite)).toBe(true);
    }
    queue.enter(idle);
    expect(queue.first).toBe(idle);
    expect(idle.use).toBeLessThan(1e-200);
  });

  it("starts at any time, and at the same inputs gives the same order", () => {
    const run = () => {
      const queue = new FairQueue<Named>();
      for (const name of ["a", "b", "c", "d"]) queue.enter(flow(name));
      return serve(queue, 5, 1e12).concat(serve(queue, 50, 1e12 + 777), serve(queue, 50, 1e12 + 1e6));
    };
    expect(run()).toEqual(run());
  });

  it("serves the least used, then the longest waiting, in every order of calls", () => {
    const call = fc.record({ who: fc.nat(7), what: fc.constantFrom("turn", "toggle"), wait: fc.nat(400) });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 300 }), (calls) => {
        const queue = new FairQueue<Named>();
        const flows = Array.from({ length: 8 }, (_, i) => flow(String(i)));
        const waiting = new Set<Named>();
        let now = 0;
        for (const { who, what, wait } of calls) {
          now += wait;
          const one = flows[who]!;
          if (what === "toggle") {
            if (waiting.delete(one)) queue.leave(one);
            else {
              waiting.add(one);
              queue.enter(one);
            }
          } else if (waiting.size > 0) queue.charge(queue.weightAt(now));
          const least = [...waiting].sort((a, b) => a.use - b.use || a.turn - b.turn)[0];
          expect(queue.first).toBe(least);
        }
      }),
    );
  });
});
