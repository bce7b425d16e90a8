import { describe, expect, test } from "vitest";
import { createVirtualClock } from "../virtual-clock.ts";

describe("virtual clock", () => {
  test("runs timers by deadline, and equal deadlines in the order they were armed", async () => {
    const clock = createVirtualClock();
    const order: string[] = [];
    clock.schedule(20, () => order.push("late"));
    clock.schedule(10, () => order.push("first of two"));
    clock.schedule(10, () => order.push("second of two"));
    clock.schedule(0, () => order.push("at once"));
    await clock.advance(20);
    expect(order).toEqual(["at once", "first of two", "second of two", "late"]);
    expect(clock.now()).toBe(20);
  });

  test("runs promise chains of any length between two timers of the same instant", async () => {
    const clock = createVirtualClock();
    const order: string[] = [];
    clock.schedule(1, async () => {
      for (let i = 0; i < 10_000; i++) await null;
      order.push("after ten thousand awaits");
    });
    clock.schedule(1, () => order.push("second timer"));
    await clock.advance(1);
    expect(order).toEqual(["after ten thousand awaits", "second timer"]);
  });

  test("runs deferred calls after the turn's timers and microtasks, before time moves", async () => {
    const clock = createVirtualClock();
    const order: string[] = [];
    const note = (what: string) => () => order.push(`${what} at ${clock.now()}`);
    clock.schedule(5, () => {
      clock.defer(() => {
        note("deferred")();
        clock.defer(note("deferred by deferred"));
        clock.schedule(0, note("timer armed by deferred"));
      });
      void Promise.resolve().then(note("microtask"));
    });
    clock.schedule(5, note("other timer"));
    clock.schedule(6, note("later timer"));
    await clock.advance(6);
    expect(order).toEqual([
      "microtask at 5",
      "other timer at 5",
      "deferred at 5",
      "timer armed by deferred at 5",
      "deferred by deferred at 5",
      "later timer at 6",
    ]);
  });

  test("never runs a cancelled timer, and forgets many of them", async () => {
    const clock = createVirtualClock();
    let ran = 0;
    const timers = Array.from({ length: 5000 }, (_, i) => clock.schedule(5000 - i, () => ran++));
    for (const timer of timers.slice(0, 4990)) timer.cancel();
    timers[0]?.cancel();
    expect(clock.pending).toBe(10);
    await clock.advance(5000);
    expect(ran).toBe(10);
    expect(clock.pending).toBe(0);
  });

  test("does not run what lies behind the time asked for", async () => {
    const clock = createVirtualClock();
    let ran = false;
    clock.schedule(10, () => {
      ran = true;
    });
    await clock.advance(9.5);
    expect(ran).toBe(false);
    await clock.advance(0.5);
    expect(ran).toBe(true);
  });

  test("stops at the instant a condition holds and says what was waited for when it never does", async () => {
    const clock = createVirtualClock();
    let count = 0;
    const tick = (): void => {
      count++;
      clock.schedule(10, tick);
    };
    clock.schedule(10, tick);
    await clock.runUntil(() => count === 3, { limit: 1000 });
    expect(clock.now()).toBe(30);
    await expect(clock.runUntil(() => false, { limit: 100, what: "the link to open" })).rejects.toThrow(
      "the link to open did not hold within 100 ms of virtual time (now 130 ms, 1 timers armed, next at 140 ms)",
    );
    const idle = createVirtualClock();
    await expect(idle.runUntil(() => false, { limit: 100 })).rejects.toThrow("nothing is left to run");
  });

  test("hands on a promise's value, a promise's error and a timer's error", async () => {
    const clock = createVirtualClock();
    const after = (ms: number): Promise<number> => new Promise((done) => clock.schedule(ms, () => done(ms)));
    expect(await clock.complete(after(250), { limit: 1000 })).toBe(250);
    await expect(clock.complete(Promise.reject(new Error("no")), { limit: 1 })).rejects.toThrow("no");
    clock.schedule(1, () => {
      throw new Error("from a timer");
    });
    await expect(clock.advance(2)).rejects.toThrow("from a timer");
    await clock.advance(1);
  });

  test("refuses to run twice at once and refuses delays that are no numbers", async () => {
    const clock = createVirtualClock();
    const running = clock.advance(1);
    await expect(clock.advance(1)).rejects.toThrow("already running");
    await running;
    expect(() => clock.schedule(Number.NaN, () => {})).toThrow(RangeError);
    expect(() => clock.schedule(Number.POSITIVE_INFINITY, () => {})).toThrow(RangeError);
  });

  test("steps the wall clock without touching the steady one", async () => {
    const clock = createVirtualClock({ unixStart: 1000 });
    await clock.advance(5);
    clock.stepUnix(-500);
    expect([clock.now(), clock.unixNow()]).toEqual([5, 505]);
  });
});
