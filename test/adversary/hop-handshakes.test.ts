import {
  CELL_COMMAND,
  type CryptoProvider,
  createNetwork,
  encodeCreated,
  encodeCreateOnion,
  generateNodeKeys,
  HOP_PAYLOAD_BYTES,
  HOP_REPLY_BYTES,
  HOP_REQUEST_BYTES,
  type HopTarget,
  initiateHop,
  LOCAL_NETWORK,
  nodeIdOf,
  respondHop,
  SERVICE,
} from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import { NoiseHandshake } from "../../packages/core/src/handshake/noise.ts";
import { NOISE_PATTERNS } from "../../packages/core/src/handshake/patterns.ts";
import { hopPrologue } from "../../packages/core/src/handshake/prologue.ts";
import { createChain, type Passing } from "../../packages/router/test/support/circuit-chain.ts";
import { createHostile, dialled } from "../../packages/router/test/support/hostile.ts";
import { createRelays } from "../../packages/router/test/support/relays.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import {
  BAD_KEM_CIPHERTEXTS,
  BAD_KEM_KEYS,
  flippedAt,
  lyingAboutCiphertext,
  lyingAboutKey,
  SMALL_ORDER_POINTS,
  startingWith,
} from "./support/bad-keys.ts";
import { seedOf } from "./support/runs.ts";

const SEED = "hop handshakes: originator";
const random = createSeededRandom("hop handshakes");
const network = createNetwork(nodeProvider, LOCAL_NETWORK).id;
const strange = generateNodeKeys(nodeProvider, random);
const strangeId = nodeIdOf(nodeProvider, strange.identity.publicKey);

describe("a node that is asked for a circuit", () => {
  const seed = "hop handshakes: node";
  const { hopKey } = generateNodeKeys(nodeProvider, createSeededRandom(seed));
  const node = createHostile({ seed });
  const peer = node.connect();
  const target: HopTarget = { network, nodeId: node.nodeId, hopKey: hopKey.publicKey };
  let circuits = 0;

  const requestTo = (changed: Partial<HopTarget>, crypto: CryptoProvider = nodeProvider): Uint8Array =>
    initiateHop(crypto, random, { ...target, ...changed }).request;
  const bodyOf = (request: Uint8Array): Uint8Array => encodeCreateOnion(request);
  /** What the peer gets for a CREATE with this body. */
  const answerTo = (body: Uint8Array) => {
    const id = dialled(++circuits);
    const before = peer.received.length;
    peer.send({ id, command: CELL_COMMAND.CREATE, body });
    return { id, cells: peer.received.slice(before) };
  };
  /** One DESTROY without a word, and the link stays. */
  const expectRefusal = (what: string, body: Uint8Array): void => {
    const { id, cells } = answerTo(body);
    const refusal = { id, command: CELL_COMMAND.DESTROY, body: new Uint8Array(4096) };
    expect([what, cells.length]).toEqual([what, 1]);
    expect([what, cells[0]]).toEqual([what, refusal]);
    expect([what, peer.isClosed()]).toEqual([what, false]);
  };
  /** A request with another version in prologue or payload. */
  const ofVersion = (inPrologue: number, inPayload: number): Uint8Array => {
    const prologue = hopPrologue(network, node.nodeId);
    prologue[prologue.length - 33] = inPrologue;
    const payload = new Uint8Array(HOP_PAYLOAD_BYTES);
    payload[0] = inPayload;
    return new NoiseHandshake({
      ...{ crypto: nodeProvider, random, pattern: NOISE_PATTERNS.NKhfs, role: "initiator", prologue },
      rs: hopKey.publicKey,
    }).writeMessage(payload);
  };

  it("answers a good request, and the same one said again with other keys, which only its author could use", () => {
    const body = bodyOf(requestTo({}));
    const replies = [answerTo(body.slice()), answerTo(body.slice())].map(({ cells }) => cells);
    expect(replies.map((cells) => cells.map(({ command }) => command))).toEqual([
      [CELL_COMMAND.CREATED],
      [CELL_COMMAND.CREATED],
    ]);
    expect(replies[0]?.[0]?.body).not.toEqual(replies[1]?.[0]?.body);
    expect(answerTo(bodyOf(ofVersion(1, 1))).cells[0]?.command).toBe(CELL_COMMAND.CREATED);
  });

  it("refuses with one empty DESTROY what is of another network, version or node", () => {
    expectRefusal("network", bodyOf(requestTo({ network: flippedAt(network, 3) })));
    expectRefusal("node", bodyOf(requestTo({ nodeId: strangeId })));
    expectRefusal("hop key", bodyOf(requestTo({ hopKey: strange.hopKey.publicKey })));
    expectRefusal("version in the prologue", bodyOf(ofVersion(2, 1)));
    expectRefusal("version in the payload", bodyOf(ofVersion(1, 2)));
  });

  it("refuses with the same what is altered, cut, longer, zero or of another kind", () => {
    for (const at of [0, 31, 32, 1215, 1231, 1232, 1300, HOP_REQUEST_BYTES - 1])
      expectRefusal(`bit of byte ${at}`, bodyOf(flippedAt(requestTo({}), at)));
    const body = bodyOf(requestTo({}));
    expectRefusal("cut", body.slice().fill(0, HOP_REQUEST_BYTES));
    expectRefusal("longer", flippedAt(body, 1 + HOP_REQUEST_BYTES));
    expectRefusal("longer at the end", flippedAt(body, 4095));
    expectRefusal("zeros", bodyOf(new Uint8Array(HOP_REQUEST_BYTES)));
    expectRefusal("unknown kind", startingWith(body, Uint8Array.of(2)));
  });

  it("refuses with the same a key of small order, and an encapsulation key that is none", () => {
    for (const [number, point] of SMALL_ORDER_POINTS.entries())
      expectRefusal(`point ${number}`, bodyOf(startingWith(requestTo({}), point)));
    for (const [name, change] of Object.entries(BAD_KEM_KEYS))
      expectRefusal(name, bodyOf(requestTo({}, lyingAboutKey(change))));
  });
});

