import { type Descriptor, parseAddress } from "@umbel/core";
import { describe, expect, it } from "vitest";
import {
  MAX_SECOND_GUARDS,
  SECOND_GUARD_MAX_DAYS,
  SECOND_GUARD_MIN_RELAYS,
  SECOND_GUARDS_IN_USE,
} from "../../src/limits.ts";
import { guardWorld, idsOf, TODAY } from "../support/guard-world.ts";
import { family, idOf, relay, relays } from "../support/known-nodes.ts";

/** A world of so many relays, with the first guard and the second guards that a start of it has. */
async function started(nodes: readonly Descriptor[], seed = "second") {
  const w = guardWorld(nodes);
  const guards = w.start({ seed });
  const guard = await guards.current(0);
  return { w, guards, guard, seconds: idsOf(await guards.second(guard)) };
}

describe("second guards", () => {
  it("are four, none of them the guard, the same after a restart", async () => {
    const { w, guard, seconds } = await started(relays(60));
    expect(seconds).toHaveLength(SECOND_GUARDS_IN_USE);
    expect(seconds).not.toContain(guard.nodeId);
    const again = w.start({ seed: "another" });
    expect(idsOf(await again.second(await again.current(0)))).toEqual(seconds);
    expect(idsOf(w.lists().secondGuards)).toEqual(seconds);
  });

  it("serve for the greater of two draws from 1 to 22 days: about two weeks", async () => {
    const days: number[] = [];
    for (let seed = 0; seed < 120; seed++) {
      const { w } = await started(relays(21), `life ${seed}`);
      days.push(...w.lists().secondGuards.map(({ lastDay }) => lastDay - TODAY));
    }
    expect(Math.min(...days)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...days)).toBe(SECOND_GUARD_MAX_DAYS);
    // The mean of the greater of two uniform draws from 1 to n is (n + 1)(4n - 1) / 6n = 15.2; of one draw it is 11.5.
    const mean = days.reduce((sum, day) => sum + day, 0) / days.length;
    expect(mean).toBeGreaterThan(14.2);
    expect(mean).toBeLessThan(16.2);
  });

  it("are replaced after their last day, the others stay", async () => {
    const { w, guard, seconds } = await started(relays(60));
    const [first] = [...w.lists().secondGuards].sort((a, b) => a.lastDay - b.lastDay);
    w.day = first!.lastDay;
    expect(idsOf(await w.start().second(guard))).toEqual(seconds);
    w.day = first!.lastDay + 1;
    const after = idsOf(await w.start({ seed: "later" }).second(guard));
    expect(after).toHaveLength(SECOND_GUARDS_IN_USE);
    expect(after).not.toContain(first!.nodeId);
    expect(after.slice(0, 1)).toEqual(seconds.filter((id) => id !== first!.nodeId).slice(0, 1));
  });

  it("whose last day lies too far ahead, since a clock was wrong, serve no longer than others", async () => {
    const { w, guard, guards } = await started(relays(60));
    w.day = TODAY - 300;
    await guards.second(guard);
    w.directory.remove(w.lists().secondGuards[0]!.nodeId);
    await guards.second(guard);
    for (const { lastDay } of w.lists().secondGuards) {
      expect(lastDay).toBeLessThanOrEqual(TODAY - 300 + SECOND_GUARD_MAX_DAYS);
    }
  });

  it("that leave the directory keep their place; others come until the list is full", async () => {
    const { w, guards, guard, seconds } = await started(relays(60));
    const gone = w.directory.get(seconds[0]!)!;
    w.directory.remove(gone.nodeId);
    expect(idsOf(await guards.second(guard))).toHaveLength(SECOND_GUARDS_IN_USE);
    w.directory.add(gone);
    expect(idsOf(await guards.second(guard))).toEqual(seconds);
    for (let round = 0; round < 10; round++) {
      for (const { nodeId } of w.lists().secondGuards) w.directory.remove(nodeId);
      await guards.second(guard);
    }
    expect(w.lists().secondGuards).toHaveLength(MAX_SECOND_GUARDS);
    expect(await guards.second(guard)).toEqual([]);
  });

  it("do not conflict with the guard or with each other", async () => {
    const nodes = Array.from({ length: 60 }, (_, index) => relay(index, { family: family(index % 6) }));
    for (let seed = 0; seed < 10; seed++) {
      const { w, guard, seconds } = await started(nodes, `${seed}`);
      const families = [guard, ...seconds.map((id) => w.directory.get(id)!)].map((node) => node.family![0]);
      expect(new Set(families).size).toBe(1 + SECOND_GUARDS_IN_USE);
    }
  });

  it("are fewer rather than in conflict", async () => {
    const nodes = Array.from({ length: 40 }, (_, index) =>
      relay(index, { addresses: [parseAddress(`ws://9.${index % 3}.0.1:${1000 + index}`)] }),
    );
    expect((await started(nodes)).seconds).toHaveLength(2);
  });

  it("for another guard join the list when too few of it may follow that one", async () => {
    const { w, guards, seconds } = await started(relays(60));
    const other = w.directory.get(seconds[0]!)!;
    const forOther = idsOf(await guards.second(other));
    expect(forOther).toHaveLength(SECOND_GUARDS_IN_USE);
    expect(forOther).not.toContain(other.nodeId);
    expect(w.lists().secondGuards).toHaveLength(SECOND_GUARDS_IN_USE + 1);
  });

  it.each([
    ["none below", SECOND_GUARD_MIN_RELAYS - 1, 0],
    ["four from", SECOND_GUARD_MIN_RELAYS, SECOND_GUARDS_IN_USE],
  ])("are %s so many relays", async (_title, count, expected) => {
    const stores = [relay(200, { roles: { relay: false, store: true } })];
    expect((await started([...relays(count), ...stores])).seconds).toHaveLength(expected);
  });

  it("never are this node itself", async () => {
    const w = guardWorld(relays(20));
    const guards = w.start({ ownNodeId: idOf(4) });
    for (let day = 0; day < 300; day += 23) {
      w.day = TODAY + day;
      expect(idsOf(await guards.second(await guards.current(0)))).not.toContain(idOf(4));
    }
  });

  it("of two first starts at once are one list", async () => {
    const w = guardWorld(relays(60));
    const [one, two] = [w.start({ seed: "one" }), w.start({ seed: "two" })];
    const guard = await one.current(0);
    const [a, b] = await Promise.all([one.second(guard), two.second(guard)]);
    expect(idsOf(a)).toEqual(idsOf(b));
  });
});
