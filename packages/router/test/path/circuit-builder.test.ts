import {
  createNetwork,
  nobleProvider as crypto,
  type Descriptor,
  LOCAL_NETWORK,
  type LogFields,
  type NodeId,
  silentLogger,
  UmbelError,
} from "@umbel/core";
import { describe, expect, it } from "vitest";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import {
  FAILED_NODE_MS,
  GUARD_RETRY_MIN_MS,
  MAX_BUILD_ATTEMPTS,
  SECOND_GUARD_MIN_RELAYS,
} from "../../src/limits.ts";
import type { Circuit, CircuitRequest } from "../../src/node/overlay.ts";
import type { BuildFailure } from "../../src/node/overlay-node.ts";
import { createCircuitBuilder } from "../../src/path/circuit-builder.ts";
import { createGuards, type Guards } from "../../src/path/guards.ts";
import { memoryStore } from "../support/guard-world.ts";
import { idOf, knownNodes, relays } from "../support/known-nodes.ts";

type Outcome = "built" | number;

interface FakeCircuit extends Circuit {
  closed: boolean;
}

function fakeCircuit(path: readonly Descriptor[]): FakeCircuit {
  const circuit: FakeCircuit = {
    path: path.map(({ nodeId }) => nodeId),
    closed: false,
    get isOpen() {
      return !circuit.closed;
    },
    callsInFlight: 0,
    call: () => Promise.reject(new UmbelError("INTERNAL", "not called here")),
    close() {
      circuit.closed = true;
    },
  };
  return circuit;
}

/** A builder over real guards and a node that follows `outcome` for each path, and records the paths. */
function world(
  outcome: (path: readonly NodeId[], attempt: number) => Outcome | Promise<Outcome>,
  { nodes = 12, ownNodeId, guards }: { nodes?: number; ownNodeId?: NodeId; guards?: Guards } = {},
) {
  const network = createNetwork(crypto, LOCAL_NETWORK);
  const directory = knownNodes(relays(nodes));
  const random = createSeededRandom("builder");
  const paths: NodeId[][] = [];
  const lines: [string, LogFields | undefined][] = [];
  const circuits: FakeCircuit[] = [];
  const time = { now: 0 };
  const clock = { now: () => time.now, unixNow: () => 20_500 * 86_400_000 };
  const used =
    guards ?? createGuards({ store: memoryStore(), directory, network, random, clock, crypto, ownNodeId });
  const builder = createCircuitBuilder({
    node: {
      async buildCircuit(path): Promise<Circuit | BuildFailure> {
        const ids = path.map(({ nodeId }) => nodeId);
        paths.push(ids);
        const result = await outcome(ids, paths.length);
        if (result !== "built") return { hops: result };
        circuits.push(fakeCircuit(path));
        return circuits.at(-1)!;
      },
    },
    directory,
    guards: used,
    network,
    random,
    clock,
    ownNodeId,
    log: { ...silentLogger, debug: (event, fields) => lines.push([event, fields]) },
  });
  return {
    builder,
    paths,
    time,
    lines,
    circuits,
    directory,
    bias: () => used.bias().filter(({ attempts }) => attempts > 0),
  };
}

const request = (changes: Partial<CircuitRequest> = {}): CircuitRequest => ({
  purpose: { operation: Symbol("test"), carries: "data" },
  ...changes,
});

/** An abort signal pulled by hand. */
function abortHandle() {
  const listeners = new Set<() => void>();
  const signal = {
    aborted: false,
    addEventListener: (_type: "abort", listener: () => void) => void listeners.add(listener),
    removeEventListener: (_type: "abort", listener: () => void) => void listeners.delete(listener),
  };
  return {
    signal,
    listeners,
    abort() {
      signal.aborted = true;
      for (const listener of [...listeners]) listener();
    },
  };
}

const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

