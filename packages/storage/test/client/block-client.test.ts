import { type NodeId, UmbelError } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { type BlockNetworkOptions, type CircuitInUse, createBlockNetwork } from "@umbel/storage";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sampleBlock } from "../../../../test/support/blocks.ts";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { createVirtualClock } from "../../../../test/support/virtual-clock.ts";
import {
  CLIENT_BUILD_FAILURES,
  CLIENT_CALLS_PER_CIRCUIT,
  CLIENT_DATA_CIRCUITS,
  CLIENT_GET_TIMEOUT_MS,
  CLIENT_OVERTAKE_MIN_MS,
} from "../../src/limits.ts";
import { createCancellation } from "../../src/service/cancellation.ts";
import {
  type Behaviour,
  createFakeOverlay,
  type FakeCircuit,
  type FakeOverlayOptions,
} from "./fake-circuits.ts";

const LIMIT = { limit: 300_000 };
const samples = Array.from({ length: 120 }, (_, at) => sampleBlock(at));
const first = samples[0] as (typeof samples)[0];

function create(
  overlayOptions: Partial<FakeOverlayOptions> = {},
  options: Partial<BlockNetworkOptions> = {},
) {
  const clock = createVirtualClock();
  const overlay = createFakeOverlay({ clock, ...overlayOptions });
  for (const { id, block } of samples) overlay.blocks.set(id, block);
  const network = createBlockNetwork({
    builder: overlay.builder,
    crypto: nodeProvider,
    random: createSeededRandom("client"),
    timers: clock,
    clock,
    ...options,
  });
  const get = (at = 0, lane: "data" | "roots" = "data") =>
    network.get({ id: (samples[at] as typeof first).id, copy: 0, lane });
  const getAll = async (count: number) => {
    const found = await clock.complete(Promise.all(samples.slice(0, count).map((_, at) => get(at))), LIMIT);
    return found.every((block, at) => same(block, at));
  };
  const put = (given = first) => network.put({ ...given, copy: 0, lane: "data" });
  const wait = <Value>(promise: Promise<Value>) => clock.complete(promise, LIMIT);
  return { clock, network, get, getAll, put, wait, ...overlay };
}
const same = (found: Uint8Array | undefined, at = 0) =>
  found !== undefined && Buffer.compare(found, (samples[at] as typeof first).block) === 0;
const endpointsOf = (circuits: readonly FakeCircuit[]) => circuits.map(({ endpoint }) => endpoint);

describe("the circuits of a block network", () => {
  it("are built when there is work, one for a little and all for a lot", async () => {
    const { wait, get, getAll, circuits, clock } = create();
    await clock.advance(1000);
    expect(circuits).toHaveLength(0);
    expect(same(await wait(get()))).toBe(true);
    expect(circuits).toHaveLength(1);
    expect(await getAll(100)).toBe(true);
    expect(circuits.filter(({ isOpen }) => isOpen)).toHaveLength(CLIENT_DATA_CIRCUITS);
  });

  it("end at different endpoints, roots at others than data", async () => {
    for (const seed of ["a", "b", "c", "d"]) {
      const { clock, wait, get, getAll, open } = create({ seed, endpoints: 6, callMs: 400 });
      const roots = Promise.all(samples.slice(0, 8).map((_, at) => get(at, "roots")));
      expect(await getAll(60)).toBe(true);
      await wait(roots);
      await clock.advance(500);
      expect(open()).toHaveLength(6);
      expect(new Set(endpointsOf(open())).size).toBe(6);
    }
  });

  it("are for one operation and one lane", async () => {
    const { wait, get, circuits } = create();
    await wait(Promise.all([get(0, "data"), get(1, "roots")]));
    const [a, b] = circuits.map(({ request }) => request.purpose);
    expect(new Set([a?.carries, b?.carries])).toEqual(new Set(["data", "roots"]));
    expect(a?.operation).toBe(b?.operation);
    const other = create();
    await other.wait(other.get());
    expect(other.circuits[0]?.request.purpose.operation).not.toBe(a?.operation);
  });

  it("carry a bounded number of calls each, spread evenly", async () => {
    const { getAll, open } = create();
    expect(await getAll(120)).toBe(true);
    expect(open()).toHaveLength(CLIENT_DATA_CIRCUITS);
    expect(Math.max(...open().map(({ peak }) => peak))).toBe(CLIENT_CALLS_PER_CIRCUIT);
    expect(await getAll(120)).toBe(true);
    for (const { peak, calls } of open()) {
      expect(peak).toBeLessThanOrEqual(CLIENT_CALLS_PER_CIRCUIT);
      expect(calls).toBeGreaterThanOrEqual(28);
    }
  });

  it("serve with fewer endpoints than circuits, even with a single one", async () => {
    for (const endpoints of [1, 2]) {
      const { getAll, wait, network } = create({ endpoints });
      expect(await getAll(40)).toBe(true);
      expect(await wait(network.get({ id: sampleBlock(999).id, copy: 0, lane: "roots" }))).toBeUndefined();
    }
  });

  it("are told to the observer, and closed at the end", async () => {
    const seen: (readonly CircuitInUse[])[] = [];
    const { wait, get, network, open } = create({}, { onCircuits: (circuits) => seen.push(circuits) });
    await wait(get());
    expect(seen).toEqual([[{ lane: "data", path: open()[0]?.path }]]);
    network.close();
    network.close();
    expect(open()).toHaveLength(0);
  });
});

