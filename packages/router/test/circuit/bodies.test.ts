import { BODY_BYTES } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { createBodies } from "../../src/circuit/bodies.ts";

describe("the bodies of a burst", () => {
  it("are zeros, as long as a body, and share no byte", () => {
    const bodies = createBodies();
    const burst = Array.from({ length: 20 }, () => bodies.next());
    for (const [number, body] of burst.entries()) {
      expect(body.length).toBe(BODY_BYTES);
      expect(body.every((byte) => byte === 0)).toBe(true);
      body.fill(number + 1);
    }
    for (const [number, body] of burst.entries())
      expect(body.every((byte) => byte === number + 1)).toBe(true);
  });

  it("take one body's memory for one cell, and a block's for the cells of a block", () => {
    const bodies = createBodies();
    expect(bodies.next().buffer.byteLength).toBe(BODY_BYTES);
    const rest = Array.from({ length: 7 }, () => bodies.next());
    expect(new Set(rest.map((body) => body.buffer)).size).toBe(1);
    expect(rest[0]?.buffer.byteLength).toBe(7 * BODY_BYTES);
  });
});
