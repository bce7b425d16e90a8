import "./support/memory-watch.ts";

import { BODY_BYTES, openKernel, SERVICE } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import type { Circuit } from "@umbel/router";
import { describe, expect, it } from "vitest";
import { createChain, type Passing } from "../../packages/router/test/support/circuit-chain.ts";
import { deliver, initiatorOf, responderOf } from "../../packages/router/test/support/link-pair.ts";
import { createRelays } from "../../packages/router/test/support/relays.ts";
import { seedFor } from "../support/seed.ts";
import { foundInMemory } from "./support/memory-watch.ts";
import { logSecrets } from "./support/secret-log.ts";

const log = logSecrets(nodeProvider);
const CALL = { maxResponseBytes: 100_000, timeout: 30_000 };

/** Everything logged so far. */
const logged = () => ({ whole: new Map(log.all), halves: new Map(log.halves) });

/**
 * The secrets among those logged that are in memory and should not: all but `kept`. The tag N stands at the start of every body
 * that was opened, so it is looked for in shorter arrays only; it opens nothing.
 */
function leftOver(kept: ReadonlySet<string>, { whole, halves } = logged()): string[] {
  const starts = new Set([...kept].map((hex) => hex.slice(0, 32)));
  return [
    ...foundInMemory(new Map([...whole].filter(([, hex]) => !kept.has(hex)))),
    ...foundInMemory(new Map([...halves].filter(([, hex]) => !starts.has(hex))), BODY_BYTES),
  ];
}

/** Three relays and a client with a circuit over them; the keys that nodes keep for long stand in `lasting`. */
async function circuitOfThree(seed: string) {
  const world = createRelays(seed);
  const relays = [await world.relay(), await world.relay(), await world.relay()];
  const client = world.client();
  const lasting = new Set(log.all.values());
  relays[2]?.node.serve(SERVICE.BLOCKS, {
    maxRequestBytes: 50_000,
    handle: ({ payload }) => payload.map((byte) => byte ^ 1),
  });
  const run = <Value>(promise: Promise<Value>) => world.clock.complete(promise, { limit: 60_000 });
  const circuit = (await run(client.node.buildCircuit(relays.map((one) => one.descriptor)))) as Circuit;
  const request = new Uint8Array(30_000).fill(7);
  return {
    ...world,
    nodes: [client.node, ...relays.map((one) => one.node)],
    lasting,
    circuit,
    run,
    ask: () => run(circuit.call(SERVICE.BLOCKS, request, CALL)),
  };
}

describe("all memory of all nodes of a circuit", () => {
  it("holds the keys of its layers and links while they serve, and no secret of any handshake", async () => {
    const world = await circuitOfThree(seedFor("forward secrecy: in use"));
    await world.ask();
    log.usedSince();
    await world.ask();
    const used = log.usedSince();
    // The control: the hunt sees keys that are there, in the closures and private fields of layers and ciphers.
    const keys = new Map([...log.all].filter(([, hex]) => used.has(hex)));
    expect(keys.size).toBeGreaterThanOrEqual(6 + 6);
    expect(foundInMemory(keys)).toEqual([...keys.keys()].sort());
    expect(foundInMemory(log.halves, BODY_BYTES).length).toBeGreaterThanOrEqual(12 + 6);
    const handshakes = [...log.all].filter(
      ([name, hex]) => /X25519|ML-KEM|HMAC key/.test(name) && !world.lasting.has(hex) && !used.has(hex),
    );
    expect(handshakes.length).toBeGreaterThan(30);
    expect(foundInMemory(new Map(handshakes))).toEqual([]);
    await Promise.all(world.nodes.map((node) => node.stop()));
  });

  it("holds nothing of before the ratchet after it, neither keys nor what a cipher makes of them", async () => {
    const world = await circuitOfThree(seedFor("forward secrecy: ratchet"));
    await world.ask();
    const before = logged();
    const served = log.usedSince();
    await world.clock.advance(61_000);
    await world.ask();
    log.usedSince();
    await world.ask();
    const used = log.usedSince();
    // The six layers have other keys now, the links still the same.
    expect([...served].filter((hex) => !used.has(hex)).length).toBeGreaterThanOrEqual(6);
    expect(leftOver(new Set([...world.lasting, ...used]), before)).toEqual([]);
    await Promise.all(world.nodes.map((node) => node.stop()));
  });

  it("holds no secret but the nodes' own when the circuit and its links are gone", async () => {
    const world = await circuitOfThree(seedFor("forward secrecy: end"));
    await world.ask();
    world.circuit.close();
    await world.clock.advance(1000);
    await Promise.all(world.nodes.map((node) => node.stop()));
    await world.clock.advance(1000);
    expect(leftOver(world.lasting)).toEqual([]);
    expect(openKernel()?.keys.every((byte) => byte === 0)).toBe(true);
  });
});

describe("a handshake that is given up leaves no secret", () => {
  /** What stands in memory of the secrets that `run` brought up, but for those that were there before. */
  const leftBy = (run: () => void): string[] => {
    const before = logged();
    run();
    const fresh = logged();
    const lasting = new Set(before.whole.values());
    for (const key of before.halves.keys()) fresh.halves.delete(key);
    return leftOver(lasting, fresh);
  };

  it.each(["close", "lost"] as const)("on a link, at either side, at its %s", (type) => {
    const [initiator, responder] = [initiatorOf(), responderOf()];
    expect(
      leftBy(() => {
        deliver(responder, initiator.handle({ type: "opened" }, 0));
        initiator.handle({ type }, 0);
        responder.handle({ type }, 0);
      }),
    ).toEqual([]);
  });

  it.each([
    [
      "does not answer",
      [],
      (cell: Passing) => (cell.direction === "backward" && cell.at === 1 ? [] : [cell]),
    ],
    ["does not know the next one, and is asked anew", [1], (cell: Passing) => [cell]],
  ] as const)("on a circuit, when a hop %s", (_name, unknown, meddle) => {
    const chain = createChain({ hops: 2, unknown, meddle });
    expect(
      leftBy(() => {
        chain.toOrigin({ type: "start" });
        chain.settle();
        chain.toOrigin({ type: "close" });
        chain.settle();
        for (const hop of [0, 1]) chain.toRelay(hop, { type: "lost" });
      }),
    ).toEqual([]);
  });
});