describe("a GET over circuits", () => {
  it("goes on over other circuits when one dies in the middle", async () => {
    const { clock, getAll, open } = create();
    clock.schedule(60, () => open()[0]?.die());
    clock.schedule(75, () => open()[0]?.die());
    expect(await getAll(120)).toBe(true);
  });

  it("goes on when every circuit dies, as with the guard", async () => {
    const { clock, getAll, open } = create();
    for (const at of [65, 130, 400]) {
      clock.schedule(at, () => {
        for (const circuit of open()) circuit.die();
      });
    }
    expect(await getAll(120)).toBe(true);
  });

  it.each<Behaviour>(["lies", "babbles", "resets", "stalls", "knows nothing", "dies"])(
    "never gives out anything but the block when half of the endpoints each %s",
    async (behaviour) => {
      const { getAll, behaviours, endpoints, wait, get } = create();
      for (const endpoint of endpoints.slice(0, 5)) behaviours.set(endpoint, behaviour);
      if (behaviour === "knows nothing") {
        const found = await wait(Promise.all(samples.map((_, at) => get(at))));
        expect(found.every((block, at) => block === undefined || same(block, at))).toBe(true);
      } else {
        expect(await getAll(120)).toBe(true);
      }
    },
  );

  it("leaves an endpoint that lies and does not come back to it", async () => {
    for (const seed of ["a", "b", "c", "d", "e", "f"]) {
      const { getAll, behaviours, circuits, endpoints } = create({ seed, endpoints: 6 });
      const liar = endpoints[3] as NodeId;
      behaviours.set(liar, "lies");
      for (let round = 0; round < 3; round++) expect(await getAll(120)).toBe(true);
      const lying = circuits.filter(({ endpoint, calls }) => endpoint === liar && calls > 0);
      expect(lying.length).toBeLessThanOrEqual(1);
      expect(lying.every(({ isOpen }) => !isOpen)).toBe(true);
    }
  });

  it("asks one more endpoint before not found counts", async () => {
    const { wait, get, behaviours, circuits, blocks } = create();
    expect(same(await wait(get()))).toBe(true);
    behaviours.set(circuits[0]?.endpoint as NodeId, "knows nothing");
    expect(same(await wait(get()))).toBe(true);
    expect(new Set(endpointsOf(circuits)).size).toBe(2);
    blocks.clear();
    const before = circuits.reduce((sum, { calls }) => sum + calls, 0);
    expect(await wait(get())).toBeUndefined();
    expect(circuits.reduce((sum, { calls }) => sum + calls, 0)).toBe(before + 2);
  });

  it("overtakes a silent circuit long before the timeout, and replaces it after a few times", async () => {
    const { wait, get, behaviours, circuits, clock } = create();
    await wait(get());
    const silent = circuits[0] as FakeCircuit;
    behaviours.set(silent.endpoint, "stalls");
    const start = clock.now();
    expect(same(await wait(get()))).toBe(true);
    const took = clock.now() - start;
    expect(took).toBeGreaterThanOrEqual(CLIENT_OVERTAKE_MIN_MS);
    expect(took).toBeLessThan(CLIENT_GET_TIMEOUT_MS / 4);
    for (let round = 0; round < 6; round++) await wait(get());
    expect(silent.isOpen).toBe(false);
  });

  it("ends without a block, in bounded time, when no endpoint is any good", async () => {
    for (const behaviour of ["resets", "stalls", "lies"] as const) {
      const { wait, get, behaveAll } = create();
      behaveAll(behaviour);
      expect(await wait(get())).toBeUndefined();
    }
  });

  it("asks past the caches when told to", async () => {
    const clock = createVirtualClock();
    const overlay = createFakeOverlay({ clock });
    const payloads: Uint8Array[] = [];
    const network = createBlockNetwork({
      builder: {
        async build(request) {
          const circuit = await overlay.builder.build(request);
          const call: FakeCircuit["call"] = (service, payload, options) => {
            payloads.push(payload);
            return circuit.call(service, payload, options);
          };
          return { ...circuit, isOpen: true, callsInFlight: 0, call };
        },
      },
      crypto: nodeProvider,
      random: createSeededRandom("client"),
      timers: clock,
      clock,
      bypassCaches: true,
    });
    await clock.complete(network.get({ id: first.id, copy: 0, lane: "data" }), LIMIT);
    expect(payloads.map((payload) => payload[3])).toEqual([1, 1]);
  });
});

