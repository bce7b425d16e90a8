import { afterEach, expect, test, vi } from "vitest";
import { systemClock, systemTimers } from "../../src/platform/system-clock.ts";

afterEach(() => vi.useRealTimers());

test("deferred calls run after this turn and its microtasks", async () => {
  const order: string[] = [];
  await new Promise<void>((done) => {
    systemTimers.defer(() => {
      order.push("deferred");
      done();
    });
    void Promise.resolve().then(() => order.push("microtask"));
    order.push("now");
  });
  expect(order).toEqual(["now", "microtask", "deferred"]);
});

test("delays beyond what setTimeout can hold are kept, and can be cancelled", () => {
  vi.useFakeTimers();
  const days = (count: number): number => count * 86_400_000;
  let ran = 0;
  systemTimers.schedule(days(60), () => ran++);
  const cancelled = systemTimers.schedule(days(60), () => {
    ran += 100;
  });
  vi.advanceTimersByTime(days(50));
  cancelled.cancel();
  expect(ran).toBe(0);
  vi.advanceTimersByTime(days(10));
  expect(ran).toBe(1);
});

test("a delay that is no number is refused, a negative one is none", async () => {
  expect(() => systemTimers.schedule(Number.NaN, () => {})).toThrow(RangeError);
  await new Promise<void>((done) => systemTimers.schedule(-5, done));
});

test("the steady clock never steps back, the wall clock is the system's", () => {
  const before = systemClock.now();
  expect(systemClock.now()).toBeGreaterThanOrEqual(before);
  expect(Math.abs(systemClock.unixNow() - Date.now())).toBeLessThan(1000);
});