describe("a circuit", () => {
  it("has three hops over the first guard unless asked otherwise", async () => {
    const w = world(() => "built");
    const first = await w.builder.build(request());
    expect(first.path).toHaveLength(3);
    for (const hops of [3, 4, 5, 6]) {
      const circuit = await w.builder.build(request({ hops }));
      expect(circuit.path).toHaveLength(hops);
      expect(circuit.path[0]).toBe(first.path[0]);
    }
  });

  it.each([0, 1, 2, 7, 3.5, Number.NaN])("of %s hops is refused", async (hops) => {
    const w = world(() => "built");
    await expect(w.builder.build(request({ hops }))).rejects.toMatchObject({ code: "BAD_INPUT" });
    expect(w.paths).toEqual([]);
  });

  it("is its caller's alone: two requests of one purpose get two circuits", async () => {
    const w = world(() => "built");
    const asked = request();
    const [one, two] = await Promise.all([w.builder.build(asked), w.builder.build(asked)]);
    expect(one).not.toBe(two);
    expect(w.paths).toHaveLength(2);
  });

  it("never has this node as a hop", async () => {
    const w = world(() => "built", { nodes: 6, ownNodeId: idOf(2) });
    for (let build = 0; build < 60; build++) await w.builder.build(request());
    expect(w.paths.flat()).not.toContain(idOf(2));
    expect(new Set(w.paths.flat()).size).toBe(5);
  });

  it("keeps clear of endpoints that other lanes use", async () => {
    const avoidEndpoints = new Set(Array.from({ length: 10 }, (_, index) => idOf(index)));
    const w = world(() => "built");
    for (let build = 0; build < 20; build++) {
      const { path } = await w.builder.build(request({ avoidEndpoints }));
      expect([...avoidEndpoints]).not.toContain(path[2]);
    }
  });

  it("without a path is NO_PATH, and nothing was built", async () => {
    const w = world(() => "built", { nodes: 2 });
    await expect(w.builder.build(request())).rejects.toMatchObject({ code: "NO_PATH" });
    expect(w.paths).toEqual([]);
  });
});

describe("a circuit that others can make again and again", () => {
  it("has four hops, of which the second is one of four", async () => {
    const w = world(() => "built", { nodes: 60 });
    for (let build = 0; build < 80; build++) await w.builder.build(request({ secondGuard: true }));
    expect(new Set(w.paths.map(([guard]) => guard)).size).toBe(1);
    expect(new Set(w.paths.map(([, second]) => second)).size).toBe(4);
    expect(new Set(w.paths.map(([, , middle]) => middle)).size).toBeGreaterThan(25);
    expect(w.paths.every((path) => path.length === 4 && new Set(path).size === 4)).toBe(true);
  });

  it("has as many hops as were asked for", async () => {
    const w = world(() => "built", { nodes: 60 });
    expect((await w.builder.build(request({ secondGuard: true, hops: 5 }))).path).toHaveLength(5);
  });

  it("has three hops like others in a network too small for second guards", async () => {
    const w = world(() => "built", { nodes: SECOND_GUARD_MIN_RELAYS - 1 });
    expect((await w.builder.build(request({ secondGuard: true }))).path).toHaveLength(3);
  });

  it("takes the next second guard when one is not reached, and no fifth", async () => {
    const down = new Set<NodeId>();
    const w = world((path) => (down.has(path[1]!) ? 1 : "built"), { nodes: 60 });
    for (let build = 0; build < 40; build++) await w.builder.build(request({ secondGuard: true }));
    const seconds = new Set(w.paths.map(([, second]) => second!));
    for (const second of seconds) down.add(second);
    await expect(w.builder.build(request({ secondGuard: true }))).rejects.toMatchObject({
      code: "CIRCUIT_CLOSED",
    });
    expect(new Set(w.paths.map(([, second]) => second))).toEqual(seconds);
  });

  it("is the only kind that meets second guards", async () => {
    const w = world(() => "built", { nodes: 60 });
    for (let build = 0; build < 60; build++) await w.builder.build(request());
    expect(new Set(w.paths.map(([, middle]) => middle)).size).toBeGreaterThan(25);
  });
});

describe("a guard that does not answer", () => {
  it("gives way to the next of the list, and is back after its backoff", async () => {
    const down = new Set<NodeId>();
    const w = world(([guard]) => (down.has(guard!) ? 0 : "built"));
    const first = (await w.builder.build(request())).path[0]!;
    down.add(first);
    const second = (await w.builder.build(request())).path[0]!;
    expect(second).not.toBe(first);
    expect(w.paths.map(([guard]) => guard)).toEqual([first, first, second]);
    down.clear();
    expect((await w.builder.build(request())).path[0]).toBe(second);
    w.time.now = GUARD_RETRY_MIN_MS;
    expect((await w.builder.build(request())).path[0]).toBe(first);
    expect((await w.builder.build(request())).path[0]).toBe(first);
  });

  it("like the two others ends in NETWORK_UNREACHABLE, after three attempts and without a fourth guard", async () => {
    const w = world(() => 0);
    await expect(w.builder.build(request())).rejects.toMatchObject({ code: "NETWORK_UNREACHABLE" });
    expect(new Set(w.paths.map(([guard]) => guard)).size).toBe(3);
    expect(w.paths).toHaveLength(3);
    expect(w.bias()).toEqual([]);
  });
});

