import {
  createNetwork,
  nobleProvider as crypto,
  LOCAL_NETWORK,
  type NodeId,
  parseAddress,
} from "@umbel/core";
import { describe, expect, it } from "vitest";
import {
  CIRCUIT_BUILD_TIMEOUT_MS,
  GUARD_REPORTS_PER_SAVE,
  GUARD_RETRY_MAX_MS,
  GUARD_RETRY_MIN_MS,
  LIKELY_OFFLINE_MS,
  MAX_SAMPLED_GUARDS,
} from "../../src/limits.ts";
import { conflicts } from "../../src/path/select.ts";
import { guardWorld, idsOf, inOrder } from "../support/guard-world.ts";
import { family, idOf, relay, relays } from "../support/known-nodes.ts";

const local = createNetwork(crypto, LOCAL_NETWORK);

describe("the sample of guards", () => {
  it("is drawn at first use, twenty long, and saved before the first one is used", async () => {
    const w = guardWorld(relays(60));
    const first = await w.start().current(0);
    expect(w.lists().guards).toHaveLength(MAX_SAMPLED_GUARDS);
    expect(first.nodeId).toBe(w.lists().guards[0]!.nodeId);
  });

  it("is the same and in the same order after a restart, three in use, and not saved again", async () => {
    const w = guardWorld(relays(60));
    await w.start({ seed: "one" }).current(0);
    expect(await inOrder(w.start({ seed: "two" }))).toEqual(idsOf(w.lists().guards).slice(0, 3));
    expect(w.store.saves).toBe(1);
  });

  it("differs between clients", async () => {
    const firsts = new Set<NodeId>();
    for (let seed = 0; seed < 20; seed++) {
      const guard = await guardWorld(relays(60))
        .start({ seed: `${seed}` })
        .current(0);
      firsts.add(guard.nodeId);
    }
    expect(firsts.size).toBeGreaterThan(12);
  });

  it("holds relays of our version only, and never this node itself", async () => {
    const store = relay(5, { roles: { relay: false, store: true } });
    const newer = relay(6, { versions: { min: 2, max: 2 } });
    const w = guardWorld([relay(0), relay(1), relay(2), store, newer]);
    expect((await inOrder(w.start({ ownNodeId: idOf(1) }))).sort()).toEqual([idOf(0), idOf(2)].sort());
    expect(w.lists().guards).toHaveLength(2);
  });

  it("has those in conflict with none before all others", async () => {
    const twins = Array.from({ length: 30 }, (_, index) => relay(index, { family: family(1 + (index % 8)) }));
    const w = guardWorld(twins);
    await w.start().current(0);
    const chosen = w.lists().guards.map(({ nodeId }) => w.directory.get(nodeId)!);
    for (const [at, node] of chosen.slice(0, 8).entries()) {
      expect(chosen.slice(0, at).some((other) => conflicts(other, node, local))).toBe(false);
    }
    expect(chosen).toHaveLength(MAX_SAMPLED_GUARDS);
  });

  it("takes guards in conflict rather than too few", async () => {
    const oneHost = Array.from({ length: 4 }, (_, index) =>
      relay(index, { addresses: [parseAddress(`ws://9.9.0.1:${1000 + index}`)] }),
    );
    expect(await inOrder(guardWorld(oneHost).start())).toHaveLength(3);
  });

  it("grows at its end when relays appear after a start with too few", async () => {
    const w = guardWorld(relays(1));
    const guards = w.start();
    const first = await guards.current(0);
    w.directory.add(...relays(10));
    expect((await guards.current(0)).nodeId).toBe(first.nodeId);
    expect(w.lists().guards).toHaveLength(10);
  });

  it("is empty without relays: NO_PATH", async () => {
    await expect(guardWorld([]).start().current(0)).rejects.toMatchObject({ code: "NO_PATH" });
  });
});

