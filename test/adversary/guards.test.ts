import {
  createNetwork,
  nobleProvider as crypto,
  MAIN_NETWORK,
  type NodeId,
  silentLogger,
  UmbelError,
} from "@umbel/core";
import { describe, expect, it } from "vitest";
import {
  BIAS_MIN_CIRCUITS,
  GUARDS_IN_USE,
  LIKELY_OFFLINE_MS,
  MAX_SAMPLED_GUARDS,
} from "../../packages/router/src/limits.ts";
import type { Circuit } from "../../packages/router/src/node/overlay.ts";
import {
  type CircuitBuilderOptions,
  createCircuitBuilder,
} from "../../packages/router/src/path/circuit-builder.ts";
import type { GuardLists } from "../../packages/router/src/path/guard-file.ts";
import type { Guards } from "../../packages/router/src/path/guards.ts";
import { type GuardTestWorld, guardWorld, idsOf } from "../../packages/router/test/support/guard-world.ts";
import { idOf, relay, relays } from "../../packages/router/test/support/known-nodes.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { adversaryRuns, say, seedOf } from "./support/runs.ts";

const network = createNetwork(crypto, MAIN_NETWORK);
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** A client that builds circuits through a world where `reached` says how many hops of a path answer. */
function client(w: GuardTestWorld, seed: string, reached: (path: readonly NodeId[]) => number) {
  const guards = w.start({ seed: `${seedOf("guards")} ${seed}` });
  const met = new Set<NodeId>();
  const time = { now: 0 };
  const options: CircuitBuilderOptions = {
    node: {
      async buildCircuit(path) {
        const ids = path.map(({ nodeId }) => nodeId);
        met.add(ids[0]!);
        const hops = reached(ids);
        return hops >= ids.length ? circuit(ids) : { hops };
      },
    },
    directory: w.directory,
    guards,
    network,
    random: createSeededRandom(`${seedOf("guards")} paths ${seed}`),
    clock: { now: () => time.now, unixNow: () => w.day * DAY_MS },
    log: silentLogger,
  };
  const builder = createCircuitBuilder(options);
  const build = (secondGuard = false) =>
    builder.build({ purpose: { operation: Symbol("test"), carries: "data" }, secondGuard }).then(
      ({ path }) => path,
      () => undefined,
    );
  return { guards, met, time, build };
}

function circuit(path: readonly NodeId[]): Circuit {
  return {
    path,
    isOpen: true,
    callsInFlight: 0,
    call: () => Promise.reject(new UmbelError("INTERNAL", "not called here")),
    close() {},
  };
}

/** The lists without what changes by use. */
function namesIn({ guards, secondGuards }: GuardLists) {
  return { guards: idsOf(guards), secondGuards: idsOf(secondGuards) };
}

const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
const levelOf = (guards: Guards) => guards.bias()[0]?.level;

describe("a guard that lets only circuits to its friends through", () => {
  const friends = new Set(Array.from({ length: 12 }, (_, index) => idOf(5 * index)));

  it("is flagged, keeps its place, and no other guard is met", async () => {
    const w = guardWorld(relays(60));
    const c = client(w, "selective", (path) => (friends.has(path[2]!) ? 3 : 1));
    const [built, levels] = [[] as (readonly NodeId[] | undefined)[], new Set<string | undefined>()];
    while ((c.guards.bias()[0]?.attempts ?? 0) < BIAS_MIN_CIRCUITS) {
      built.push(await c.build());
      levels.add(levelOf(c.guards));
    }
    const { attempts, successes } = c.guards.bias()[0]!;
    say(
      `guards: one that lets a fifth of the endpoints through is flagged after ${attempts} circuits, ${percent(successes / attempts)} of them good`,
    );
    expect(levelOf(c.guards)).toBe("extreme");
    expect([...levels]).toEqual(["none", "extreme"]);
    expect(c.met.size).toBe(1);
    expect(built.some((path) => path === undefined)).toBe(true);
  });

  it("is still flagged by a client that runs for a moment at a time", async () => {
    const w = guardWorld(relays(60));
    let level: string | undefined;
    for (let run = 0; run < 60 && level !== "extreme"; run++) {
      const c = client(w, `run ${run}`, (path) => (friends.has(path[2]!) ? 3 : 1));
      await c.build();
      level = levelOf(c.guards);
      await c.guards.flush();
    }
    expect(level).toBe("extreme");
  });

  it("is told apart from an honest one whose network has one dead node in ten", async () => {
    const w = guardWorld(relays(60));
    const dead = new Set(Array.from({ length: 6 }, (_, index) => idOf(10 * index)));
    const c = client(w, "honest", (path) => {
      const missing = path.findIndex((id, at) => at > 0 && dead.has(id));
      return missing < 0 ? path.length : missing;
    });
    for (let round = 0; round < 200; round++) {
      await c.build();
      c.time.now += 60_000;
    }
    expect(levelOf(c.guards)).toBe("none");
  });
});

