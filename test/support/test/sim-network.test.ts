import type { Connection, ConnectionHandler } from "@umbel/router";
import { expect, test } from "vitest";
import { replayCommand, seedFor } from "../seed.ts";
import type { SimHost } from "../sim-host.ts";
import { createSimNetwork, type SimNetwork, type SimNetworkOptions } from "../sim-network.ts";

/** A connection from one host to an echo on another, and what the dialer heard, with times. */
async function dialEcho(sim: SimNetwork, from: SimHost, to: SimHost, heard: string[] = []) {
  const received: string[] = [];
  const listener = await to.transport.listen(`ws://${to.name}:0`, echo);
  const handler: Required<ConnectionHandler> = {
    opened: () => heard.push("opened"),
    message(bytes) {
      heard.push("message");
      received.push(Buffer.from(bytes).toString("hex"));
    },
    drained() {},
    closed: () => heard.push(`closed at ${Math.round(sim.clock.now() / 1000)} s`),
  };
  const connection = from.transport.dial(listener.url, handler);
  await sim.clock.runUntil(() => heard.length > 0, { limit: 1000 });
  return { connection, heard, received, url: listener.url };
}

function echo(connection: Connection): ConnectionHandler {
  return { message: (bytes) => void connection.send(bytes), drained() {}, closed() {} };
}

/** Eight hosts that send to each other at random for ten virtual seconds. */
async function chatter(options: Omit<SimNetworkOptions, "seed">, seed: string): Promise<SimNetwork> {
  const sim = createSimNetwork({ seed, ...options });
  const hosts = Array.from({ length: 8 }, (_, i) => sim.host(`10.0.${i}.1`));
  for (const host of hosts) {
    await host.transport.listen(`ws://${host.name}:80`, echo);
    const talk = async (): Promise<void> => {
      await null;
      const peer = hosts[host.random.bytes(1)[0]! % 8] as SimHost;
      const connection = host.transport.dial(`ws://${peer.name}:80`, {
        message: (bytes) => host.timers.schedule(bytes[0]!, talk),
        drained() {},
        closed() {},
      });
      connection.send(host.random.bytes(1 + host.random.bytes(1)[0]!));
    };
    host.timers.defer(talk);
  }
  await sim.clock.advance(10_000);
  return sim;
}

test("the same seed gives the same trace twice, another seed another", async () => {
  const options = { lossPerMinute: 10, bytesPerSecond: 20_000 };
  const [first, second, other] = [
    await chatter(options, "a"),
    await chatter(options, "a"),
    await chatter(options, "b"),
  ];
  expect(first.messages).toBeGreaterThan(250);
  expect([second.digest(), second.messages, second.bytes]).toEqual([
    first.digest(),
    first.messages,
    first.bytes,
  ]);
  expect(second.clock.ran).toBe(first.clock.ran);
  expect(other.digest()).not.toBe(first.digest());
});

test("the digest depends on every byte and every delay", async () => {
  const digestOf = async (latency: number, byte: number): Promise<string> => {
    const sim = createSimNetwork({ seed: 1, latency: [latency, latency] });
    const { connection } = await dialEcho(sim, sim.host("10.0.0.1"), sim.host("10.0.0.2"));
    connection.send(Uint8Array.of(1, 2, byte));
    await sim.clock.advance(1000);
    return sim.digest();
  };
  const digests = [
    await digestOf(10, 3),
    await digestOf(10, 4),
    await digestOf(11, 3),
    await digestOf(10, 3),
  ];
  expect(new Set(digests).size).toBe(3);
  expect(digests[3]).toBe(digests[0]);
});

test("delays lie in their range and a pair keeps its own", async () => {
  const sim = createSimNetwork({ seed: seedFor("delays"), latency: [20, 60] });
  const { connection, received } = await dialEcho(sim, sim.host("10.0.0.1"), sim.host("10.0.0.2"));
  const roundTrips: number[] = [];
  for (let i = 1; i <= 20; i++) {
    const start = sim.clock.now();
    connection.send(Uint8Array.of(i));
    await sim.clock.runUntil(() => received.length === i, { limit: 1000 });
    roundTrips.push(sim.clock.now() - start);
  }
  expect(Math.min(...roundTrips)).toBeGreaterThanOrEqual(40);
  expect(Math.max(...roundTrips)).toBeLessThanOrEqual(132);
  expect(Math.max(...roundTrips)).toBeLessThanOrEqual(Math.min(...roundTrips) * 1.1);
});

test("a short partition delays messages, a long one costs the connections and dials across", async () => {
  const sim = createSimNetwork({ seed: seedFor("partition"), stallTimeout: 15_000 });
  const [a, b, c] = [sim.host("10.0.0.1"), sim.host("10.0.0.2"), sim.host("10.0.0.3")];
  const across = await dialEcho(sim, a, b);
  const inside = await dialEcho(sim, a, c);
  sim.partition([a.name, c.name], [b.name]);
  across.connection.send(Uint8Array.of(1));
  inside.connection.send(Uint8Array.of(2));
  await sim.clock.advance(5000);
  expect(across.received).toEqual([]);
  expect(inside.received).toEqual(["02"]);
  sim.heal();
  await sim.clock.advance(1000);
  expect(across.received).toEqual(["01"]);

  await sim.clock.advance(20_000);
  expect(across.heard).toEqual(["opened", "message"]);
  sim.partition([a.name, c.name], [b.name]);
  const heard: string[] = [];
  a.transport.dial(across.url, { message() {}, drained() {}, closed: () => heard.push("closed") });
  await sim.clock.advance(14_999);
  expect(heard).toEqual([]);
  await sim.clock.advance(2);
  expect(heard).toEqual(["closed"]);
  expect(across.heard).toEqual(["opened", "message", "closed at 41 s"]);
  expect(inside.heard).toEqual(["opened", "message"]);
});

