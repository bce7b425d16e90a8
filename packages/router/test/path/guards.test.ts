import {
  createNetwork,
  nobleProvider as crypto,
  type Descriptor,
  LOCAL_NETWORK,
  MAIN_NETWORK,
  type NetworkParameters,
  type NodeId,
  parseAddress,
} from "@umbel/core";
import { describe, expect, it } from "vitest";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import {
  CIRCUIT_BUILD_TIMEOUT_MS,
  GUARD_DATE_BLUR_DAYS,
  GUARD_LIFETIME_DAYS,
  GUARD_RETRY_MAX_MS,
  GUARD_RETRY_MIN_MS,
  MAX_LISTED_GUARDS,
} from "../../src/limits.ts";
import { decodeGuardFile, encodeGuardFile, type ListedGuard } from "../../src/path/guard-file.ts";
import { createGuards, type GuardStore, type Guards } from "../../src/path/guards.ts";
import { conflicts } from "../../src/path/select.ts";
import { family, idOf, type KnownNodes, knownNodes, relay, relays } from "../support/known-nodes.ts";

const local = createNetwork(crypto, LOCAL_NETWORK);
const main = createNetwork(crypto, MAIN_NETWORK);
const DAY_MS = 86_400_000;
const TODAY = 20_500;

interface World {
  readonly directory: KnownNodes;
  readonly store: GuardStore & { bytes: Uint8Array | undefined; loads: number; saves: number };
  /** Guards as after a start of the process. */
  start(options?: { seed?: string; ownNodeId?: NodeId }): Guards;
  listed(): readonly ListedGuard[];
}

function world(nodes: readonly Descriptor[], network: NetworkParameters = local): World {
  const directory = knownNodes(nodes);
  const store = {
    bytes: undefined as Uint8Array | undefined,
    loads: 0,
    saves: 0,
    async load() {
      store.loads += 1;
      return store.bytes;
    },
    async save(bytes: Uint8Array) {
      store.saves += 1;
      store.bytes = bytes;
    },
  };
  const clock = { now: () => 0, unixNow: () => TODAY * DAY_MS + 5 };
  return {
    directory,
    store,
    start: ({ seed = "guards", ownNodeId } = {}) =>
      createGuards({ store, directory, network, random: createSeededRandom(seed), clock, crypto, ownNodeId }),
    listed: () => (store.bytes === undefined ? [] : decodeGuardFile(crypto, network, store.bytes)),
  };
}

const idsOf = (listed: readonly ListedGuard[]): NodeId[] => listed.map(({ nodeId }) => nodeId);

/** The guards in use, in order: found by reporting one after the other. Leaves all unreachable at `now`. */
async function inOrder(guards: Guards, now: number): Promise<NodeId[]> {
  const found: NodeId[] = [];
  for (;;) {
    const guard = await guards.current(now).catch(() => undefined);
    if (guard === undefined) return found;
    found.push(guard.nodeId);
    guards.reportUnreachable(guard.nodeId, now);
  }
}

describe("the list of guards", () => {
  it("is chosen at first use, three long, and saved before the first one is used", async () => {
    const w = world(relays(20));
    const first = await w.start().current(0);
    expect(w.listed()).toHaveLength(3);
    expect(first.nodeId).toBe(w.listed()[0]!.nodeId);
  });

  it("is the same and in the same order after a restart, and not saved again", async () => {
    const w = world(relays(20));
    await w.start({ seed: "one" }).current(0);
    const again = w.start({ seed: "two" });
    expect(await inOrder(again, 0)).toEqual(idsOf(w.listed()));
    expect(w.store.saves).toBe(1);
  });

  it("differs between clients", async () => {
    const firsts = new Set<NodeId>();
    for (let seed = 0; seed < 20; seed++) {
      firsts.add(
        (
          await world(relays(20))
            .start({ seed: `${seed}` })
            .current(0)
        ).nodeId,
      );
    }
    expect(firsts.size).toBeGreaterThan(8);
  });

  it("holds relays of our version only, and never this node itself", async () => {
    const store = relay(5, { roles: { relay: false, store: true } });
    const newer = relay(6, { versions: { min: 2, max: 2 } });
    for (let seed = 0; seed < 20; seed++) {
      const w = world([relay(0), relay(1), relay(2), store, newer]);
      expect((await inOrder(w.start({ seed: `${seed}`, ownNodeId: idOf(1) }), 0)).sort()).toEqual(
        [idOf(0), idOf(2)].sort(),
      );
    }
  });

  it("has no two guards in conflict where the network allows that", async () => {
    const twins = Array.from({ length: 12 }, (_, index) => relay(index, { family: family(1 + (index % 3)) }));
    for (let seed = 0; seed < 20; seed++) {
      const w = world(twins);
      await w.start({ seed: `${seed}` }).current(0);
      const chosen = w.listed().map(({ nodeId }) => w.directory.get(nodeId)!);
      for (const [at, node] of chosen.entries()) {
        expect(chosen.slice(0, at).some((other) => conflicts(other, node, local))).toBe(false);
      }
    }
  });

  it("takes guards in conflict rather than too few", async () => {
    const oneHost = Array.from({ length: 4 }, (_, index) =>
      relay(index, { addresses: [parseAddress(`ws://9.9.0.1:${1000 + index}`)] }),
    );
    const w = world(oneHost);
    await w.start().current(0);
    expect(w.listed()).toHaveLength(3);
  });

  it("grows when relays appear after a start with too few", async () => {
    const w = world(relays(1));
    const guards = w.start();
    const first = await guards.current(0);
    w.directory.add(...relays(10));
    expect((await guards.current(0)).nodeId).toBe(first.nodeId);
    expect(w.listed()).toHaveLength(3);
  });

  it("is empty without relays: NO_PATH", async () => {
    await expect(world([]).start().current(0)).rejects.toMatchObject({ code: "NO_PATH" });
  });

  it("carries days up to the blur too early, never too late", async () => {
    const days = new Set<number>();
    for (let seed = 0; seed < 40; seed++) {
      const w = world(relays(5));
      await w.start({ seed: `${seed}` }).current(0);
      for (const { listedDay } of w.listed()) days.add(listedDay);
    }
    expect(Math.max(...days)).toBe(TODAY);
    expect(Math.min(...days)).toBe(TODAY - GUARD_DATE_BLUR_DAYS);
  });
});

