import {
  createNetwork,
  decodeDescriptor,
  generateNodeKeys,
  LOCAL_NETWORK,
  type NodeId,
  type NodeKeys,
  nodeIdOf,
  parseAddress,
  SERVICE,
  signDescriptor,
} from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { OverlayNode } from "@umbel/router";
import { systemClock, systemTimers } from "@umbel/router/platform/system-clock";
import { createWsTransport } from "@umbel/router/platform/ws-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { concat, fromBase32, hex, random, zeros } from "./bytes.ts";
import { CELL, type Cell, DATA_BYTES, extendData, FLAG, RELAY } from "./cells.ts";
import { Circuit } from "./circuit.ts";
import { networkIdOf } from "./identity.ts";
import { Link, openSocket } from "./link.ts";
import { dialHandshake } from "./link-handshake.ts";

const network = networkIdOf("local");
const keys = generateNodeKeys(nodeProvider, nodeRandom);
const local = createNetwork(nodeProvider, LOCAL_NETWORK);
const target = targetOf(keys);
const node = nodeOf(keys);
let url: string;

function targetOf({ identity, linkKey, hopKey }: NodeKeys) {
  const nodeId = fromBase32(nodeIdOf(nodeProvider, identity.publicKey));
  return { nodeId, linkKey: linkKey.publicKey, hopKey: hopKey.publicKey };
}

/** A node whose directory is empty: it extends circuits only with the descriptor that comes along. */
function nodeOf({ identity, linkKey, hopKey }: NodeKeys): OverlayNode {
  const nodeId = nodeIdOf(nodeProvider, identity.publicKey);
  const resolve = (_id: NodeId, attached: Uint8Array | undefined) =>
    attached && decodeDescriptor(nodeProvider, local, attached);
  return new OverlayNode({
    crypto: nodeProvider,
    random: nodeRandom,
    clock: systemClock,
    timers: systemTimers,
    network: local,
    transport: createWsTransport({ allowLocalAddresses: true }),
    credentials: () => ({ linkKey, identity, features: 0 }),
    nodeId,
    hop: { nodeId, keys: () => [hopKey], resolve },
    lookUp: () => undefined,
  });
}

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
  it("carries 140 cells either way on one stream, past its window and with credits of the circuit", async () => {
    const { link, circuit } = await oneHop();
    const request = random(140 * DATA_BYTES);
    const response = await circuit.call(SERVICE.BLOCKS, request);
    expect(Buffer.compare(response, request.toReversed())).toBe(0);
    expect(circuit.counts.acknowledged).toBe(128);
    link.close();
  });

  it("carries 530 cells either way, past the windows of circuit and stream, where the link keys the circuit", async () => {
    const link = await Link.dial(url, network, {});
    const circuit = Circuit.keyedByLink(link);
    const request = random(530 * DATA_BYTES);
    const response = await circuit.call(SERVICE.BLOCKS, request);
    expect(Buffer.compare(response, request.toReversed())).toBe(0);
    expect(circuit.counts.acknowledged).toBe(512);
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

describe("an EXTEND to a node that the hop does not know", () => {
  const farKeys = generateNodeKeys(nodeProvider, nodeRandom);
  const far = nodeOf(farKeys);
  afterAll(() => far.stop());

  async function descriptorOfFar(): Promise<Uint8Array> {
    far.serve(SERVICE.BLOCKS, { maxRequestBytes: 10, handle: ({ payload }) => payload.toReversed() });
    const address = parseAddress(await far.listen("ws://127.0.0.1:0"));
    const content = { roles: { relay: true, store: false }, versions: { min: 1, max: 1 } };
    const rest = { period: 1, capacityClass: 0, family: undefined, addresses: [address] };
    return signDescriptor(nodeProvider, local, farKeys, { ...content, ...rest }).bytes;
  }

  it("is answered UNKNOWN, and works with the descriptor attached", async () => {
    const link = await Link.dial(url, network, target);
    const bytes = await descriptorOfFar();
    const circuit = await Circuit.build(link, network, [target, { ...targetOf(farKeys), bytes }]);
    expect(await circuit.call(SERVICE.BLOCKS, Uint8Array.of(1, 2, 3))).toEqual(Uint8Array.of(3, 2, 1));
    link.close();
  });

  it("is answered UNKNOWN once: a second one without a descriptor ends the circuit", async () => {
    const { link, circuit } = await oneHop();
    const extend = { command: RELAY.EXTEND, flags: 0, stream: 0, data: extendData(random(32), random(1376)) };
    circuit.say(extend);
    expect(await circuit.receive()).toMatchObject({ command: RELAY.UNKNOWN });
    circuit.say(extend);
    await expect(circuit.receive()).rejects.toThrow("DESTROY");
    link.close();
  });

  it.each([
    ["itself", () => target.nodeId, RELAY.EXTEND],
    ["nobody, in a message that is too short", () => zeros(0), RELAY.EXTEND],
  ])("ends the circuit when it names %s", async (_name, nodeId, command) => {
    const { link, circuit } = await oneHop();
    circuit.say({ command, flags: 0, stream: 0, data: extendData(nodeId(), random(1376)) });
    await expect(circuit.receive()).rejects.toThrow("DESTROY");
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