describe("a guard that carried a circuit", () => {
  it("is confirmed, and stays ahead of those that did not", async () => {
    const w = guardWorld(relays(60));
    const guards = w.start();
    const [first, second, third] = (await inOrder(guards)) as [NodeId, NodeId, NodeId];
    guards.report(third, "failed", 1);
    guards.report(third, "built", 2);
    guards.report(second, "built", 3);
    await guards.flush();
    expect(idsOf(w.lists().guards).slice(0, 3)).toEqual([third, second, first]);
    expect(
      w
        .lists()
        .guards.map(({ confirmedDay }) => confirmedDay !== undefined)
        .slice(0, 3),
    ).toEqual([true, true, false]);
    expect(await inOrder(w.start())).toEqual([third, second, first]);
  });

  it("only since this machine came back just then is not confirmed before the one that failed meanwhile", async () => {
    const w = guardWorld(relays(60));
    const guards = w.start();
    const first = (await guards.current(0)).nodeId;
    guards.report(first, "unreachable", 0);
    guards.report((await guards.current(1)).nodeId, "built", 1);
    expect((await guards.current(2)).nodeId).toBe(first);
    guards.report(first, "built", 3);
    await guards.flush();
    expect(w.lists().guards[0]!.nodeId).toBe(first);
    expect(w.lists().guards[1]!.confirmedDay).toBeUndefined();
  });

  it("is counted with its failures, and what was counted outlives the process", async () => {
    const w = guardWorld(relays(60));
    const guards = w.start();
    const { nodeId } = await guards.current(0);
    for (const what of ["built", "built", "failed", "collapsed", "unreachable"] as const) {
      guards.report(nodeId, what, 0);
    }
    expect(guards.bias()[0]).toMatchObject({ place: 1, attempts: 3, successes: 1 });
    await guards.flush();
    const again = w.start();
    await again.current(0);
    expect(again.bias()[0]).toMatchObject({ attempts: 3, successes: 1 });
  });

  it("has its counts saved now and then while a client runs on", async () => {
    const w = guardWorld(relays(60));
    const guards = w.start();
    const { nodeId } = await guards.current(0);
    for (let report = 0; report < GUARD_REPORTS_PER_SAVE - 1; report++) guards.report(nodeId, "built", 0);
    await turns();
    expect(w.store.saves).toBe(1);
    guards.report(nodeId, "built", 0);
    await turns();
    expect(w.lists().guards[0]).toMatchObject({ attempts: GUARD_REPORTS_PER_SAVE });
  });

  it("is the only kind that is counted: a report of another node changes nothing", async () => {
    const w = guardWorld(relays(60));
    const guards = w.start();
    await guards.current(0);
    guards.report(idOf(999), "built", 0);
    await guards.flush();
    expect(w.store.saves).toBe(1);
  });
});

describe("an outage", () => {
  it("never adds a fourth guard: with all three unreachable just now there is none", async () => {
    const w = guardWorld(relays(60));
    const guards = w.start();
    expect(await inOrder(guards)).toHaveLength(3);
    await expect(guards.current(1)).rejects.toMatchObject({ code: "NETWORK_UNREACHABLE" });
  });

  it("ends for the first guard after the short backoff", async () => {
    const guards = guardWorld(relays(60)).start();
    const [first] = await inOrder(guards);
    await expect(guards.current(GUARD_RETRY_MIN_MS - 1)).rejects.toMatchObject({
      code: "NETWORK_UNREACHABLE",
    });
    expect((await guards.current(GUARD_RETRY_MIN_MS)).nodeId).toBe(first);
  });

  it("of the first guard ends when it answers: it is first again", async () => {
    const guards = guardWorld(relays(60)).start();
    const first = (await guards.current(0)).nodeId;
    guards.report(first, "unreachable", 0);
    expect((await guards.current(1)).nodeId).not.toBe(first);
    guards.report(first, "failed", 1);
    expect((await guards.current(1)).nodeId).toBe(first);
  });

  it("doubles the backoff with each failed try, up to its maximum", async () => {
    const guards = guardWorld(relays(60)).start();
    const first = (await guards.current(0)).nodeId;
    let now = 0;
    for (let failures = 1; failures < 12; failures++) {
      guards.report(first, "unreachable", now);
      const wait = Math.min(GUARD_RETRY_MIN_MS * 2 ** (failures - 1), GUARD_RETRY_MAX_MS);
      expect((await guards.current(now + wait - 1)).nodeId).not.toBe(first);
      now += wait;
      expect((await guards.current(now)).nodeId).toBe(first);
    }
  });

  it("counts circuits that fail together as one failure", async () => {
    const guards = guardWorld(relays(60)).start();
    const first = (await guards.current(0)).nodeId;
    for (let circuit = 0; circuit < 8; circuit++) guards.report(first, "unreachable", circuit);
    expect((await guards.current(GUARD_RETRY_MIN_MS)).nodeId).toBe(first);
  });

  it("is tried by one caller at a time; a try without a report ends with the time of a build", async () => {
    const guards = guardWorld(relays(60)).start();
    const first = (await guards.current(0)).nodeId;
    guards.report(first, "unreachable", 0);
    const now = GUARD_RETRY_MIN_MS;
    expect((await guards.current(now)).nodeId).toBe(first);
    expect((await guards.current(now)).nodeId).not.toBe(first);
    expect((await guards.current(now + CIRCUIT_BUILD_TIMEOUT_MS)).nodeId).toBe(first);
  });

  it.each([
    [
      "for ten minutes was this machine's: whoever answers first, the first guard is tried at once",
      LIKELY_OFFLINE_MS,
      true,
    ],
    ["for less was that of the guards that failed", LIKELY_OFFLINE_MS - 1, false],
  ])("of everything %s", async (_title, silence, tried) => {
    const guards = guardWorld(relays(60)).start();
    const first = (await guards.current(0)).nodeId;
    guards.report(first, "built", 0);
    guards.report(first, "unreachable", silence);
    const second = (await guards.current(silence)).nodeId;
    guards.report(second, "built", silence);
    expect((await guards.current(silence)).nodeId).toBe(tried ? first : second);
    expect((await guards.current(silence)).nodeId).toBe(second);
  });
});