describe("a listed guard that is absent", () => {
  it("stays listed, is skipped, and has its place again when it is back", async () => {
    const w = world(relays(20));
    const guards = w.start();
    const first = await guards.current(0);
    w.directory.remove(first.nodeId);
    const second = await guards.current(0);
    expect(second.nodeId).toBe(w.listed()[1]!.nodeId);
    expect(w.listed()).toHaveLength(4);
    w.directory.add(first);
    expect((await guards.current(0)).nodeId).toBe(first.nodeId);
    expect(await inOrder(guards, 0)).toEqual(idsOf(w.listed()).slice(0, 3));
  });

  /** A full list of nodes that are gone, listed `days` ago. */
  function fullOfGone(network: NetworkParameters, days: number): World {
    const w = world(relays(5), network);
    const gone = Array.from({ length: MAX_LISTED_GUARDS }, (_, index) => ({
      nodeId: idOf(100 + index),
      listedDay: TODAY - days,
    }));
    w.store.bytes = encodeGuardFile(crypto, network, gone);
    return w;
  }

  it("is not replaced when the list is full and young: NETWORK_UNREACHABLE says what to do", async () => {
    const w = fullOfGone(main, GUARD_LIFETIME_DAYS - 1);
    await expect(w.start().current(0)).rejects.toMatchObject({
      code: "NETWORK_UNREACHABLE",
      message: expect.stringContaining("remove the guard file"),
    });
    expect(w.store.saves).toBe(0);
  });

  it.each([
    ["after its lifetime", main, GUARD_LIFETIME_DAYS],
    ["at once in a network for trying out", local, 0],
  ])("gives its place on a full list to a new one %s, first ones first", async (_title, network, days) => {
    const w = fullOfGone(network, days);
    await w.start().current(0);
    expect(w.listed()).toHaveLength(MAX_LISTED_GUARDS);
    expect(w.listed()[0]!.nodeId).toBe(idOf(103));
    expect(
      idsOf(w.listed())
        .slice(-3)
        .every((id) => w.directory.get(id) !== undefined),
    ).toBe(true);
  });

  it("leaves room for one more on a list that is one short of full", async () => {
    const w = fullOfGone(main, 0);
    w.store.bytes = encodeGuardFile(crypto, main, w.listed().slice(1));
    const only = await w.start().current(0);
    expect(w.listed()).toHaveLength(MAX_LISTED_GUARDS);
    expect(w.listed().at(-1)!.nodeId).toBe(only.nodeId);
  });
});

