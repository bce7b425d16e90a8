import { SERVICE } from "@umbel/core";
import { describe, expect, it } from "vitest";
import type { Circuit, Service } from "../../src/node/overlay.ts";
import { createRelays } from "../support/relays.ts";

const CALL = { maxResponseBytes: 100_000, timeout: 30_000 };
const echo: Service = { maxRequestBytes: 50_000, handle: ({ payload }) => payload.toReversed() };
const sample = (size: number) => Uint8Array.from({ length: size }, (_, i) => (i * 13) & 0xff);

async function threeRelays(seed: string, hooks: Parameters<typeof createRelays>[1] = { latency: () => 20 }) {
  const world = createRelays(seed, hooks);
  const relays = [await world.relay(), await world.relay(), await world.relay()] as const;
  for (const { node } of relays) node.serve(SERVICE.BLOCKS, echo);
  const client = world.client();
  const build = async () => {
    const building = client.node.buildCircuit(relays.map((relay) => relay.descriptor));
    return (await world.clock.complete(building, { limit: 60_000 })) as Circuit;
  };
  return { ...world, relays, client, build };
}

describe("an overlay node", () => {
  it("builds a circuit of three hops over real links and calls a service at its end", async () => {
    const { clock, build, relays } = await threeRelays("three hops");
    const circuit = await build();
    expect(circuit.path).toEqual(relays.map((relay) => relay.descriptor.nodeId));
    const answer = await clock.complete(circuit.call(SERVICE.BLOCKS, sample(32_575), CALL), {
      limit: 10_000,
    });
    expect(answer).toEqual(sample(32_575).toReversed());
  });

  it("keeps many calls in flight on one circuit and answers each with its own response", async () => {
    const { clock, build } = await threeRelays("many calls");
    const circuit = await build();
    const calls = Array.from({ length: 40 }, (_, i) =>
      circuit.call(SERVICE.BLOCKS, sample(30_000 + i), CALL),
    );
    expect(circuit.callsInFlight).toBe(40);
    const answers = await clock.complete(Promise.all(calls), { limit: 60_000 });
    answers.forEach((answer, i) => {
      expect(Buffer.compare(answer, sample(30_000 + i).toReversed())).toBe(0);
    });
  });

  it("moves data through a connection that is often full, without losing order", async () => {
    const narrow = { latency: () => 5, transmitTime: (_: string, __: string, bytes: number) => bytes / 1000 };
    const { clock, build } = await threeRelays("narrow", {
      ...narrow,
      highWaterBytes: 20_000,
      lowWaterBytes: 5_000,
    });
    const circuit = await build();
    const calls = Array.from({ length: 30 }, (_, i) =>
      circuit.call(SERVICE.BLOCKS, sample(32_000 + i), CALL),
    );
    const answers = await clock.complete(Promise.all(calls), { limit: 60_000 });
    expect(answers.map((answer) => answer.length)).toEqual(calls.map((_, i) => 32_000 + i));
  });

  it("rejects calls in flight when a relay of the path dies, and the circuit is closed", async () => {
    const { clock, build, memory, relays } = await threeRelays("relay dies");
    const circuit = await build();
    const call = circuit.call(SERVICE.BLOCKS, sample(10), CALL);
    memory.kill(relays[1].host);
    await expect(clock.complete(call, { limit: 60_000 })).rejects.toMatchObject({ code: "CIRCUIT_CLOSED" });
    expect(circuit.isOpen).toBe(false);
    const late = circuit.call(SERVICE.BLOCKS, sample(10), CALL);
    await expect(clock.complete(late, { limit: 60_000 })).rejects.toMatchObject({ code: "CIRCUIT_CLOSED" });
  });

  it("says how many hops were reached when a circuit cannot be built", async () => {
    for (const dead of [0, 1, 2]) {
      const { clock, client, memory, relays } = await threeRelays(`dead ${dead}`);
      memory.kill(relays[dead]?.host ?? "");
      const building = client.node.buildCircuit(relays.map((relay) => relay.descriptor));
      expect(await clock.complete(building, { limit: 60_000 })).toEqual({ hops: dead });
    }
  });

  it("times a call out, resets its stream and keeps the circuit", async () => {
    const { clock, build, relays } = await threeRelays("slow service");
    const silent: Service = { maxRequestBytes: 10, handle: () => new Promise<Uint8Array>(() => {}) };
    relays[2].node.serve(SERVICE.HOLDER, silent);
    const circuit = await build();
    const call = circuit.call(SERVICE.HOLDER, sample(1), { ...CALL, timeout: 1000 });
    await expect(clock.complete(call, { limit: 5000 })).rejects.toMatchObject({ code: "TIMED_OUT" });
    expect(circuit.isOpen).toBe(true);
    expect(circuit.callsInFlight).toBe(0);
    const answer = await clock.complete(circuit.call(SERVICE.BLOCKS, sample(5), CALL), { limit: 5000 });
    expect(answer).toHaveLength(5);
  });

  it("resets a request that is longer than its service takes, or for a service that is not there", async () => {
    const { clock, build } = await threeRelays("too long");
    const circuit = await build();
    const long = circuit.call(SERVICE.BLOCKS, sample(50_001), CALL);
    await expect(clock.complete(long, { limit: 5000 })).rejects.toMatchObject({ code: "STREAM_CLOSED" });
    const whole = circuit.call(SERVICE.BLOCKS, sample(50_000), CALL);
    expect(await clock.complete(whole, { limit: 5000 })).toHaveLength(50_000);
    const absent = circuit.call(SERVICE.DIRECTORY, sample(1), CALL);
    await expect(clock.complete(absent, { limit: 5000 })).rejects.toMatchObject({ code: "STREAM_CLOSED" });
  });

  it("rejects a response that is longer than the caller takes", async () => {
    const { clock, build } = await threeRelays("long response");
    const circuit = await build();
    const call = circuit.call(SERVICE.BLOCKS, sample(1001), { ...CALL, maxResponseBytes: 1000 });
    await expect(clock.complete(call, { limit: 5000 })).rejects.toMatchObject({ code: "LIMIT_REACHED" });
  });

  it("tells a service whether a request came over a circuit, from an identified node, or from a client", async () => {
    const { clock, build, relays, client } = await threeRelays("origins");
    const origins: unknown[] = [];
    relays[2].node.serve(SERVICE.DIRECTORY, {
      maxRequestBytes: 100,
      handle: ({ origin }) => {
        origins.push(origin);
        return new Uint8Array(0);
      },
    });
    const to = relays[2].descriptor.nodeId;
    await clock.complete((await build()).call(SERVICE.DIRECTORY, sample(1), CALL), { limit: 5000 });
    await clock.complete(relays[0].node.call(to, SERVICE.DIRECTORY, sample(1), CALL), { limit: 5000 });
    await clock.complete(client.node.call(to, SERVICE.DIRECTORY, sample(1), CALL), { limit: 5000 });
    expect(origins).toEqual([
      { via: "circuit", circuit: expect.any(Number) },
      { via: "link", peer: relays[0].descriptor.nodeId },
      { via: "link", peer: undefined },
    ]);
  });

  it("ends with one link when two nodes dial each other at once", async () => {
    const { clock, relays } = await threeRelays("both dial");
    const [a, b] = relays;
    const calls = [
      a.node.call(b.descriptor.nodeId, SERVICE.BLOCKS, sample(9), CALL),
      b.node.call(a.descriptor.nodeId, SERVICE.BLOCKS, sample(9), CALL),
    ];
    await clock.complete(Promise.all(calls), { limit: 5000 });
    await clock.advance(1000);
    expect([a.node.linkCount, b.node.linkCount]).toEqual([1, 1]);
    const again = a.node.call(b.descriptor.nodeId, SERVICE.BLOCKS, sample(9), CALL);
    expect(await clock.complete(again, { limit: 5000 })).toHaveLength(9);
  });

  it("ends a link that leads back to itself", async () => {
    const { clock, relays } = await threeRelays("self");
    const self = { url: `ws://${relays[0].host}:9001`, nodeId: undefined };
    const call = relays[0].node.call(self, SERVICE.BLOCKS, sample(9), CALL);
    await expect(clock.complete(call, { limit: 5000 })).rejects.toMatchObject({ code: "LINK_CLOSED" });
    await clock.advance(1000);
    expect(relays[0].node.linkCount).toBe(0);
  });

  it("dials nobody once it has stopped, whatever calls still waited", async () => {
    const { clock, relays } = await threeRelays("stops");
    const [a, b] = relays;
    const silent: Service = { maxRequestBytes: 10, handle: () => new Promise<Uint8Array>(() => {}) };
    b.node.serve(SERVICE.HOLDER, silent);
    const calls = Array.from({ length: 300 }, () =>
      a.node.call(b.descriptor.nodeId, SERVICE.HOLDER, sample(1), CALL).catch((error) => error.code),
    );
    await clock.advance(1000);
    const stopped = a.node.stop();
    await clock.advance(1000);
    await stopped;
    expect([a.node.linkCount, b.node.linkCount]).toEqual([0, 0]);
    expect(new Set(await Promise.all(calls))).toEqual(new Set(["LINK_CLOSED"]));
    const building = a.node.buildCircuit(relays.map((relay) => relay.descriptor));
    expect(await clock.complete(building, { limit: 1000 })).toEqual({ hops: 0 });
  });

  it("closes links and one-hop circuits that nobody uses any more", async () => {
    const { clock, relays } = await threeRelays("idle");
    const [a, b] = relays;
    await clock.complete(a.node.call(b.descriptor.nodeId, SERVICE.BLOCKS, sample(9), CALL), { limit: 5000 });
    expect(a.node.linkCount).toBe(1);
    await clock.advance(600_000);
    expect([a.node.linkCount, b.node.linkCount]).toEqual([0, 0]);
  });

  it("refuses to be extended through when it does not relay", async () => {
    const { clock, client, relays } = await threeRelays("client is no relay");
    const building = client.node.buildCircuit([
      relays[0].descriptor,
      relays[1].descriptor,
      relays[0].descriptor,
    ]);
    expect(await clock.complete(building, { limit: 60_000 })).toEqual({ hops: 2 });
  });

  it("never lets altered bytes of a link reach a service or a caller", async () => {
    let altering = false;
    let altered = 0;
    const tamper = ({ bytes }: { bytes: Uint8Array }) => {
      if (altering) {
        altered += 1;
        bytes[bytes.length >> 1]! ^= 1;
      }
      return bytes;
    };
    const { clock, build } = await threeRelays("tamper", { latency: () => 20, tamper });
    const circuit = await build();
    altering = true;
    const call = circuit.call(SERVICE.BLOCKS, sample(100), CALL);
    await expect(clock.complete(call, { limit: 60_000 })).rejects.toMatchObject({ code: "CIRCUIT_CLOSED" });
    expect(altered).toBeGreaterThan(0);
  });
});