describe("the store", () => {
  it("is read once for concurrent calls, and not before the first", async () => {
    const w = guardWorld(relays(60));
    const guards = w.start();
    await guards.flush();
    expect(w.store.loads).toBe(0);
    const ids = idsOf(await Promise.all([1, 2, 3, 4].map(() => guards.current(0))));
    expect(new Set(ids).size).toBe(1);
    expect([w.store.loads, w.store.saves]).toEqual([1, 1]);
  });

  it("that fails to load is read again by the next call", async () => {
    const w = guardWorld(relays(60));
    const load = w.store.load;
    w.store.load = () => Promise.reject(new Error("disk"));
    const guards = w.start();
    await expect(guards.current(0)).rejects.toThrow("disk");
    expect(w.store.saves).toBe(0);
    w.store.load = load;
    await guards.current(0);
  });

  it("with a damaged file is not overwritten: BAD_CONFIG, each time", async () => {
    const w = guardWorld(relays(60));
    w.store.bytes = Uint8Array.of(1, 2, 3);
    const guards = w.start();
    for (let call = 0; call < 2; call++) {
      await expect(guards.current(0)).rejects.toMatchObject({ code: "BAD_CONFIG" });
    }
    expect(w.store.saves).toBe(0);
  });

  it("that cannot save is told to one caller once; guards and counts of this run stay", async () => {
    const w = guardWorld(relays(60));
    const update = w.store.update;
    w.store.update = () => Promise.reject(new Error("full"));
    const guards = w.start();
    const outcomes = await Promise.allSettled([guards.current(0), guards.current(0)]);
    const failed = outcomes.filter(({ status }) => status === "rejected");
    expect(failed).toMatchObject([{ reason: { code: "WRITE_FAILED" } }]);
    const first = (await guards.current(0)).nodeId;
    guards.report(first, "built", 0);
    await guards.flush();
    expect((await guards.current(0)).nodeId).toBe(first);
    expect(guards.bias()[0]).toMatchObject({ attempts: 1 });
    w.store.update = update;
  });

  it("shared by two first starts at once holds one sample, and both use it", async () => {
    const w = guardWorld(relays(60));
    const [one, two] = [w.start({ seed: "one" }), w.start({ seed: "two" })];
    const [a, b] = await Promise.all([one.current(0), two.current(0)]);
    expect(a.nodeId).toBe(b.nodeId);
    expect(await inOrder(one)).toEqual(await inOrder(two));
    expect(w.store.saves).toBe(1);
  });

  it("shared by two processes adds up what both counted", async () => {
    const w = guardWorld(relays(60));
    const [one, two] = [w.start({ seed: "one" }), w.start({ seed: "two" })];
    const { nodeId } = await one.current(0);
    await two.current(0);
    for (let circuit = 0; circuit < 5; circuit++) one.report(nodeId, "built", 0);
    for (let circuit = 0; circuit < 3; circuit++) two.report(nodeId, "failed", 0);
    await Promise.all([one.flush(), two.flush()]);
    expect(w.lists().guards[0]).toMatchObject({ attempts: 8, successes: 5 });
  });
});

/** Lets all promises that can settle do so. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await Promise.resolve();
}