describe.each([
  ["first", 0],
  ["second", 1],
] as const)("an originator whose %s hop answers badly", (_which, hop) => {
  /** A circuit of two hops whose answer from `hop` is replaced, or `request` of which is answered by somebody else. */
  const build = (answer: (reply: Uint8Array, request: Uint8Array) => Uint8Array, seed = SEED) => {
    const forward: Passing[] = [];
    let request = new Uint8Array(0);
    const meddle = (cell: Passing): readonly Passing[] => {
      if (cell.direction === "forward" && cell.at === 0) forward.push(cell);
      if (cell.at !== hop) return [cell];
      if (cell.command === CELL_COMMAND.CREATE) request = cell.body.slice(1, 1 + HOP_REQUEST_BYTES);
      if (cell.command !== CELL_COMMAND.CREATED) return [cell];
      return [{ ...cell, body: encodeCreated(answer(cell.body.slice(0, HOP_REPLY_BYTES), request)) }];
    };
    const chain = createChain({ hops: 2, meddle, seed });
    chain.toOrigin({ type: "start" });
    chain.settle();
    return { chain, last: forward.at(-1)!, forward: forward.length };
  };
  const honest = build((reply) => reply);
  /** One DESTROY, and the circuit is over, without a word of what was wrong. */
  const expectEnd = (what: string, answer: (reply: Uint8Array, request: Uint8Array) => Uint8Array): void => {
    const { chain, last, forward } = build(answer);
    expect([what, chain.isBuilt(), chain.ended.has(0)]).toEqual([what, false, true]);
    expect([what, chain.news]).toMatchObject([what, [{ type: "closed", hops: hop, tell: true }]]);
    const destroy = {
      at: 0,
      direction: "forward",
      command: CELL_COMMAND.DESTROY,
      body: new Uint8Array(4096),
    };
    expect([what, last]).toEqual([what, destroy]);
    expect([what, forward]).toEqual([what, hop + 2]);
  };
  /** A sound reply of somebody else, to a request of its own. */
  const bySomebody = (): Uint8Array => {
    const target = { network, nodeId: strangeId, hopKey: strange.hopKey.publicKey };
    const { request } = initiateHop(nodeProvider, random, target);
    const options = { network, nodeId: strangeId, hopKeys: [strange.hopKey] };
    return respondHop(nodeProvider, random, options, request).reply;
  };
  /** What the right hop would say, if it computed with `crypto`. */
  const byTheHop = (crypto: CryptoProvider, request: Uint8Array): Uint8Array => {
    const seeded = createSeededRandom(SEED);
    const keys = [generateNodeKeys(nodeProvider, seeded), generateNodeKeys(nodeProvider, seeded)][hop]!;
    const nodeId = nodeIdOf(nodeProvider, keys.identity.publicKey);
    return respondHop(crypto, random, { network, nodeId, hopKeys: [keys.hopKey] }, request).reply;
  };

  it("closes it with one DESTROY when the answer is altered or zero", () => {
    expect(honest.chain.isBuilt()).toBe(true);
    for (const at of [0, 31, 32, 1119, 1135, 1136, HOP_REPLY_BYTES - 1])
      expectEnd(`bit of byte ${at}`, (reply) => flippedAt(reply, at));
    expectEnd("zeros", () => new Uint8Array(HOP_REPLY_BYTES));
  });

  it("closes it with the same when another identity answers, or an old answer comes", () => {
    expectEnd("another identity", () => bySomebody());
    expectEnd("its own request", (_reply, request) => request.slice(0, HOP_REPLY_BYTES));
    let old: Uint8Array | undefined;
    const earlier = build((reply) => {
      old = reply;
      return reply;
    }, "hop handshakes: an earlier circuit");
    expect(earlier.chain.isBuilt()).toBe(true);
    expectEnd("an old answer", () => old!);
  });

  it("closes it with the same on a key of small order, or a ciphertext that holds no secret", () => {
    for (const [number, point] of SMALL_ORDER_POINTS.entries())
      expectEnd(`point ${number}`, (reply) => startingWith(reply, point));
    for (const [name, change] of Object.entries(BAD_KEM_CIPHERTEXTS))
      expectEnd(name, (_reply, request) => byTheHop(lyingAboutCiphertext(change), request));
    // The control: without the lie the answer is taken. A first hop that did not give it has other keys, and is of no use then.
    const { news } = build((_reply, request) => byTheHop(nodeProvider, request)).chain;
    expect(news).toMatchObject([hop === 1 ? { type: "built" } : { type: "closed", hops: 1, tell: false }]);
  });
});

