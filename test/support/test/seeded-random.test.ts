import { expect, test } from "vitest";
import { createSeededRandom } from "../seeded-random.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("the same seed gives the same bytes, however they are cut", () => {
  const whole = createSeededRandom("a").bytes(10_000);
  const cut = createSeededRandom("a");
  const parts = [1, 4095, 2, 5000, 902].map((length) => cut.bytes(length));
  expect(hex(Buffer.concat(parts))).toBe(hex(whole));
  expect(hex(createSeededRandom("b").bytes(32))).not.toBe(hex(whole.subarray(0, 32)));
});

test("the stream of a seed never changes: recorded seeds stay good", () => {
  expect(hex(createSeededRandom(1).bytes(8))).toBe("b233ea80f15290cb");
});

test("a fork depends on seed and label alone", () => {
  const used = createSeededRandom(7);
  used.bytes(100);
  expect(hex(used.fork("x").bytes(16))).toBe(hex(createSeededRandom(7).fork("x").bytes(16)));
  expect(hex(used.fork("x").bytes(16))).not.toBe(hex(used.fork("y").bytes(16)));
});

test("fractions lie in [0, 1) and spread", () => {
  const random = createSeededRandom(3);
  const drawn = Array.from({ length: 2000 }, () => random.fraction());
  expect(drawn.every((each) => each >= 0 && each < 1)).toBe(true);
  const mean = drawn.reduce((sum, each) => sum + each, 0) / drawn.length;
  expect(mean).toBeGreaterThan(0.47);
  expect(mean).toBeLessThan(0.53);
});