describe("a hop behind the guard that does not answer", () => {
  it("is kept clear of, over the same guard, until its time has passed", async () => {
    let missed: NodeId | undefined;
    const w = world((path, attempt) => {
      if (attempt > 1) return "built";
      missed = path[2];
      return 2;
    });
    for (let build = 0; build < 40; build++) await w.builder.build(request());
    expect(new Set(w.paths.map(([guard]) => guard)).size).toBe(1);
    expect(w.paths.slice(1).flat()).not.toContain(missed);
    w.time.now = FAILED_NODE_MS;
    for (let build = 0; build < 40; build++) await w.builder.build(request());
    expect(w.paths.slice(41).flat()).toContain(missed);
  });

  it("is the one after the last that was reached", async () => {
    const w = world((_path, attempt) => (attempt === 1 ? 1 : "built"));
    for (let build = 0; build < 40; build++) await w.builder.build(request());
    const [, middle, endpoint] = w.paths[0]!;
    expect(w.paths.slice(1).flat()).not.toContain(middle);
    expect(w.paths.slice(1).flat()).toContain(endpoint);
  });

  it("each time ends in CIRCUIT_CLOSED after the capped attempts, over one guard and counted for it", async () => {
    const w = world(() => 1, { nodes: 20 });
    await expect(w.builder.build(request())).rejects.toMatchObject({ code: "CIRCUIT_CLOSED" });
    expect(w.paths).toHaveLength(MAX_BUILD_ATTEMPTS);
    expect(new Set(w.paths.map(([guard]) => guard)).size).toBe(1);
    expect(w.bias()).toMatchObject([{ attempts: MAX_BUILD_ATTEMPTS, successes: 0 }]);
  });

  it("never changes the guard, however often it happened", async () => {
    const w = world((_path, attempt) => (attempt % 4 === 0 ? "built" : 2), { nodes: 40 });
    for (let build = 0; build < 30; build++) await w.builder.build(request());
    expect(new Set(w.paths.map(([guard]) => guard)).size).toBe(1);
    expect(w.bias()).toMatchObject([{ attempts: 120, successes: 30 }]);
  });

  it("is built on the last attempt that is allowed", async () => {
    const w = world((_path, attempt) => (attempt < MAX_BUILD_ATTEMPTS ? 1 : "built"), { nodes: 20 });
    await expect(w.builder.build(request())).resolves.toMatchObject({ isOpen: true });
  });

  it("is used again rather than having no circuit in a small network", async () => {
    const w = world((_path, attempt) => (attempt === 1 ? 1 : "built"), { nodes: 3 });
    await expect(w.builder.build(request())).resolves.toMatchObject({ isOpen: true });
  });

  it("is logged by numbers only", async () => {
    const w = world((_path, attempt) => (attempt < 3 ? 1 : "built"));
    await w.builder.build(request());
    expect(w.lines).toEqual([
      ["circuit.not-built", { attempt: 1, hops: 1 }],
      ["circuit.not-built", { attempt: 2, hops: 1 }],
    ]);
  });
});

describe("an abort", () => {
  it("before the start builds nothing", async () => {
    const w = world(() => "built");
    const handle = abortHandle();
    handle.abort();
    await expect(w.builder.build(request({ signal: handle.signal }))).rejects.toMatchObject({
      code: "ABORTED",
    });
    expect(w.paths).toEqual([]);
  });

  it("rejects at once, and the circuit that is built after it is closed", async () => {
    let finish: (outcome: Outcome) => void = () => {};
    const w = world(
      () =>
        new Promise<Outcome>((resolve) => {
          finish = resolve;
        }),
    );
    const handle = abortHandle();
    const building = w.builder.build(request({ signal: handle.signal }));
    await settled();
    handle.abort();
    await expect(building).rejects.toMatchObject({ code: "ABORTED" });
    finish("built");
    await settled();
    expect(w.circuits.map(({ closed }) => closed)).toEqual([true]);
  });

  it("ends the attempts: a failure after it starts no other", async () => {
    let finish: (outcome: Outcome) => void = () => {};
    const w = world(
      () =>
        new Promise<Outcome>((resolve) => {
          finish = resolve;
        }),
    );
    const handle = abortHandle();
    const building = w.builder.build(request({ signal: handle.signal }));
    await settled();
    handle.abort();
    await expect(building).rejects.toMatchObject({ code: "ABORTED" });
    finish(1);
    await settled();
    expect(w.paths).toHaveLength(1);
  });

  it("while the guards are being loaded is heard, too", async () => {
    const guards: Guards = {
      current: () => new Promise(() => {}),
      second: async () => [],
      report() {},
      bias: () => [],
      flush: async () => {},
    };
    const w = world(() => "built", { guards });
    const handle = abortHandle();
    const building = w.builder.build(request({ signal: handle.signal }));
    handle.abort();
    await expect(building).rejects.toMatchObject({ code: "ABORTED" });
  });

  it("leaves no listener behind, and does nothing to a circuit that was handed over", async () => {
    const w = world(() => "built");
    const handle = abortHandle();
    const circuit = await w.builder.build(request({ signal: handle.signal }));
    await settled();
    expect(handle.listeners.size).toBe(0);
    handle.abort();
    expect(circuit.isOpen).toBe(true);
  });
});
