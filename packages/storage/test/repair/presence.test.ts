import type { NodeId } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { createVirtualClock } from "../../../../test/support/virtual-clock.ts";
import { REPAIR_AWAY_MS, REPAIR_MAX_FAILING } from "../../src/limits.ts";
import { createAcquaintance, createPresence, presentDirectory } from "../../src/repair/presence.ts";

const id = (name: string | number) => `node ${name}` as NodeId;
const at = (name: string | number) => ({ id: id(name), position: new Uint8Array(32) });

describe("who is away", () => {
  it("is who failed twice, far enough apart, without an answer between", async () => {
    const clock = createVirtualClock();
    const presence = createPresence(clock);
    presence.failed(id(1));
    await clock.advance(REPAIR_AWAY_MS - 1);
    presence.failed(id(1));
    expect(presence.isAway(id(1))).toBe(false);
    await clock.advance(1);
    presence.failed(id(1));
    expect(presence.isAway(id(1))).toBe(true);
    expect(presence.away()).toEqual([id(1)]);
  });

  it("starts anew after an answer, and comes back with one", async () => {
    const clock = createVirtualClock();
    const presence = createPresence(clock);
    presence.failed(id(1));
    presence.reached(id(1));
    await clock.advance(REPAIR_AWAY_MS);
    presence.failed(id(1));
    expect(presence.isAway(id(1))).toBe(false);
    await clock.advance(REPAIR_AWAY_MS);
    presence.failed(id(1));
    const { revision } = presence;
    expect(presence.isAway(id(1))).toBe(true);
    presence.reached(id(1));
    expect(presence.isAway(id(1))).toBe(false);
    expect(presence.revision).not.toBe(revision);
  });

  it(`remembers ${REPAIR_MAX_FAILING} failing nodes; one more pushes out the first`, async () => {
    const clock = createVirtualClock();
    const presence = createPresence(clock);
    for (let n = 0; n < REPAIR_MAX_FAILING; n++) presence.failed(id(n));
    await clock.advance(REPAIR_AWAY_MS);
    presence.failed(id(0));
    expect(presence.isAway(id(0))).toBe(true);
    presence.failed(id("one more"));
    expect(presence.isAway(id(0))).toBe(false);
    presence.failed(id(1));
    expect(presence.isAway(id(1))).toBe(true);
  });

  it("is left out of the directory until it answers, and forgotten when it leaves the directory", async () => {
    const clock = createVirtualClock();
    const presence = createPresence(clock);
    let nodes = [at(1), at(2)];
    let revision = 0;
    const directory = presentDirectory(
      {
        get revision() {
          return revision;
        },
        storeNodes: () => nodes,
        isRelay: (wanted) => wanted === id(2),
      },
      presence,
    );
    const before = directory.revision;
    presence.failed(id(1));
    await clock.advance(REPAIR_AWAY_MS);
    presence.failed(id(1));
    expect(directory.revision).not.toBe(before);
    expect(directory.storeNodes()).toEqual([at(2)]);
    expect([directory.isRelay(id(1)), directory.isRelay(id(2))]).toEqual([false, true]);
    nodes = [at(2), at(3)];
    revision++;
    expect(directory.storeNodes()).toEqual([at(2), at(3)]);
    expect(presence.away()).toEqual([]);
  });
});

describe("who is old", () => {
  it("is who was there at the start, or came long enough ago and did not leave", async () => {
    const clock = createVirtualClock();
    const acquaintance = createAcquaintance(clock, 1000);
    expect(acquaintance.isOld(id(1))).toBe(false);
    acquaintance.meet([at(1)]);
    acquaintance.meet([at(1), at(2)]);
    expect([acquaintance.isOld(id(1)), acquaintance.isOld(id(2))]).toEqual([true, false]);
    await clock.advance(1000);
    acquaintance.meet([at(2)]);
    expect([acquaintance.isOld(id(1)), acquaintance.isOld(id(2))]).toEqual([false, true]);
    acquaintance.meet([at(1), at(2)]);
    expect(acquaintance.isOld(id(1))).toBe(false);
  });
});