describe("an outage", () => {
  it("never adds a fourth guard: with all three unreachable just now there is none", async () => {
    const w = world(relays(20));
    const guards = w.start();
    expect(await inOrder(guards, 0)).toEqual(idsOf(w.listed()));
    await expect(guards.current(1)).rejects.toMatchObject({ code: "NETWORK_UNREACHABLE" });
    expect(w.listed()).toHaveLength(3);
  });

  it("ends for the first guard after the short backoff", async () => {
    const w = world(relays(20));
    const guards = w.start();
    await inOrder(guards, 0);
    await expect(guards.current(GUARD_RETRY_MIN_MS - 1)).rejects.toMatchObject({
      code: "NETWORK_UNREACHABLE",
    });
    expect((await guards.current(GUARD_RETRY_MIN_MS)).nodeId).toBe(w.listed()[0]!.nodeId);
  });

  it("of the first guard ends when it answers: it is first again", async () => {
    const guards = world(relays(20)).start();
    const first = (await guards.current(0)).nodeId;
    guards.reportUnreachable(first, 0);
    expect((await guards.current(1)).nodeId).not.toBe(first);
    guards.reportReachable(first);
    expect((await guards.current(1)).nodeId).toBe(first);
  });

  it("doubles the backoff with each failed try, up to its maximum", async () => {
    const guards = world(relays(20)).start();
    const first = (await guards.current(0)).nodeId;
    let now = 0;
    for (let failures = 1; failures < 12; failures++) {
      guards.reportUnreachable(first, now);
      const wait = Math.min(GUARD_RETRY_MIN_MS * 2 ** (failures - 1), GUARD_RETRY_MAX_MS);
      expect((await guards.current(now + wait - 1)).nodeId).not.toBe(first);
      now += wait;
      expect((await guards.current(now)).nodeId).toBe(first);
    }
  });

  it("counts circuits that fail together as one failure", async () => {
    const guards = world(relays(20)).start();
    const first = (await guards.current(0)).nodeId;
    for (let circuit = 0; circuit < 8; circuit++) guards.reportUnreachable(first, circuit);
    expect((await guards.current(GUARD_RETRY_MIN_MS)).nodeId).toBe(first);
  });

  it("is tried by one caller at a time; a try without a report ends with the time of a build", async () => {
    const guards = world(relays(20)).start();
    const first = (await guards.current(0)).nodeId;
    guards.reportUnreachable(first, 0);
    const now = GUARD_RETRY_MIN_MS;
    expect((await guards.current(now)).nodeId).toBe(first);
    expect((await guards.current(now)).nodeId).not.toBe(first);
    expect((await guards.current(now + CIRCUIT_BUILD_TIMEOUT_MS)).nodeId).toBe(first);
  });
});

describe("the store", () => {
  it("is read once for concurrent calls, and not before the first", async () => {
    const w = world(relays(20));
    const guards = w.start();
    expect(w.store.loads).toBe(0);
    const ids = (await Promise.all([1, 2, 3, 4].map(() => guards.current(0)))).map(({ nodeId }) => nodeId);
    expect(new Set(ids).size).toBe(1);
    expect([w.store.loads, w.store.saves]).toEqual([1, 1]);
  });

  it("that fails to load is read again by the next call", async () => {
    const w = world(relays(20));
    const load = w.store.load;
    w.store.load = () => Promise.reject(new Error("disk"));
    const guards = w.start();
    await expect(guards.current(0)).rejects.toThrow("disk");
    expect(w.store.saves).toBe(0);
    w.store.load = load;
    await guards.current(0);
  });

  it("with a damaged file is not overwritten: BAD_CONFIG, each time", async () => {
    const w = world(relays(20));
    w.store.bytes = Uint8Array.of(1, 2, 3);
    const guards = w.start();
    for (let call = 0; call < 2; call++) {
      await expect(guards.current(0)).rejects.toMatchObject({ code: "BAD_CONFIG" });
    }
    expect(w.store.saves).toBe(0);
  });

  it("that cannot save is told to one caller once; the guards of this run stay", async () => {
    const w = world(relays(20));
    w.store.save = () => Promise.reject(new Error("full"));
    const guards = w.start();
    const outcomes = await Promise.allSettled([guards.current(0), guards.current(0)]);
    const failed = outcomes.filter(({ status }) => status === "rejected");
    expect(failed).toMatchObject([{ reason: { code: "WRITE_FAILED" } }]);
    const first = (await guards.current(0)).nodeId;
    expect((await guards.current(0)).nodeId).toBe(first);
  });

  it("is written by one save at a time, the last list last", async () => {
    const w = world(relays(4));
    let running = 0;
    const written: number[] = [];
    const waiting: (() => void)[] = [];
    w.store.save = async (bytes) => {
      running += 1;
      expect(running).toBe(1);
      await new Promise<void>((resolve) => waiting.push(resolve));
      running -= 1;
      written.push(decodeGuardFile(crypto, local, bytes).length);
    };
    const guards = w.start();
    const first = guards.current(0);
    await turns();
    w.directory.remove(...[0, 1, 2, 3].map(idOf));
    w.directory.add(relay(7), relay(8), relay(9));
    const second = guards.current(0);
    await turns();
    expect(waiting).toHaveLength(1);
    waiting.pop()?.();
    await turns();
    waiting.pop()?.();
    await Promise.all([first, second]);
    expect(written).toEqual([3, 6]);
  });
});

/** Lets all promises that can settle do so. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
