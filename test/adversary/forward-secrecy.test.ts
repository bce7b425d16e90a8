import "./support/memory-watch.ts";

import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import {
  BODY_BYTES,
  CELL_COMMAND,
  createTransportCipher,
  generateNodeKeys,
  initiateHop,
  nodeIdOf,
  openKernel,
  REKEY_MESSAGES,
  SERVICE,
} from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import type { Circuit } from "@umbel/router";
import { describe, expect, it } from "vitest";
import { RATCHET_SILENCE_MS } from "../../packages/router/src/limits.ts";
import { doHopWork } from "../../packages/router/src/node/hop-responder.ts";
import {
  type FromHandshakeWorker,
  keyBuffers,
} from "../../packages/router/src/platform/handshake-messages.ts";
import { createChain, type Passing } from "../../packages/router/test/support/circuit-chain.ts";
import { deliver, initiatorOf, responderOf } from "../../packages/router/test/support/link-pair.ts";
import { createRelays } from "../../packages/router/test/support/relays.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { foundInMemory, memoryNow } from "./support/memory-watch.ts";
import { seedOf } from "./support/runs.ts";
import { logSecrets } from "./support/secret-log.ts";

/** The cipher of layers as it is before the log gets hold of it. */
const openCipher = nodeProvider.wideBlock;
const log = logSecrets(nodeProvider);
const strange = generateNodeKeys(nodeProvider, createSeededRandom("forward secrecy: node"));
const strangeId = nodeIdOf(nodeProvider, strange.identity.publicKey);
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
    const world = await circuitOfThree(seedOf("forward secrecy: in use"));
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
    const world = await circuitOfThree(seedOf("forward secrecy: ratchet"));
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
    const world = await circuitOfThree(seedOf("forward secrecy: end"));
    await world.ask();
    world.circuit.close();
    await world.clock.advance(1000);
    await Promise.all(world.nodes.map((node) => node.stop()));
    await world.clock.advance(1000);
    expect(leftOver(world.lasting)).toEqual([]);
    expect(openKernel()?.keys.every((byte) => byte === 0)).toBe(true);
  });
});

/** What stands in memory of the secrets that `run` brought up, but for those that were there before or still serve. */
function leftBy(run: () => void): string[] {
  const before = logged();
  run();
  const used = log.usedSince();
  const fresh = logged();
  for (const key of before.halves.keys()) fresh.halves.delete(key);
  return leftOver(new Set([...before.whole.values(), ...used]), fresh);
}

describe("the cipher of a link", () => {
  it("keeps no key of before the rekey, nor what made the new one", () => {
    const key = new Uint8Array(32).fill(0x5a);
    const ours = createTransportCipher(nodeProvider, key.slice(), REKEY_MESSAGES - 2);
    const theirs = createTransportCipher(nodeProvider, key, REKEY_MESSAGES - 2);
    const text = Uint8Array.of(1);
    const left = leftBy(() => {
      for (let message = 0; message < 4; message++) theirs.open(ours.seal(text));
      log.usedSince();
      theirs.open(ours.seal(text));
    });
    expect(left).toEqual([]);
    const whole = new Map([...log.all].filter(([name]) => name.startsWith("AEAD key")));
    ours.wipe();
    theirs.wipe();
    // Nor the block that the new key was cut from.
    expect(foundInMemory(whole)).toEqual([]);
  });
});

describe("a handshake that is given up leaves no secret", () => {
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

describe("an answer of a worker thread", () => {
  it("moves its keys to the pool, and leaves no copy behind", () => {
    const target = { network: new Uint8Array(32), nodeId: strangeId, hopKey: strange.hopKey.publicKey };
    const hop = { ...target, hopKeys: [strange.hopKey] };
    const { request } = initiateHop(nodeProvider, createSeededRandom("worker"), target);
    const result = doHopWork(nodeProvider, createSeededRandom("worker"), { what: "answer", request, hop });
    if (result.type !== "answer") throw new Error("no answer");
    const { forward, backward } = result.keys;
    const secrets = [forward, backward].flatMap(({ key, tag, chain }) => [key, tag, chain]);
    const texts = secrets.map((bytes) => Buffer.from(bytes).toString("hex"));
    const { port1, port2 } = new MessageChannel();
    port1.postMessage({ id: 1, result }, keyBuffers({ id: 1, result }));
    expect(secrets.map(({ length }) => length)).toEqual([0, 0, 0, 0, 0, 0]);
    const moved = (receiveMessageOnPort(port2) as { message: FromHandshakeWorker }).message.result;
    if (moved.type !== "answer") throw new Error("no answer");
    const arrived = [moved.keys.forward, moved.keys.backward].flatMap(({ key, tag, chain }) => [
      key,
      tag,
      chain,
    ]);
    expect(arrived.map((bytes) => Buffer.from(bytes).toString("hex"))).toEqual(texts);
    port1.close();
  });
});

describe("a recorded cell", () => {
  it("opens with the key of its layer, and with nothing that is in memory after the ratchet", () => {
    const recorded: string[] = [];
    const meddle = (cell: Passing) => {
      const wanted = cell.at === 1 && cell.direction === "forward" && cell.command === CELL_COMMAND.RELAY;
      if (wanted) recorded.push(Buffer.from(cell.body).toString("hex"));
      return [cell];
    };
    const before = new Set(log.all.keys());
    log.usedSince();
    const chain = createChain({ hops: 3, meddle, seed: seedOf("forward secrecy: recorded") });
    chain.toOrigin({ type: "start" });
    chain.settle();
    const cell = recorded[0]!;
    const made = [...log.all]
      .filter(([name]) => name.startsWith("HMAC output") && !before.has(name))
      .map(([, hex]) => hex);
    // The adversary knows all but the key: the second block of a layer's HKDF is N and the first chain value.
    const opener = [...log.usedSince()]
      .flatMap((key) => made.map((block) => ({ key, block })))
      .find(({ key, block }) => opens(cell, key, block));
    expect(opener).toBeDefined();
    chain.request(1, SERVICE.BLOCKS, new Uint8Array(10));
    chain.settle();
    chain.advance(RATCHET_SILENCE_MS);
    chain.settle();
    const candidates = new Set(
      memoryNow()
        .filter(({ length }) => length <= 64)
        .flatMap((memory) =>
          Array.from({ length: Math.max(0, memory.length - 31) }, (_, at) =>
            memory.toString("hex", at, at + 32),
          ),
        ),
    );
    expect(candidates.size).toBeGreaterThan(50);
    expect([...candidates].filter((key) => opens(cell, key, opener!.block))).toEqual([]);
    chain.toOrigin({ type: "close" });
    chain.settle();
  });
});

/** Whether a cell, the first of its layer, opens under `key`, when `block` is N and the chain value. By Buffers, which the watch does not see. */
function opens(cell: string, key: string, block: string): boolean {
  const body = Buffer.from(cell, "hex");
  const cipher = openCipher(Buffer.from(key, "hex"));
  cipher.decrypt(Buffer.from("00".repeat(16) + block.slice(32), "hex"), body);
  cipher.wipe();
  return body.toString("hex", 0, 16) === block.slice(0, 32);
}
