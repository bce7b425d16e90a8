import { decodeDescriptor, parseAddress, periodStart } from "@umbel/core";
import { nodeProvider as crypto } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import { createSelfDescriptors } from "../../src/directory/self-descriptors.ts";
import { keysOf, network, PERIOD } from "../support/descriptors.ts";

describe("a node's own descriptors", () => {
  let hasKeys = true;
  const clock = { unix: periodStart(network, PERIOD), now: () => 0, unixNow: () => clock.unix };
  const self = createSelfDescriptors({
    crypto,
    network,
    keys: () => (hasKeys ? keysOf(0) : undefined),
    content: {
      roles: { relay: true, store: false },
      capacityClass: 2,
      versions: { min: 1, max: 1 },
      family: undefined,
      addresses: [parseAddress("ws://127.1.0.1:1")],
    },
    clock,
  });
  const periods = () => self().map((bytes) => decodeDescriptor(crypto, network, bytes).period);
  const quarter = network.descriptorPeriodMs / 4;

  it("are one for the period, and the next one's too in its last quarter", () => {
    expect(periods()).toEqual([PERIOD]);
    clock.unix += 3 * quarter - 1;
    expect(periods()).toEqual([PERIOD]);
    clock.unix += 1;
    expect(periods()).toEqual([PERIOD, PERIOD + 1]);
    const [, next] = self();
    clock.unix += quarter;
    expect(periods()).toEqual([PERIOD + 1]);
    expect(self()[0]).toBe(next);
  });

  it("wait for the keys of their period", () => {
    clock.unix += network.descriptorPeriodMs;
    hasKeys = false;
    expect(periods()).toEqual([]);
    hasKeys = true;
    expect(periods()).toEqual([PERIOD + 2]);
  });
});