describe("an adversary who cuts all connections but those to its own nodes", () => {
  it("gets no client whose three guards are honest, and meets no fourth", async () => {
    const hostile = new Set(Array.from({ length: 12 }, (_, index) => idOf(5 * index)));
    const clients = Math.min(400, adversaryRuns(80));
    let captured = 0;
    for (let seed = 0; seed < clients; seed++) {
      const w = guardWorld(relays(60));
      const c = client(w, `cut ${seed}`, (path) => (hostile.has(path[0]!) ? 3 : 0));
      for (let hour = 0; hour < 8; hour++) {
        c.time.now = hour * HOUR_MS;
        await c.build();
      }
      expect(c.met.size).toBeLessThanOrEqual(GUARDS_IN_USE);
      const inUse = idsOf(w.lists().guards).slice(0, GUARDS_IN_USE);
      if (inUse.some((id) => hostile.has(id))) captured += 1;
    }
    say(
      `guards: cutting all links but those to a fifth of the nodes takes ${percent(captured / clients)} of ${clients} clients (49 % expected)`,
    );
    // f = 0.2: 1 - 0.8^3 = 0.49 of the clients; a sample that is walked through would give 1 - 0.8^20 = 0.99.
    expect(captured / clients).toBeLessThan(0.7);
  });

  it("by keeping honest guards out of the directory meets no node that came after the sample, for twenty days", async () => {
    const w = guardWorld(relays(60));
    const honest = new Set(idsOf(w.directory.all()));
    const c = client(w, "walked", (path) => (honest.has(path[0]!) ? 0 : 3));
    await c.build();
    const sample = new Set(idsOf(w.lists().guards));
    w.directory.add(...Array.from({ length: 40 }, (_, index) => relay(100 + index)));
    for (let hour = 0; hour < 15 * 24; hour++) {
      w.day = 20_500 + Math.floor(hour / 24);
      c.time.now += HOUR_MS;
      await c.build();
      for (const guard of [...c.met]) if (honest.has(guard)) w.directory.remove(guard);
    }
    expect(c.met.size).toBe(MAX_SAMPLED_GUARDS);
    expect([...c.met].every((id) => sample.has(id))).toBe(true);
  });
});

describe("an outage of a week", () => {
  it("rotates nothing: the first guard and the sample are what they were", async () => {
    const w = guardWorld(relays(60));
    let isOnline = true;
    const c = client(w, "week", () => (isOnline ? 4 : 0));
    const before = await c.build(true);
    await c.guards.flush();
    const names = namesIn(w.lists());
    isOnline = false;
    for (let minute = 0; minute < 7 * 24 * 60; minute += 30) {
      w.day = 20_500 + Math.floor(minute / (24 * 60));
      c.time.now = LIKELY_OFFLINE_MS + minute * 60_000;
      expect(await c.build(minute % 120 === 0)).toBeUndefined();
    }
    isOnline = true;
    c.time.now += 60_000;
    const after = await c.build();
    await c.guards.flush();
    expect(after![0]).toBe(before![0]);
    expect(namesIn(w.lists()).guards).toEqual(names.guards);
    expect(c.met.size).toBe(GUARDS_IN_USE);
  });
});

describe("an adversary who breaks circuits until a middle of its own sees the guard", () => {
  /** The share of clients whose guard was seen by a hostile second hop within so many circuits; f = 0.1. */
  async function discovered(secondGuard: boolean): Promise<number> {
    const clients = Math.min(400, adversaryRuns(40));
    const hostile = new Set(Array.from({ length: 10 }, (_, index) => idOf(10 * index + 3)));
    let seen = 0;
    for (let seed = 0; seed < clients; seed++) {
      const c = client(guardWorld(relays(100)), `discovery ${seed}`, (path) => path.length);
      let isSeen = false;
      for (let circuits = 0; circuits < 60; circuits++) {
        const path = (await c.build(secondGuard))!;
        isSeen ||= hostile.has(path[1]!);
      }
      if (isSeen) seen += 1;
    }
    return seen / clients;
  }

  it("finds nearly every client without second guards, and about a third with four: 1 - 0.9^4", async () => {
    const [without, withThem] = [await discovered(false), await discovered(true)];
    say(
      `guards: within 60 circuits a tenth of the nodes sees the guard of ${percent(without)} of the clients, ${percent(withThem)} with second guards (34 % expected)`,
    );
    expect(without).toBeGreaterThan(0.9);
    expect(withThem).toBeLessThan(0.65);
  });
});
