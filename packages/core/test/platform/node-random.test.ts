import { describe, expect, it } from "vitest";
import { nodeRandom } from "../../src/platform/node-random.ts";

describe("the system's random source", () => {
  it.each([0, 1, 16, 255, 256, 257, 4096, 5000])("gives %i bytes that the caller owns", (length) => {
    const bytes = nodeRandom.bytes(length);
    expect(bytes).toHaveLength(length);
    expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
  });

  it("never gives the same bytes twice, across many fillings of the pool", () => {
    const seen = new Set<string>();
    for (let turn = 0; turn < 2000; turn++) seen.add(String(nodeRandom.bytes(16)));
    expect(seen.size).toBe(2000);
  });

  it("gives every byte value about as often as the others", () => {
    const counts = new Uint32Array(256);
    for (let turn = 0; turn < 1000; turn++) for (const byte of nodeRandom.bytes(256)) counts[byte]!++;
    expect(Math.min(...counts)).toBeGreaterThan(700);
    expect(Math.max(...counts)).toBeLessThan(1300);
  });

  it("hands out arrays that later requests do not touch", () => {
    const first = nodeRandom.bytes(32);
    const copy = first.slice();
    for (let turn = 0; turn < 300; turn++) nodeRandom.bytes(32);
    expect(first).toEqual(copy);
  });
});
