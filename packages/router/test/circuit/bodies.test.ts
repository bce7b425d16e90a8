import { BODY_BYTES } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { giveBackBody, ownBody, takeBody } from "../../src/circuit/bodies.ts";
import { MAX_SPARE_BODIES } from "../../src/limits.ts";

const MORE_THAN_ARE_KEPT = MAX_SPARE_BODIES + 1;
const taken = (count: number) => Array.from({ length: count }, takeBody);

describe("the bodies of cells that start here", () => {
  it("are as long as a body and share no byte, however many were given back before", () => {
    for (const body of taken(MORE_THAN_ARE_KEPT)) giveBackBody(body);
    const bodies = taken(MORE_THAN_ARE_KEPT);
    expect(new Set(bodies.map((body) => body.buffer)).size).toBe(MORE_THAN_ARE_KEPT);
    for (const body of bodies)
      expect([body.length, body.buffer.byteLength]).toEqual([BODY_BYTES, BODY_BYTES]);
  });

  it(`are used again, ${MAX_SPARE_BODIES} of them and not one more`, () => {
    const bodies = new Set(taken(MORE_THAN_ARE_KEPT));
    for (const body of bodies) giveBackBody(body);
    const again = taken(MORE_THAN_ARE_KEPT).filter((body) => bodies.has(body));
    expect(again).toHaveLength(MAX_SPARE_BODIES);
  });

  it("are not used again where they are a view of something larger: that is kept by others", () => {
    const record = new Uint8Array(2 * BODY_BYTES);
    const views = [record.subarray(0, BODY_BYTES), record.subarray(BODY_BYTES)];
    for (const view of [...views, new Uint8Array(0), new Uint8Array(BODY_BYTES - 1)]) giveBackBody(view);
    for (const body of taken(4)) {
      expect(views).not.toContain(body);
      expect(body.length).toBe(BODY_BYTES);
    }
  });

  it("are copies where they were views, and stay what they are where nothing else shares their memory", () => {
    const record = Uint8Array.from({ length: 2 * BODY_BYTES }, (_, at) => at % 251);
    for (const view of [record.subarray(BODY_BYTES), record.subarray(5, 9)]) {
      const own = ownBody(view);
      expect(own).toEqual(view);
      expect(own.buffer.byteLength).toBe(view.length);
    }
    const alone = new Uint8Array(BODY_BYTES);
    expect(ownBody(alone)).toBe(alone);
  });
});
