import { expect, test } from "vitest";
import { MAX_RATED_PREFIXES } from "../../src/limits.ts";
import { createPrefixRate } from "../../src/platform/prefix-rate.ts";

const PLENTY = { perSecond: 1, burst: 1e6 };

test("the last connection of a burst is taken, one more is not, until time has passed", () => {
  const rate = createPrefixRate({ perSecond: 2, burst: 3 }, PLENTY, 0);
  const taken = (host: string, now: number, times: number) =>
    Array.from({ length: times }, () => rate.take(host, now)).filter(Boolean).length;
  expect(taken("203.0.113.1", 0, 3)).toBe(3);
  expect(taken("203.0.113.200", 0, 1)).toBe(0);
  expect(taken("203.0.114.1", 0, 4)).toBe(3);
  expect(taken("203.0.113.1", 499, 1)).toBe(0);
  expect(taken("203.0.113.1", 500, 2)).toBe(1);
  expect(taken("203.0.113.1", 60_000, 9)).toBe(3);
});

test("all prefixes together have a rate, loopback too", () => {
  const rate = createPrefixRate({ perSecond: 1, burst: 2 }, { perSecond: 1, burst: 4 }, 0);
  const hosts = ["127.0.0.1", "::1", "127.0.0.1", "203.0.113.1"];
  expect(hosts.map((host) => rate.take(host, 0))).toEqual([true, true, true, true]);
  expect([rate.take("127.0.0.1", 0), rate.take("203.0.114.1", 0)]).toEqual([false, false]);
});

test(`${MAX_RATED_PREFIXES} prefixes are remembered; one more forgets what did nothing lately, then the oldest`, () => {
  const rate = createPrefixRate({ perSecond: 1, burst: 1 }, PLENTY, 0);
  const host = (number: number) => `10.${number >> 8}.${number & 255}.1`;
  for (let number = 0; number < MAX_RATED_PREFIXES; number++) rate.take(host(number), 0);
  expect(rate.take(host(0), 0)).toBe(false);
  rate.take("192.0.2.1", 0);
  expect([rate.take(host(0), 0), rate.take(host(1), 0)]).toEqual([false, true]);
});
