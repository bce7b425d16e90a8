import type { NodeId } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { createEndpointChoice } from "../../src/client/endpoint-choice.ts";
import { CLIENT_MAX_FAILED_ENDPOINTS } from "../../src/limits.ts";

const ids = Array.from({ length: CLIENT_MAX_FAILED_ENDPOINTS + 1 }, (_, at) => `node-${at}` as NodeId);

describe("the endpoints to avoid", () => {
  it("are those in use now and those that failed", () => {
    const inUse = ["used" as NodeId];
    const choice = createEndpointChoice(() => inUse);
    choice.failed(ids[0] as NodeId);
    expect(choice.toAvoid()).toEqual(new Set(["used", ids[0]]));
    inUse.pop();
    expect(choice.toAvoid()).toEqual(new Set([ids[0]]));
  });

  it("are remembered up to a cap; the oldest failure is forgotten first", () => {
    const choice = createEndpointChoice(() => []);
    for (const id of ids.slice(0, -1)) choice.failed(id);
    expect(choice.toAvoid()).toEqual(new Set(ids.slice(0, -1)));
    choice.failed(ids[0] as NodeId);
    choice.failed(ids.at(-1) as NodeId);
    expect(choice.toAvoid()).toEqual(new Set([...ids.slice(2), ids[0]]));
  });
});
