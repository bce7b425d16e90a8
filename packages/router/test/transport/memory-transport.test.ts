import { MAX_RECORD_BYTES } from "@umbel/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createVirtualClock } from "../../../../test/support/virtual-clock.ts";
import {
  createMemoryNetwork,
  type MemoryMessage,
  type MemoryNetworkOptions,
} from "../../src/transport/memory-transport.ts";
import type { Connection } from "../../src/transport/transport.ts";

const A = "10.0.0.1";
const B = "10.0.0.2";

/** A connection from A to B; what both ends hear is noted with its time. */
async function connected(options: Partial<MemoryNetworkOptions> = {}) {
  const clock = createVirtualClock();
  const network = createMemoryNetwork({ timers: clock, ...options });
  const heard: string[] = [];
  const far: Connection[] = [];
  const owner = (name: string) => ({
    opened: () => heard.push(`${name} opened at ${clock.now()}`),
    message: (bytes: Uint8Array) => heard.push(`${name} ${bytes.length}:${bytes[0]} at ${clock.now()}`),
    drained: () => heard.push(`${name} drained at ${clock.now()}`),
    closed: () => heard.push(`${name} closed at ${clock.now()}`),
  });
  const listener = await network.transportFor(B).listen(`ws://${B}:80`, (connection) => {
    far.push(connection);
    return owner("b");
  });
  const near = network.transportFor(A).dial(listener.url, owner("a"));
  await clock.runUntil(() => heard.length > 0, { limit: 60_000 });
  heard.length = 0;
  return { clock, network, near, far: far[0] as Connection, heard, listener };
}

test("a message takes the delay of its direction, a dial there and back", async () => {
  const { clock, near, far, heard } = await connected({ latency: (from) => (from === A ? 10 : 30) });
  expect(clock.now()).toBe(40);
  near.send(Uint8Array.of(1));
  far.send(Uint8Array.of(2));
  await clock.advance(100);
  expect(heard).toEqual(["b 1:1 at 50", "a 1:2 at 70"]);
});

test("a later message never overtakes, however short its own delay", async () => {
  const delays = [100, 10, 50];
  const { clock, near, heard } = await connected({
    latency: (from) => (from === A ? (delays.shift() ?? 0) : 0),
  });
  near.send(Uint8Array.of(1)); // the dial took the first delay
  await clock.settle();
  near.send(Uint8Array.of(2));
  await clock.advance(100);
  expect(heard).toEqual(["b 1:1 at 110", "b 1:2 at 150"]);
});

test("messages wait where nothing gets through and go on after release", async () => {
  let reachable = true;
  const { clock, network, near, heard } = await connected({ reachable: () => reachable });
  reachable = false;
  near.send(Uint8Array.of(1));
  near.close();
  await clock.advance(1000);
  expect(heard).toEqual(["a closed at 0"]);
  reachable = true;
  network.release();
  await clock.settle();
  expect(heard).toEqual(["a closed at 0", "b 1:1 at 1000", "b closed at 1000"]);
  expect(network.connections()).toEqual([]);
});

test("a cut loses what is on the way, and both ends hear of it once", async () => {
  const { clock, network, near, heard } = await connected({ latency: () => 10 });
  near.send(Uint8Array.of(1));
  await clock.advance(5);
  network.connections()[0]?.cut();
  near.close();
  await clock.advance(100);
  expect(heard).toEqual(["a closed at 25", "b closed at 25"]);
});

test("a killed host is never called again; its peer hears the end one delay later", async () => {
  const { clock, network, near, far, heard } = await connected({ latency: () => 10 });
  near.send(Uint8Array.of(1));
  far.send(Uint8Array.of(2));
  network.kill(B);
  far.send(Uint8Array.of(3));
  far.close();
  await clock.advance(1000);
  expect(heard).toEqual(["a closed at 30"]);
  expect(network.connections()).toEqual([]);
});

test("a host killed in silence swallows what is sent until the connection is cut", async () => {
  const { clock, network, near, heard } = await connected({ highWaterBytes: 10, lowWaterBytes: 5 });
  network.kill(B, { silent: true });
  expect([near.send(new Uint8Array(10)), near.send(new Uint8Array(1))]).toEqual([true, false]);
  await clock.advance(60_000);
  expect(heard).toEqual([]);
  network.connections()[0]?.cut();
  await clock.settle();
  expect(heard).toEqual(["a closed at 60000"]);
});

test("hooks see each message as it leaves and may change what arrives", async () => {
  const seen: MemoryMessage[] = [];
  const { clock, near, heard } = await connected({
    observe: (message) => seen.push(message),
    tamper: ({ bytes }) => (bytes[0] === 2 ? new Uint8Array(MAX_RECORD_BYTES + 1) : bytes),
  });
  near.send(Uint8Array.of(1));
  near.send(Uint8Array.of(2));
  near.send(Uint8Array.of(3));
  await clock.settle();
  expect(seen.map(({ from, to, connectionId, bytes }) => [from, to, connectionId, bytes[0]])).toEqual([
    [A, B, 0, 1],
    [A, B, 0, 2],
    [A, B, 0, 3],
  ]);
  expect(heard.toSorted()).toEqual(["a closed at 0", "b 1:1 at 0", "b closed at 0"]);
});

test("order, count and backpressure hold for any sizes, delays, widths and pauses", async () => {
  const step = fc.record({
    size: fc.integer({ min: 1, max: 50 }),
    wait: fc.integer({ min: 0, max: 20 }),
    pause: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.integer(),
      fc.boolean(),
      async (steps, seed, narrow) => {
        let draw = Math.abs(seed) + 1;
        const { clock, near, far, heard } = await connected({
          highWaterBytes: 100,
          lowWaterBytes: 30,
          latency: () => {
            draw = (draw * 48271) % 2147483647;
            return draw % 40;
          },
          ...(narrow ? { transmitTime: (_from: string, _to: string, bytes: number) => bytes / 10 } : {}),
        });
        let stopped = false;
        const sent: string[] = [];
        for (const [i, { size, wait, pause }] of steps.entries()) {
          if (near.send(new Uint8Array(size).fill(i)) === false) stopped = true;
          sent.push(`${size}:${i}`);
          if (pause) far.pause();
          else far.resume();
          await clock.advance(wait);
        }
        far.resume();
        near.close();
        await clock.advance(10_000);
        const arrived = heard.filter((line) => line.startsWith("b ") && line.includes(":"));
        expect(arrived.map((line) => line.split(" ")[1])).toEqual(sent);
        expect(heard.filter((line) => line.startsWith("b ")).at(-1)).toMatch(/^b closed/);
        expect(heard.filter((line) => line.includes("closed"))).toHaveLength(2);
        if (!stopped) expect(heard.some((line) => line.includes("drained"))).toBe(false);
      },
    ),
    { numRuns: 100 },
  );
});
