import { describe, expect, it } from "vitest";
import { FAILED_NODE_MS, MAX_FAILED_NODES } from "../../src/limits.ts";
import { createFailedNodes } from "../../src/path/failed-nodes.ts";
import { idOf } from "../support/known-nodes.ts";

describe("failed nodes", () => {
  it("are forgotten when their time has passed, counted from the last failure", () => {
    const failed = createFailedNodes();
    failed.add(idOf(1), 0);
    failed.add(idOf(2), 0);
    failed.add(idOf(1), 10);
    expect([...failed.at(FAILED_NODE_MS - 1)].sort()).toEqual([idOf(1), idOf(2)].sort());
    expect([...failed.at(FAILED_NODE_MS)]).toEqual([idOf(1)]);
    expect(failed.at(FAILED_NODE_MS + 10).size).toBe(0);
  });

  it("are capped: one more forgets the oldest", () => {
    const failed = createFailedNodes();
    for (let node = 0; node < MAX_FAILED_NODES; node++) failed.add(idOf(node), node);
    expect(failed.at(MAX_FAILED_NODES).size).toBe(MAX_FAILED_NODES);
    failed.add(idOf(MAX_FAILED_NODES), MAX_FAILED_NODES);
    const left = failed.at(MAX_FAILED_NODES);
    expect(left.size).toBe(MAX_FAILED_NODES);
    expect(left.has(idOf(0))).toBe(false);
  });
});
