import { describe, expect, it } from "vitest";
import { filled, quiet, shared } from "../support/congestion.ts";
import { seedFor } from "../support/seed.ts";

describe("over a line of 50 Mbit/s and 100 ms that circuits share", () => {
  it("one circuit fills at least 80 % of the line", async () => {
    const { fromStart, underWay } = await filled(seedFor("congestion"));
    expect(fromStart).toBeGreaterThan(0.8);
    expect(underWay).toBeGreaterThan(0.9);
    expect(underWay).toBeLessThan(1.02);
  });

  it("two circuits get the same within 20 %, whichever came first", async () => {
    expect(await shared(seedFor("congestion"))).toBeGreaterThan(0.8);
  });

  it("a bulk circuit leaves the round trip of a quiet one below twice its idle value", async () => {
    const { alone, beside } = await quiet(seedFor("congestion"));
    expect(alone).toBeGreaterThan(99);
    expect(alone).toBeLessThan(105);
    expect(beside).toBeLessThan(2 * alone);
  });
});
