import { type NodeId, UmbelError } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { createVirtualClock } from "../../../../test/support/virtual-clock.ts";
import { READY_CIRCUIT_CHECK_MS, READY_CIRCUIT_MAX_AGE_MS } from "../../src/limits.ts";
import type { Circuit, CircuitRequest } from "../../src/node/overlay.ts";
import { createReadyCircuits } from "../../src/path/ready-circuits.ts";

const REQUEST: CircuitRequest = { purpose: { operation: Symbol("a fetch"), carries: "data" } };

/** Circuits ready ahead, over a builder whose endpoints are numbered, and what that builder was asked. */
async function world(count: number) {
  const clock = createVirtualClock();
  const asked: CircuitRequest[] = [];
  const built: (Circuit & { break(): void })[] = [];
  let fails = false;
  const ready = createReadyCircuits({
    count,
    clock,
    timers: clock,
    random: createSeededRandom("ready circuits"),
    builder: {
      async build(request) {
        asked.push(request);
        if (fails) throw new UmbelError("NO_PATH", "as the test says");
        let isOpen = true;
        const circuit = {
          path: ["guard", "middle", `endpoint ${built.length}`] as NodeId[],
          get isOpen() {
            return isOpen;
          },
          callsInFlight: 0,
          call: () => Promise.reject(new UmbelError("INTERNAL", "not called here")),
          close() {
            isOpen = false;
          },
          break() {
            isOpen = false;
          },
        };
        built.push(circuit);
        return circuit;
      },
    },
  });
  const settle = () => clock.advance(0);
  await settle();
  const fail = (value: boolean) => {
    fails = value;
  };
  return { ready, clock, asked, built, settle, fail };
}

describe("circuits built ahead", () => {
  it("are given out once each, and others are built in their place", async () => {
    const { ready, built, settle } = await world(2);
    expect(built).toHaveLength(2);
    const taken = [await ready.build(REQUEST), await ready.build(REQUEST)];
    await settle();
    expect(new Set(taken).size).toBe(2);
    for (const circuit of taken) expect(built.slice(0, 2)).toContain(circuit);
    expect(built).toHaveLength(4);
  });

  it("have other endpoints than those that stand ready", async () => {
    const { asked, built } = await world(3);
    expect([...(asked[2]?.avoidEndpoints ?? [])]).toEqual(built.slice(0, 2).map(({ path }) => path[2]));
  });

  it("are not given to a request that avoids their endpoint, wants second guards, another length, or a directory", async () => {
    const { ready, built } = await world(1);
    const others: readonly CircuitRequest[] = [
      { ...REQUEST, avoidEndpoints: new Set([built[0]?.path[2] as NodeId]) },
      { ...REQUEST, secondGuard: true },
      { ...REQUEST, hops: 4 },
      { ...REQUEST, purpose: { operation: Symbol("directory"), carries: "directory" } },
    ];
    for (const request of others) expect(await ready.build(request)).not.toBe(built[0]);
    expect(await ready.build(REQUEST)).toBe(built[0]);
  });

  it("are replaced when they broke or grew old", async () => {
    const { ready, clock, built } = await world(2);
    built[0]?.break();
    expect(await ready.build(REQUEST)).not.toBe(built[0]);
    await clock.advance(READY_CIRCUIT_MAX_AGE_MS + READY_CIRCUIT_CHECK_MS);
    expect(built.slice(0, 3).every(({ isOpen }, index) => index === 1 || !isOpen)).toBe(true);
    expect(built.filter(({ isOpen }) => isOpen).length).toBeGreaterThanOrEqual(2);
  });

  it("that cannot be built are tried again at the next check, and the error goes to whoever needs one", async () => {
    const { ready, clock, asked, fail, settle } = await world(1);
    fail(true);
    await ready.build(REQUEST);
    await settle();
    await expect(ready.build(REQUEST)).rejects.toMatchObject({ code: "NO_PATH" });
    await settle();
    const before = asked.length;
    fail(false);
    await clock.advance(READY_CIRCUIT_CHECK_MS);
    expect(asked.length).toBe(before + 1);
  });

  it("are closed when they are no longer wanted", async () => {
    const { ready, built, clock } = await world(2);
    ready.stop();
    expect(built.some(({ isOpen }) => isOpen)).toBe(false);
    await clock.advance(READY_CIRCUIT_CHECK_MS);
    expect(built).toHaveLength(2);
  });
});