test("a crash closes the host's connections, silences its timers and frees its ports", async () => {
  const sim = createSimNetwork({ seed: seedFor("crash") });
  const [a, b] = [sim.host("10.0.0.1"), sim.host("10.0.0.2")];
  const { heard, url, connection } = await dialEcho(sim, a, b);
  const ghosts: string[] = [];
  b.timers.schedule(500, () => ghosts.push("timer"));
  b.timers.defer(() => ghosts.push("defer"));
  connection.send(Uint8Array.of(1));
  sim.crash(b.name);
  await sim.clock.advance(1000);
  expect(heard).toEqual(["opened", "closed at 0 s"]);
  expect(ghosts).toEqual([]);
  expect(b.isAlive).toBe(false);
  expect(sim.connections).toHaveLength(0);
  a.transport.dial(url, { message() {}, drained() {}, closed: () => heard.push("refused") });
  b.transport
    .dial(url, { message() {}, drained() {}, closed: () => ghosts.push("closed") })
    .send(Uint8Array.of(1));
  await sim.clock.advance(1000);
  expect(heard.at(-1)).toBe("refused");
  expect(ghosts).toEqual([]);

  const again = sim.restart(b.name);
  expect(again.random.bytes(8)).not.toEqual(b.random.bytes(8));
  const second = await dialEcho(sim, a, again);
  expect(second.heard).toEqual(["opened"]);
  expect(() => sim.restart(b.name)).toThrow("still runs");
});

test("a silent crash is noticed after the stall timeout, or when the host is back", async () => {
  for (const [restartAt, expected] of [
    [undefined, "closed at 15 s"],
    [3000, "closed at 3 s"],
  ] as const) {
    const sim = createSimNetwork({ seed: seedFor("silent crash"), latency: [1, 1] });
    const [a, b] = [sim.host("10.0.0.1"), sim.host("10.0.0.2")];
    const { heard, connection } = await dialEcho(sim, a, b);
    sim.crash(b.name, { silent: true });
    connection.send(Uint8Array.of(1));
    await sim.clock.advance(2998);
    expect(heard).toEqual(["opened"]);
    if (restartAt !== undefined) sim.restart(b.name);
    await sim.clock.advance(20_000);
    expect(heard).toEqual(["opened", expected]);
  }
});

test("connections are lost at about the rate asked for", async () => {
  const sim = createSimNetwork({ seed: seedFor("losses"), lossPerMinute: 1 });
  const [a, b] = [sim.host("10.0.0.1"), sim.host("10.0.0.2")];
  const all = [];
  for (let i = 0; i < 200; i++) all.push(await dialEcho(sim, a, b));
  await sim.clock.advance(60_000);
  const lost = all.filter(({ heard }) => heard.length === 2).length;
  expect(lost).toBeGreaterThan(200 * 0.5);
  expect(lost).toBeLessThan(200 * 0.8);
});

test("a width makes a message take its time", async () => {
  const sim = createSimNetwork({ seed: 1, latency: [1, 1], bytesPerSecond: 1000 });
  const { connection, received } = await dialEcho(sim, sim.host("10.0.0.1"), sim.host("10.0.0.2"));
  const start = sim.clock.now();
  for (let i = 0; i < 3; i++) connection.send(new Uint8Array(1000));
  await sim.clock.runUntil(() => received.length === 3, { limit: 60_000 });
  expect(sim.clock.now() - start).toBeGreaterThan(4000);
  expect(sim.clock.now() - start).toBeLessThan(4100);
});

test("eyes see what was sent, hands change what arrives, both come off again", async () => {
  const sim = createSimNetwork({ seed: seedFor("tamper") });
  const [a, b] = [sim.host("10.0.0.1"), sim.host("10.0.0.2")];
  const { connection, received } = await dialEcho(sim, a, b);
  const seen: string[] = [];
  const blind = sim.observe(({ from, to, bytes }) => seen.push(`${from} ${to} ${bytes[0]}`));
  const untouch = sim.tamper(({ to, bytes }) => (to === b.name ? bytes.map((byte) => byte ^ 1) : undefined));
  connection.send(Uint8Array.of(8));
  await sim.clock.advance(1000);
  untouch();
  blind();
  connection.send(Uint8Array.of(8));
  await sim.clock.advance(1000);
  expect(seen).toEqual([`${a.name} ${b.name} 8`, `${b.name} ${a.name} 9`]);
  expect(received).toEqual(["09", "08"]);
});

test("cut ends the connections named and no other", async () => {
  const sim = createSimNetwork({ seed: seedFor("cut") });
  const [a, b, c] = [sim.host("10.0.0.1"), sim.host("10.0.0.2"), sim.host("10.0.0.3")];
  const [ab, ac] = [await dialEcho(sim, a, b), await dialEcho(sim, a, c)];
  sim.cut(a.name, b.name);
  await sim.clock.settle();
  expect([ab.heard.length, ac.heard.length]).toEqual([2, 1]);
  sim.cut(c.name);
  await sim.clock.settle();
  expect(ac.heard).toHaveLength(2);
});

test("the replay command survives a shell", () => {
  expect(replayCommand("a1", "test/x.test.ts")).toBe("UMBEL_SEED=a1 npx vitest run test/x.test.ts");
  expect(replayCommand("it's", "x")).toBe(`UMBEL_SEED='it'\\''s' npx vitest run x`);
});
