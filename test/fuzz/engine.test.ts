import { UmbelError } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { fuzz, tryInput } from "./engine.ts";
import { createChoices, mutate } from "./mutate.ts";
import { canonicalTarget, type FuzzTarget } from "./target.ts";

/** One byte that says how many more follow. */
function decodeCounted(bytes: Uint8Array): Uint8Array {
  if (bytes.length !== 1 + (bytes[0] ?? 0)) throw new UmbelError("BAD_ENCODING", "another length");
  return bytes.subarray(1);
}

function countedTarget(decode: (bytes: Uint8Array) => Uint8Array): FuzzTarget {
  return canonicalTarget({
    name: "counted",
    covers: [],
    maxBytes: 40,
    codes: ["BAD_ENCODING"],
    seeds: () => [Uint8Array.of(2, 7, 8)],
    decode,
    encode: (value) => Uint8Array.of(value.length, ...value),
  });
}

async function foundIn(target: FuzzTarget): Promise<unknown[]> {
  const { findings } = await fuzz(target, { seed: 1, start: target.seeds(), maxExecutions: 2000 });
  return findings.map(({ error }) => (error as Error).name);
}

describe("the fuzzer", () => {
  it("finds nothing in a decoder that is right", async () => {
    expect(await foundIn(countedTarget(decodeCounted))).toEqual([]);
  });

  it("finds a decoder that ignores trailing bytes", async () => {
    const lax = (bytes: Uint8Array): Uint8Array =>
      decodeCounted(bytes.length > 1 + (bytes[0] ?? 0) ? bytes.subarray(0, 1 + (bytes[0] ?? 0)) : bytes);
    expect(await foundIn(countedTarget(lax))).toEqual(["BrokenRule"]);
  });

  it("finds an error that is not the decoder's own, and one of a code that is not allowed", async () => {
    const careless = (bytes: Uint8Array): Uint8Array => {
      if (bytes.length === 0) throw new TypeError("nothing there");
      if (bytes[0] === 0) throw new UmbelError("INTERNAL", "zero");
      return decodeCounted(bytes);
    };
    expect((await foundIn(countedTarget(careless))).sort()).toEqual(["TypeError", "UmbelError"]);
  });

  it("finds an input that takes too long, and one that takes too much memory", async () => {
    const held: Uint8Array[] = [];
    const limits = { ms: 500, bytes: 10 * 1024 * 1024 };
    const greedy: FuzzTarget = {
      ...countedTarget(decodeCounted),
      run(bytes) {
        if (bytes[0] === 1) held.push(new Uint8Array(20 * 1024 * 1024));
        const end = performance.now() + (bytes[0] === 2 ? 510 : 0);
        while (performance.now() < end);
      },
    };
    expect(await tryInput(greedy, Uint8Array.of(0), limits)).toBeUndefined();
    expect(String((await tryInput(greedy, Uint8Array.of(1), limits))?.error)).toContain("bytes of memory");
    expect(String((await tryInput(greedy, Uint8Array.of(2), limits))?.error)).toContain("ms");
    expect(held.length).toBe(1);
  });

  it("makes the same inputs of the same seed, within the longest length, and others of another", () => {
    const inputs = (seed: number): string[] => {
      const choices = createChoices(seed);
      const start = Uint8Array.from({ length: 30 }, (_, at) => at);
      const target = { maxBytes: 35, words: ["word"] };
      return Array.from({ length: 300 }, () =>
        Buffer.from(mutate(target, choices, start, [start])).toString("hex"),
      );
    };
    expect(inputs(5)).toEqual(inputs(5));
    expect(inputs(5)).not.toEqual(inputs(6));
    expect(inputs(5).every((hex) => hex.length <= 70)).toBe(true);
    expect(new Set(inputs(5)).size).toBeGreaterThan(200);
  });
});
