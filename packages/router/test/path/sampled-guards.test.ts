import { createNetwork, nobleProvider as crypto, LOCAL_NETWORK } from "@umbel/core";
import { describe, expect, it } from "vitest";
import {
  GUARD_ABSENT_BLUR_DAYS,
  GUARD_ABSENT_DAYS,
  GUARD_CONFIRMED_MIN_DAYS,
  GUARD_DATE_BLUR_DAYS,
  GUARD_LIFETIME_DAYS,
  MAX_SAMPLED_GUARDS,
} from "../../src/limits.ts";
import { guardWorld, idsOf, inOrder, TODAY } from "../support/guard-world.ts";
import { idOf, relay, relays } from "../support/known-nodes.ts";

const local = createNetwork(crypto, LOCAL_NETWORK);

describe("the days of the file", () => {
  it("are blurred: evenly over twelve days back, one day for all that were sampled together", async () => {
    const early = new Map<number, number>();
    const clients = 1300;
    const nodes = relays(4);
    for (let seed = 0; seed < clients; seed++) {
      const w = guardWorld(nodes);
      const guards = w.start({ seed: `blur ${seed}` });
      guards.report((await guards.current(0)).nodeId, "built", 0);
      await guards.flush();
      const days = new Set(w.lists().guards.flatMap((g) => [g.sampledDay, g.confirmedDay ?? g.sampledDay]));
      expect(days.size).toBe(1);
      const [day] = days;
      early.set(TODAY - day!, (early.get(TODAY - day!) ?? 0) + 1);
    }
    expect([...early.keys()].sort((a, b) => a - b)).toEqual(
      Array.from({ length: GUARD_DATE_BLUR_DAYS + 1 }, (_, day) => day),
    );
    const expected = clients / (GUARD_DATE_BLUR_DAYS + 1);
    const chiSquare = [...early.values()].reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0);
    // 12 degrees of freedom: 32.9 is passed once in 1,000 runs; the seeds are fixed.
    expect(chiSquare).toBeLessThan(32.9);
  });

  it("blur a later confirmation of its own", async () => {
    const days = new Set<number>();
    for (let seed = 0; seed < 40; seed++) {
      const w = guardWorld(relays(4));
      w.put([{ nodeId: idOf(0), sampledDay: TODAY - 50 }]);
      const guards = w.start({ seed: `${seed}` });
      await guards.current(0);
      guards.report(idOf(0), "built", 0);
      await guards.flush();
      days.add(TODAY - w.lists().guards[0]!.confirmedDay!);
    }
    expect(Math.min(...days)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...days)).toBeLessThanOrEqual(GUARD_DATE_BLUR_DAYS);
    expect(days.size).toBeGreaterThan(8);
  });

  it("that lie ahead, since a clock was wrong, become today", async () => {
    const w = guardWorld(relays(30));
    w.put([{ nodeId: idOf(0), sampledDay: TODAY + 400, confirmedDay: TODAY + 400 }]);
    await w.start().current(0);
    expect(w.lists().guards[0]).toMatchObject({ nodeId: idOf(0), sampledDay: TODAY, confirmedDay: TODAY });
  });
});

describe("a lifetime", () => {
  /** The first guard as it is put, beside 29 other relays. Gives back whether it is still sampled. */
  async function isKept(guard: { sampledDay: number; confirmedDay?: number }): Promise<boolean> {
    const w = guardWorld(relays(30));
    w.put([{ nodeId: idOf(0), ...guard }]);
    // Whether the guard could be drawn again plays no part: this node itself never is.
    const first = (await w.start().current(0)).nodeId;
    return first === idOf(0) && w.lists().guards[0]!.sampledDay === guard.sampledDay;
  }
  const old = TODAY - GUARD_LIFETIME_DAYS;

  it.each([
    ["keeps a guard until its last day", { sampledDay: old + 1 }, true],
    ["ends after 120 days for one that was never used", { sampledDay: old }, false],
    [
      "does not end before 60 days of use",
      { sampledDay: old - 100, confirmedDay: TODAY - GUARD_CONFIRMED_MIN_DAYS + 1 },
      true,
    ],
    ["ends after both", { sampledDay: old, confirmedDay: TODAY - GUARD_CONFIRMED_MIN_DAYS }, false],
    ["does not end by use alone", { sampledDay: old + 1, confirmedDay: old + 1 }, true],
  ])("%s", async (_title, guard, kept) => {
    expect(await isKept(guard)).toBe(kept);
  });

  it("that ended hands over to the oldest of the sample, not to a fresh node", async () => {
    const w = guardWorld(relays(60));
    w.put([0, 1, 2, 3].map((at) => ({ nodeId: idOf(at), sampledDay: at === 0 ? old : TODAY - 90 })));
    expect(await inOrder(w.start())).toEqual([1, 2, 3].map(idOf));
    expect(w.lists().guards).toHaveLength(MAX_SAMPLED_GUARDS);
  });

  it("that ended for all at once leaves the same ones where there are no others, and others where there are", async () => {
    for (const [count, expected] of [
      [12, 12],
      [60, 0],
    ] as const) {
      const w = guardWorld(relays(count));
      const guards = w.start();
      await guards.current(0);
      const before = new Set(idsOf(w.lists().guards));
      w.day = TODAY + GUARD_LIFETIME_DAYS;
      await guards.current(0);
      expect(idsOf(w.lists().guards).filter((id) => before.has(id))).toHaveLength(expected);
    }
  });

  it("does not end while the directory is empty: a clock that is wrong by a year rotates nothing", async () => {
    const w = guardWorld(relays(60));
    await w.start().current(0);
    const before = w.lists();
    w.day = TODAY + 365;
    w.directory.remove(...relays(60).map(({ nodeId }) => nodeId));
    await expect(w.start().current(0)).rejects.toMatchObject({ code: "NETWORK_UNREACHABLE" });
    expect(w.lists()).toEqual(before);
  });
});

