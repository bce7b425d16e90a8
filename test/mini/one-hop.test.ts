import { createNetwork, LOCAL_NETWORK, nodeIdOf, nodeKeysFrom, SERVICE } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { OverlayNode } from "@umbel/router";
import { systemClock, systemTimers } from "@umbel/router/platform/system-clock";
import { createWsTransport } from "@umbel/router/platform/ws-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { concat, fromBase32, hex, random, zeros } from "./bytes.ts";
import { CELL, type Cell, DATA_BYTES, FLAG, RELAY } from "./cells.ts";
import { Circuit } from "./circuit.ts";
import { networkIdOf } from "./identity.ts";
import { Link, openSocket } from "./link.ts";
import { dialHandshake } from "./link-handshake.ts";

const network = networkIdOf("local");
const keys = nodeKeysFrom(nodeProvider, {
  identitySeed: random(32),
  linkSecret: random(32),
  hopSecret: random(32),
});
const nodeId = nodeIdOf(nodeProvider, keys.identity.publicKey);
const target = { nodeId: fromBase32(nodeId), linkKey: keys.linkKey.publicKey, hopKey: keys.hopKey.publicKey };
const node = new OverlayNode({
  crypto: nodeProvider,
  random: nodeRandom,
  clock: systemClock,
  timers: systemTimers,
  network: createNetwork(nodeProvider, LOCAL_NETWORK),
  transport: createWsTransport({ allowLocalAddresses: true }),
  credentials: () => ({ linkKey: keys.linkKey, identity: keys.identity, features: 0 }),
  nodeId,
  hop: { nodeId, keys: () => [keys.hopKey], resolve: () => undefined },
  lookUp: () => undefined,
});
let url: string;

beforeAll(async () => {
  node.serve(SERVICE.BLOCKS, { maxRequestBytes: 4_000_000, handle: ({ payload }) => payload.toReversed() });
  url = await node.listen("ws://127.0.0.1:0");
});
afterAll(() => node.stop());

async function oneHop(): Promise<{ readonly link: Link; readonly circuit: Circuit }> {
  const link = await Link.dial(url, network, target);
  return { link, circuit: await Circuit.build(link, network, [target]) };
}

const open = { command: RELAY.OPEN, flags: 0, stream: 1, data: Uint8Array.of(SERVICE.BLOCKS) };
const data = { command: RELAY.DATA, flags: 0, stream: 1, data: random(DATA_BYTES) };

describe("flow control between the mini-implementation and a node", () => {
  it("carries 530 cells either way on one stream: both windows of both directions were used up and credited", async () => {
    const { link, circuit } = await oneHop();
    const request = random(530 * DATA_BYTES);
    const response = await circuit.call(SERVICE.BLOCKS, request);
    expect(Buffer.compare(response, request.toReversed())).toBe(0);
    expect(circuit.counts).toMatchObject({ acknowledged: 512 });
    link.close();
  });

  it("works over a circuit that is keyed by its link too", async () => {
    const link = await Link.dial(url, network, {});
    const request = random(530 * DATA_BYTES);
    const response = await Circuit.keyedByLink(link).call(SERVICE.BLOCKS, request);
    expect(Buffer.compare(response, request.toReversed())).toBe(0);
    expect(hex(link.peer)).toBe(hex(target.nodeId));
    link.close();
  });

  it("ends the circuit on a credit that proves nothing", async () => {
    const { link, circuit } = await oneHop();
    circuit.say({ command: RELAY.CREDIT, flags: 0, stream: 0, data: zeros(16) });
    await expect(circuit.receive()).rejects.toThrow("DESTROY");
    link.close();
  });

  it("ends the circuit on data after END", async () => {
    const { link, circuit } = await oneHop();
    circuit.say({ ...open, flags: FLAG.END });
    circuit.say(data);
    const heard = async () => {
      for (;;) await circuit.receive();
    };
    await expect(heard()).rejects.toThrow("DESTROY");
    link.close();
  });

  it("answers RESET to a service that it does not have", async () => {
    const { link, circuit } = await oneHop();
    circuit.say({ ...open, flags: FLAG.END, data: Uint8Array.of(SERVICE.HOLDER) });
    expect(await circuit.receive()).toMatchObject({ command: RELAY.RESET, stream: 1 });
    link.close();
  });
});

