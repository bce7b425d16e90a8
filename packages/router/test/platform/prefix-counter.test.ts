import { expect, test } from "vitest";
import { createPrefixCounter } from "../../src/platform/prefix-counter.ts";

test("the last place of a prefix is given, one more is not, and a place comes free again", () => {
  const counter = createPrefixCounter(2);
  counter.add("203.0.113.1");
  expect(counter.hasRoom("203.0.113.200")).toBe(true);
  counter.add("203.0.113.200");
  expect(counter.hasRoom("203.0.113.7")).toBe(false);
  expect(counter.hasRoom("203.0.114.7")).toBe(true);
  counter.remove("203.0.113.1");
  expect(counter.hasRoom("203.0.113.7")).toBe(true);
});

test("IPv6 counts by /48, however the address is written", () => {
  const counter = createPrefixCounter(1);
  counter.add("2001:db8:5::1");
  expect(counter.hasRoom("2001:db8:5:ffff::")).toBe(false);
  expect(counter.hasRoom("2001:db8:5:1:2:3:4:5")).toBe(false);
  expect(counter.hasRoom("2001:db8:6::1")).toBe(true);
  counter.add("2001:db8::1");
  expect(counter.hasRoom("2001:db8:0:1::")).toBe(false);
});

test("loopback is not counted", () => {
  const counter = createPrefixCounter(0);
  expect(["127.0.0.1", "127.9.0.1", "::1"].map(counter.hasRoom)).toEqual([true, true, true]);
  expect(counter.hasRoom("10.0.0.1")).toBe(false);
});
