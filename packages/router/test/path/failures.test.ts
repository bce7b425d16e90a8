import { describe, expect, it } from "vitest";
import { FAILED_NODE_MS, MAX_COUNTED_BUILDS, MAX_FAILED_NODES, MAX_LISTED_GUARDS } from "../../src/limits.ts";
import { createFailedNodes } from "../../src/path/failed-nodes.ts";
import { createPathBias } from "../../src/path/path-bias.ts";
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

describe("path bias", () => {
  it("counts builds and failures per guard, without names", () => {
    const bias = createPathBias();
    bias.count(idOf(1), "built");
    bias.count(idOf(2), "failed");
    bias.count(idOf(1), "failed");
    expect(bias.counts()).toEqual([
      { attempts: 2, failures: 1 },
      { attempts: 1, failures: 1 },
    ]);
  });

  it("halves both counters at the cap, so that the share stays", () => {
    const bias = createPathBias();
    for (let build = 1; build < MAX_COUNTED_BUILDS; build++) {
      bias.count(idOf(1), build % 2 === 0 ? "failed" : "built");
    }
    expect(bias.counts()).toEqual([{ attempts: 999, failures: 499 }]);
    bias.count(idOf(1), "failed");
    expect(bias.counts()).toEqual([{ attempts: 500, failures: 250 }]);
  });

  it("keeps as many guards as are listed; one more forgets the first", () => {
    const bias = createPathBias();
    for (let guard = 0; guard < MAX_LISTED_GUARDS; guard++)
      bias.count(idOf(guard), guard === 0 ? "failed" : "built");
    expect(bias.counts()).toHaveLength(MAX_LISTED_GUARDS);
    expect(bias.counts()[0]!.failures).toBe(1);
    bias.count(idOf(MAX_LISTED_GUARDS), "built");
    expect(bias.counts()).toHaveLength(MAX_LISTED_GUARDS);
    expect(bias.counts()[0]!.failures).toBe(0);
  });
});