describe("a block network among peers that do anything", () => {
  const behaviours = fc.constantFrom<Behaviour>(
    ...(["serves", "stalls", "lies", "resets", "babbles", "knows nothing", "dies"] as const),
  );
  it("ends every request with the block or without, and holds on to nothing", async () => {
    const cases = fc.record({
      seed: fc.string(),
      courses: fc.array(behaviours, { minLength: 1, maxLength: 8 }),
      deaths: fc.array(fc.nat(5000), { maxLength: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ seed, courses, deaths }) => {
        const overlay = create({ seed, endpoints: courses.length });
        courses.forEach((course, at) => void overlay.behaviours.set(overlay.endpoints[at] as NodeId, course));
        for (const at of deaths) overlay.clock.schedule(at, () => overlay.open()[0]?.die());
        const requests = samples
          .slice(0, 12)
          .map((_, at) => overlay.get(at, at % 4 === 0 ? "roots" : "data"));
        const found = await overlay.wait(Promise.all(requests));
        expect(found.every((block, at) => block === undefined || same(block, at))).toBe(true);
        if (
          courses.every((course) => course === "serves" || course === "lies") &&
          courses.includes("serves")
        ) {
          expect(found.every((block) => block !== undefined)).toBe(true);
        }
        overlay.network.close();
        await overlay.clock.advance(60_000);
        expect(overlay.open()).toHaveLength(0);
        expect(overlay.clock.pending).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});

describe("a PUT over circuits", () => {
  it("is done when one endpoint reports enough copies", async () => {
    const { wait, put, puts } = create();
    expect(await wait(put())).toBe(3);
    expect(puts).toHaveLength(1);
  });

  it("goes over a second endpoint when the first reports too few, and takes the better report", async () => {
    for (const [reports, best] of [
      [[1, 3], 3],
      [[2, 1], 2],
      [[0, 0], 0],
    ] as const) {
      const { wait, put, puts, endpoints, confirmations } = create();
      for (const endpoint of endpoints) confirmations.set(endpoint, reports[1]);
      const warm = create();
      await warm.wait(warm.put());
      confirmations.set((warm.puts[0] as { endpoint: NodeId }).endpoint, reports[0]);
      expect(await wait(put())).toBe(best);
      expect(new Set(puts.map(({ endpoint }) => endpoint)).size).toBe(2);
    }
  });

  it("goes on over another circuit when one dies", async () => {
    const { clock, wait, put, open } = create();
    clock.schedule(60, () => open()[0]?.die());
    expect(await wait(put())).toBe(3);
  });

  it("reports none when no endpoint is any good", async () => {
    const { wait, put, behaveAll } = create();
    behaveAll("resets");
    expect(await wait(put())).toBe(0);
  });
});

describe("a block network in trouble", () => {
  const error = (code: "NO_PATH" | "NETWORK_UNREACHABLE" | "CIRCUIT_CLOSED") => new UmbelError(code, code);

  it.each([
    ["NO_PATH", "NO_PATH", 1],
    ["NETWORK_UNREACHABLE", "NETWORK_UNREACHABLE", CLIENT_BUILD_FAILURES],
    ["CIRCUIT_CLOSED", "NETWORK_UNREACHABLE", CLIENT_BUILD_FAILURES],
  ] as const)(
    "gives up when builds fail with %s again and again, then tries anew when asked",
    async (code, told, rounds) => {
      const { wait, get, builds } = create();
      builds.failures = Array.from({ length: rounds }, () => error(code));
      await expect(wait(get())).rejects.toMatchObject({ code: told });
      expect(builds.started).toBe(rounds);
      expect(same(await wait(get()))).toBe(true);
    },
  );

  it("bears failed builds while others work", async () => {
    const { getAll, builds } = create();
    builds.failures = [error("CIRCUIT_CLOSED"), error("CIRCUIT_CLOSED"), undefined, error("NO_PATH")];
    expect(await getAll(120)).toBe(true);
  });

  it("ends a request with ABORTED when its signal fires: waiting for a circuit, or on one", async () => {
    for (const after of [10, 60]) {
      const { clock, network, wait, circuits } = create();
      const cancellation = createCancellation();
      clock.schedule(after, cancellation.cancel);
      const request = network.get({ id: first.id, copy: 0, lane: "data" }, { signal: cancellation.signal });
      await expect(wait(request)).rejects.toMatchObject({ code: "ABORTED" });
      await clock.advance(1000);
      expect(circuits.every(({ callsInFlight }) => callsInFlight === 0)).toBe(true);
    }
  });

  it("ends everything with ABORTED when it is closed, and leaves no timer and no circuit", async () => {
    const { clock, network, get, open } = create();
    const requests = [0, 1, 2].map((at) => get(at));
    const outcomes = Promise.allSettled(requests);
    clock.schedule(60, () => network.close());
    for (const outcome of await clock.complete(outcomes, LIMIT)) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "ABORTED" } });
    }
    await clock.advance(5000);
    expect(open()).toHaveLength(0);
    expect(clock.pending).toBe(0);
    await expect(get()).rejects.toMatchObject({ code: "ABORTED" });
  });
});