describe("a cell that breaks a rule", () => {
  /** What a link hears on `circuit` after `cells`: the command of a cell, or the end of the link. */
  async function heard(circuit: number, ...cells: readonly Cell[]): Promise<number | "the link ended"> {
    const link = await Link.dial(url, network, target);
    link.newCircuit();
    link.send(...cells);
    const cell = await link.next(circuit);
    link.close();
    return cell?.command ?? "the link ended";
  }
  const id = 2 ** 31 + 1;
  const create: Cell = { circuit: id, command: CELL.CREATE, body: zeros(1) };

  it.each([
    ["a CREATE of another kind", { ...create, body: Uint8Array.of(2) }],
    ["a CREATE whose padding is not zero", { ...create, body: Uint8Array.of(0, 1) }],
    ["a hop request that is noise", { ...create, body: concat(Uint8Array.of(1), random(1376)) }],
  ])("ends its circuit alone: %s", async (_name, cell) => {
    expect(await heard(id, cell)).toBe(CELL.DESTROY);
  });

  it.each([
    ["a second CREATE", create],
    ["a CREATED", { ...create, command: CELL.CREATED }],
    ["a RELAY without the tag", { ...create, command: CELL.RELAY, body: random(4096) }],
  ])("ends its circuit alone, once that stands: %s", async (_name, cell) => {
    expect(await heard(id, create, cell)).toBe(CELL.DESTROY);
  });

  it.each([
    ["an unknown command", { ...create, command: 5 }],
    ["a CREATE under circuit 0", { ...create, circuit: 0 }],
    ["a CREATE in the half of the other end", { ...create, circuit: 1 }],
    ["PADDING under a circuit", { ...create, command: CELL.PADDING }],
    ["PADDING that is not zero", { circuit: 0, command: CELL.PADDING, body: Uint8Array.of(1) }],
    ["DESTROY that is not zero", { ...create, command: CELL.DESTROY, body: Uint8Array.of(1) }],
  ])("ends the link, with what is right in the same record: %s", async (_name, cell) => {
    const noise = { ...create, circuit: id, body: Uint8Array.of(2) };
    expect(await heard(id, noise, cell)).toBe("the link ended");
  });

  it("is none for a circuit that there is not", async () => {
    const unknown = { circuit: id + 7, command: CELL.RELAY, body: random(4096) };
    expect(await heard(id, unknown, { ...create, body: Uint8Array.of(2) })).toBe(CELL.DESTROY);
  });
});

describe("what a node says to a stranger", () => {
  const own = (of: Uint8Array) => ({ network: of, linkSecret: random(32), features: 0, draw: random });
  const first = (of: Uint8Array) => dialHandshake(own(of), target).first;

  /** Everything that arrives after `messages`, each sent after an answer, up to the end of the connection. */
  async function heard(...messages: readonly Uint8Array[]) {
    const socket = await openSocket(url);
    const answers: number[] = [];
    for (const message of messages) {
      socket.send(message);
      const answer = await socket.next();
      if (answer !== undefined) answers.push(answer.length);
    }
    return { answers, ending: await socket.ending };
  }

  it("is the same nothing for another network, another version, another node, noise, and what is too short or long", async () => {
    const right = first(network);
    const expected = await heard(random(4117));
    expect(expected.answers).toEqual([]);
    const strangers: readonly Uint8Array[] = [
      first(networkIdOf("main")),
      dialHandshake({ ...own(network), version: 2 }, target).first,
      dialHandshake(own(network), { linkKey: keys.hopKey.publicKey }).first,
      right.with(4116, right[4116]! ^ 1),
      right.subarray(0, 4116),
      concat(right, zeros(1)),
      zeros(4117),
    ];
    for (const message of strangers) expect(await heard(message)).toEqual(expected);
  });

  it("fails at message 2 for an initiator of another network that knows no link key, and then closes in the same way", async () => {
    const socket = await openSocket(url);
    const { first: message, finish } = dialHandshake(own(networkIdOf("main")), {});
    socket.send(message);
    const second = await socket.next();
    expect(second).toHaveLength(4117);
    expect(() => finish(second!)).toThrow();
    socket.send(random(4117));
    expect(await socket.next()).toBeUndefined();
    expect(await socket.ending).toEqual((await heard(random(4117))).ending);
  });
});