describe("a guard that is absent", () => {
  it("stays sampled, is skipped, and has its place again when it is back", async () => {
    const w = guardWorld(relays(60));
    const guards = w.start();
    const first = await guards.current(0);
    w.directory.remove(first.nodeId);
    expect((await guards.current(0)).nodeId).toBe(w.lists().guards[1]!.nodeId);
    w.directory.add(first);
    expect((await guards.current(0)).nodeId).toBe(first.nodeId);
    expect(await inOrder(guards)).toEqual(idsOf(w.lists().guards).slice(0, 3));
    expect(w.store.saves).toBe(1);
  });

  it("is remembered with a blurred day, and forgotten to be absent when it is back", async () => {
    const days = new Set<number>();
    for (let seed = 0; seed < 40; seed++) {
      const w = guardWorld(relays(60));
      w.put([{ nodeId: idOf(0), sampledDay: TODAY - 50 }, { nodeId: idOf(1) }]);
      w.directory.remove(idOf(0));
      await w.start({ seed: `${seed}` }).current(0);
      days.add(TODAY - w.lists().guards[0]!.absentDay!);
      w.directory.add(relay(0));
      const guards = w.start();
      guards.report((await guards.current(0)).nodeId, "built", 0);
      await guards.flush();
      expect(w.lists().guards.find(({ nodeId }) => nodeId === idOf(0))!.absentDay).toBeUndefined();
    }
    expect([...days].sort()).toEqual(Array.from({ length: GUARD_ABSENT_BLUR_DAYS + 1 }, (_, day) => day));
  });

  it.each([
    ["stays for its twenty days", GUARD_ABSENT_DAYS - 1, true],
    ["is gone after them", GUARD_ABSENT_DAYS, false],
  ])("%s", async (_title, days, stays) => {
    const w = guardWorld(relays(60));
    w.put([{ nodeId: idOf(99), sampledDay: TODAY - 50, absentDay: TODAY - days }, { nodeId: idOf(1) }]);
    await w.start().current(0);
    expect(idsOf(w.lists().guards).includes(idOf(99))).toBe(stays);
  });

  const gone = (days: number) =>
    Array.from({ length: MAX_SAMPLED_GUARDS }, (_, index) => ({
      nodeId: idOf(100 + index),
      sampledDay: TODAY - 50,
      absentDay: TODAY - days,
    }));

  it("is not replaced when the sample is full: NETWORK_UNREACHABLE says what to do", async () => {
    const w = guardWorld(relays(60));
    w.put(gone(GUARD_ABSENT_DAYS - 1));
    await expect(w.start().current(0)).rejects.toMatchObject({
      code: "NETWORK_UNREACHABLE",
      message: expect.stringContaining("remove the guard file"),
    });
    expect(w.store.saves).toBe(0);
  });

  it("leaves room for one more in a sample that is one short of full", async () => {
    const w = guardWorld(relays(60));
    w.put(gone(0).slice(1));
    const only = await w.start().current(0);
    expect(w.lists().guards).toHaveLength(MAX_SAMPLED_GUARDS);
    expect(w.lists().guards.at(-1)!.nodeId).toBe(only.nodeId);
  });

  it("makes room at once in a network for trying out, until three are in use", async () => {
    const w = guardWorld(relays(60), local);
    w.put(gone(0));
    await w.start().current(0);
    expect(w.lists().guards).toHaveLength(MAX_SAMPLED_GUARDS);
    expect(w.lists().guards[0]!.nodeId).toBe(idOf(103));
    expect(w.lists().guards.filter(({ nodeId }) => w.directory.get(nodeId) !== undefined)).toHaveLength(3);
  });
});