describe("a client notices a relay that answers with another identity", () => {
  const CALL = { maxResponseBytes: 100, timeout: 5000 };
  const world = async () => {
    const relays = createRelays(seedOf("identity"));
    const [a, b, c] = [await relays.relay(), await relays.relay(), await relays.relay()];
    const client = relays.client().node;
    const run = <Value>(promise: Promise<Value>) => relays.clock.complete(promise, { limit: 60_000 });
    return { ...relays, a: a.descriptor, b: b.descriptor, c: c.descriptor, client, run };
  };

  it("as guard: by the link key, the node id and the hop key, whichever is another's", async () => {
    const { a, b, client, run } = await world();
    const { addresses, linkKey, nodeId } = b;
    expect(await run(client.buildCircuit([{ ...a, addresses }]))).toMatchObject({ hops: 0 });
    expect(await run(client.buildCircuit([{ ...a, addresses, linkKey }]))).toMatchObject({ hops: 0 });
    expect(await run(client.buildCircuit([{ ...a, addresses, linkKey, nodeId }]))).toMatchObject({ hops: 0 });
    expect(await run(client.buildCircuit([b]))).toMatchObject({ isOpen: true });
  });

  it("as second hop: the hop before cannot put another in its place", async () => {
    const { a, b, c, client, run, known } = await world();
    const { addresses, linkKey } = b;
    for (const substitute of [{ ...c, addresses }, { ...c, addresses, linkKey }, b]) {
      known.set(c.nodeId, substitute);
      expect(await run(client.buildCircuit([a, c]))).toMatchObject({ hops: 1 });
    }
    known.set(c.nodeId, c);
    expect(await run(client.buildCircuit([a, c]))).toMatchObject({ isOpen: true });
  });

  it("at a bare address: by the node id that it expects there", async () => {
    const { a, b, client, run } = await world();
    const asked = client.call(
      { url: b.addresses[0]!.url, nodeId: a.nodeId },
      SERVICE.DIRECTORY,
      new Uint8Array(1),
      CALL,
    );
    await expect(run(asked)).rejects.toMatchObject({ code: "LINK_CLOSED" });
  });
});
