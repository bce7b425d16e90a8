import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { naiveAdiantum } from "../support/naive/adiantum.ts";
import addresses from "../vectors/addresses.json" with { type: "json" };
import cells from "../vectors/cells.json" with { type: "json" };
import credits from "../vectors/credits.json" with { type: "json" };
import descriptors from "../vectors/descriptor.json" with { type: "json" };
import hops from "../vectors/hop-handshake.json" with { type: "json" };
import links from "../vectors/link-handshake.json" with { type: "json" };
import onion from "../vectors/onion-3-hops.json" with { type: "json" };
import records from "../vectors/records.json" with { type: "json" };
import { readAddress } from "./address.ts";
import { base32, concat, fromBase32, fromHex, hex, sha256, uint, zeros } from "./bytes.ts";
import {
  CELL,
  extendData,
  FLAG,
  RELAY,
  readCells,
  readPacked,
  readRelay,
  writeCell,
  writeRelay,
} from "./cells.ts";
import { answerHop, type HopKeys, startHop } from "./hop.ts";
import { linkPublicKey, networkIdOf, readDescriptor } from "./identity.ts";
import { Layer, type LayerKeys, PlainLayer } from "./layer.ts";
import { answerHandshake, dialHandshake, type LinkSecrets } from "./link-handshake.ts";
import { CipherState } from "./noise.ts";
import { WideBlock } from "./wide-block.ts";
import { CIRCUIT_WINDOW, Receiving, STREAM_WINDOW } from "./windows.ts";

/** SHA-256(seed | counter u32), one after the other. */
function drawn(seed: string): (length: number) => Uint8Array {
  let [rest, counter] = [zeros(0), 0];
  return (length) => {
    while (rest.length < length) rest = concat(rest, sha256(Buffer.from(seed), uint(counter++, 4)));
    const bytes = rest.slice(0, length);
    rest = rest.slice(length);
    return bytes;
  };
}

/** The first bytes of SHA-256(seed#0) | SHA-256(seed#1) | ... */
function named(seed: string, length: number): Uint8Array {
  const count = Math.ceil(length / 32);
  return concat(...Array.from({ length: count }, (_, at) => sha256(Buffer.from(`${seed}#${at}`)))).slice(
    0,
    length,
  );
}

const layerOf = (keys: { key: string; tag: string; chain: string }): LayerKeys => ({
  key: fromHex(keys.key),
  tag: fromHex(keys.tag),
  chain: fromHex(keys.chain),
});
const namedLayer = (bytes: Uint8Array): LayerKeys => ({
  key: bytes.slice(0, 32),
  tag: bytes.slice(32, 48),
  chain: bytes.slice(48),
});

describe("a link handshake from known secrets, by the pages alone,", () => {
  it.each(Object.entries(links.cases))("is the product's, message by message: %s", (name, vector) => {
    const [ours, theirs] = [drawn(vector.seeds.initiator), drawn(vector.seeds.responder)];
    const side = (draw: typeof ours, features: number, isNode: boolean): LinkSecrets => {
      const [linkSecret, seed] = [draw(32), draw(32)];
      const network = fromHex(vector.network);
      return { network, linkSecret, identitySeed: isNode ? seed : undefined, features, draw };
    };
    const [initiator, responder] = [side(ours, 5, name.includes("relay")), side(theirs, 6, true)];
    const linkKey = linkPublicKey(responder.linkSecret);
    const dialling = dialHandshake(initiator, name.startsWith("XK") ? { linkKey } : {});
    const answering = answerHandshake(responder, dialling.first);
    const { third, session } = dialling.finish(answering.second);
    const other = answering.finish(third);
    expect([dialling.first, answering.second, third].map(hex)).toEqual(vector.messages);
    expect(hex(session.handshakeHash)).toBe(vector.handshakeHash);
    expect(hex(other.handshakeHash)).toBe(vector.handshakeHash);
    const plaintext = fromHex(vector.transport.plaintext);
    expect(hex(session.send.seal(plaintext))).toBe(vector.transport.fromInitiator);
    expect(hex(other.send.seal(plaintext))).toBe(vector.transport.fromResponder);
  });
});

describe("records, by the page alone,", () => {
  it("are sealed as the product's and open", () => {
    const [sender, receiver] = [0, 1].map(() => new CipherState(named("record key", 32)));
    for (const vector of records.records) {
      const cells = named(`record of ${vector.cells}`, vector.cells * 4101);
      const record = sender!.seal(cells);
      expect([record.length, hex(record.subarray(-16)), hex(sha256(record))]).toEqual([
        vector.bytes,
        vector.tag,
        vector.sha256,
      ]);
      expect(hex(receiver!.open(record))).toBe(hex(cells));
    }
  });

  it("stay the product's past a REKEY", () => {
    const cipher = new CipherState(named("many", 32));
    const { messages, sha256: digest } = records.many;
    const sealed = Array.from({ length: messages }, (_, at) => cipher.seal(named(`message ${at}`, 32)));
    expect(hex(sha256(...sealed))).toBe(digest);
  });
});

describe("a hop handshake from known secrets, by the pages alone,", () => {
  it.each(Object.entries(hops.cases))("is the product's: %s", (_name, vector) => {
    const [ours, theirs] = [drawn(vector.seeds.initiator), drawn(vector.seeds.responder)];
    const [network, hopSecret, nodeId] = [fromHex(vector.network), theirs(32), theirs(32)];
    const target = { network, nodeId, hopKey: linkPublicKey(hopSecret) };
    const started = startHop(target, ours, fromHex(vector.bid));
    const answered = answerHop({ network, nodeId, hopSecret }, started.request, theirs);
    expect(base32(nodeId)).toBe(vector.nodeId);
    expect([started.request, answered.reply].map(hex)).toEqual(vector.messages);
    const layers = ({ forward, backward }: HopKeys) => ({ forward, backward });
    const expected = { forward: layerOf(vector.forward), backward: layerOf(vector.backward) };
    expect(layers(answered.keys)).toEqual(expected);
    expect(layers(started.finish(answered.reply))).toEqual(expected);
  });

  it("carries a bid that holds", () => {
    const { slot, effort, seed } = hops.bid;
    const { network, nodeId, hopSecret, bid } = hops.cases["with a bid"];
    const hopKey = linkPublicKey(fromHex(hopSecret));
    const label = Buffer.from("umbel1 hop puzzle seed\0");
    expect(hex(sha256(label, fromHex(network), fromBase32(nodeId), hopKey, uint(slot, 4)))).toBe(seed);
    expect(Number.parseInt(bid.slice(0, 2), 16)).toBe(effort);
    expect(sha256(fromHex(seed), fromHex(bid))[0]).toBe(0);
  });
});

describe("the wide block, by the page alone,", () => {
  it("is its other twin, which was written from the paper", () => {
    const [key, tweak, block] = [named("key", 32), named("tweak", 32), named("block", 4096)];
    const sealed = new WideBlock(key).encrypt(tweak, block);
    expect(hex(sealed)).toBe(hex(naiveAdiantum(key, tweak, block, true)));
    expect(hex(new WideBlock(key).decrypt(tweak, sealed))).toBe(hex(block));
  });
});

describe("an onion of three hops, by the pages alone,", () => {
  /** Both ends of the layers of one direction. */
  const ends = (direction: "forward" | "backward") => ({
    client: onion.hops.map((hop) => new Layer(layerOf(hop[direction]))),
    hops: onion.hops.map((hop) => new Layer(layerOf(hop[direction]))),
  });
  type Ends = ReturnType<typeof ends>;

  /** A body on each link, hop 0's first. */
  function outwards({ client, hops }: Ends, to: number, content: Uint8Array): readonly Uint8Array[] {
    let body = concat(client[to]!.tag, content.subarray(16));
    for (let hop = to; hop >= 0; hop--) body = client[hop]!.encrypt(body);
    const bodies = [body];
    for (let hop = 0; hop <= to; hop++) {
      const { inner, recognised } = hops[hop]!.decrypt(bodies.at(-1)!);
      expect(recognised).toBe(hop === to);
      bodies.push(inner);
    }
    return bodies;
  }

  function homewards({ client, hops }: Ends, from: number, content: Uint8Array): readonly Uint8Array[] {
    let body = concat(hops[from]!.tag, content.subarray(16));
    const bodies = [];
    for (let hop = from; hop >= 0; hop--) {
      body = hops[hop]!.encrypt(body);
      bodies.unshift(body);
    }
    for (let hop = 0; hop <= from; hop++) {
      const opened = client[hop]!.decrypt(body);
      expect(opened.recognised).toBe(hop === from);
      body = opened.inner;
    }
    return [...bodies, body];
  }

  it("carries each cell as the product does, on every link", () => {
    const state = { forward: ends("forward"), backward: ends("backward") };
    for (const cell of onion.cells) {
      if (cell.ratchet !== undefined) {
        state.forward.client[cell.ratchet.hop]!.ratchet();
        state.forward.hops[cell.ratchet.hop]!.ratchet();
        continue;
      }
      const { direction, hop, body, links: seen, opened, chain } = cell;
      const carry = direction === "forward" ? outwards : homewards;
      const layers = state[direction as "forward" | "backward"];
      const bodies = carry(layers, hop!, named(body!, 4096));
      const views = [...seen!, opened!];
      expect(bodies.map((each) => hex(sha256(each)))).toEqual(views.map(({ sha256: hash }) => hash));
      expect(hex(layers.client[hop!]!.chain)).toBe(chain);
    }
  });

  it("stays the product's past a ratchet, outwards", () => {
    const { client } = ends("forward");
    const all: Uint8Array[] = [];
    for (let cell = 0; cell < onion.long.cells; cell++) {
      let body = concat(client[2]!.tag, named(`long ${cell}`, 4096).subarray(16));
      for (const layer of client.toReversed()) body = layer.encrypt(body);
      all.push(body, client[2]!.chain);
    }
    expect(hex(sha256(...all))).toBe(onion.long.forward);
  });

  it("stays the product's past a ratchet, homewards", () => {
    const { hops: senders } = ends("backward");
    const all: Uint8Array[] = [];
    for (let cell = 0; cell < onion.long.cells; cell++) {
      let body = concat(senders[2]!.tag, named(`long ${cell}`, 4096).subarray(16));
      for (const layer of senders.toReversed()) body = layer.encrypt(body);
      all.push(body, senders[2]!.chain);
    }
    expect(hex(sha256(...all))).toBe(onion.long.backward);
  });
});

const PACKED_DATA = concat(
  ...[uint(RELAY.CREDIT, 1), zeros(1), uint(16, 2), zeros(4), named("chain", 16)],
  ...[uint(RELAY.OPEN, 1), uint(FLAG.END, 1), uint(64, 2), uint(1, 4), uint(2, 1), named("data", 63)],
  ...[uint(RELAY.RESET, 1), zeros(1), zeros(2), uint(7, 4)],
);

describe("cells, by the page alone,", () => {
  const [request, reply] = [named("hop request", 1376), named("hop reply", 1280)];
  const bodies: Record<string, readonly [number, Uint8Array]> = {
    PADDING: [CELL.PADDING, zeros(0)],
    "CREATE, keyed by the link": [CELL.CREATE, zeros(1)],
    "CREATE, onion": [CELL.CREATE, concat(Uint8Array.of(1), request)],
    CREATED: [CELL.CREATED, reply],
    RELAY: [CELL.RELAY, named("relay body", 4096)],
    DESTROY: [CELL.DESTROY, zeros(0)],
  };
  const nodeId = named("node id", 32);
  const messages: Record<string, readonly [number, Uint8Array]> = {
    PADDING: [RELAY.PADDING, zeros(0)],
    "PADDING, RATCHET": [RELAY.PADDING, zeros(0)],
    EXTEND: [RELAY.EXTEND, extendData(nodeId, request)],
    "EXTEND, with a descriptor": [RELAY.EXTEND, extendData(nodeId, request, named("descriptor", 300))],
    EXTENDED: [RELAY.EXTENDED, reply],
    UNKNOWN: [RELAY.UNKNOWN, zeros(0)],
    "OPEN, END": [RELAY.OPEN, concat(Uint8Array.of(2), named("data", 63))],
    DATA: [RELAY.DATA, named("data", 4072)],
    "DATA, END": [RELAY.DATA, zeros(0)],
    "CREDIT of the circuit": [RELAY.CREDIT, named("chain", 16)],
    "CREDIT of a stream": [RELAY.CREDIT, named("chain", 16)],
    RESET: [RELAY.RESET, zeros(0)],
    "PACKED: CREDIT of the circuit, OPEN with END, RESET": [RELAY.PACKED, PACKED_DATA],
  };

  it.each(Object.entries(cells.cells))("are the product's: %s", (name, vector) => {
    const [command, body] = bodies[name]!;
    const bytes = writeCell({ circuit: vector.circuit, command, body });
    expect(hex(sha256(bytes))).toBe(vector.sha256);
    expect(readCells(bytes)).toEqual([{ circuit: vector.circuit, command, body: bytes.subarray(5) }]);
  });

  it.each(Object.entries(cells.relayCells))("carry the product's relay cells: %s", (name, vector) => {
    const [command, data] = messages[name]!;
    const { flags, stream } = vector;
    const body = writeRelay(named("tag", 16), { command, flags, stream, data });
    expect(hex(sha256(body))).toBe(vector.sha256);
    expect(readRelay(body)).toEqual({ command: vector.command, flags, stream, data });
  });
});

describe("packed messages, by the page alone,", () => {
  const { OPEN, CREDIT, RESET } = RELAY;
  it("are read one by one, each by the rules of its own cell", () => {
    expect(readPacked(PACKED_DATA)).toEqual([
      { command: CREDIT, flags: 0, stream: 0, data: named("chain", 16) },
      { command: OPEN, flags: FLAG.END, stream: 1, data: concat(uint(2, 1), named("data", 63)) },
      { command: RESET, flags: 0, stream: 7, data: zeros(0) },
    ]);
    expect(() => readPacked(PACKED_DATA.subarray(0, -1))).toThrow("cut off");
    expect(() => readPacked(PACKED_DATA.subarray(0, 24))).toThrow("1 messages");
  });
});

describe("descriptors, by the page alone,", () => {
  it.each(Object.entries(descriptors.cases))("are read and verified: %s", (_name, vector) => {
    const read = readDescriptor(fromHex(vector.bytes), networkIdOf("local"));
    expect(read).toMatchObject({
      nodeId: fromBase32(vector.nodeId),
      hash: fromHex(vector.hash),
      period: descriptors.period,
      linkKey: fromHex(descriptors.linkKey),
      hopKey: fromHex(descriptors.hopKey),
      isRelay: vector.roles.relay,
      isStore: vector.roles.store,
      addresses: vector.addresses.map(({ url }) => url),
    });
    expect(hex(sha256(Buffer.from("umbel1 position\0"), read.nodeId))).toBe(vector.position);
  });
});

describe("addresses, by the page alone,", () => {
  it("are canonical, local and of one prefix where the product says so", () => {
    for (const { url, local } of addresses.accepted) {
      expect([url, readAddress(url)]).toEqual([url, expect.objectContaining({ isLocal: local })]);
    }
    for (const { url } of addresses.refused) expect([url, readAddress(url)]).toEqual([url, undefined]);
    const groups = (of: (address: (typeof addresses.accepted)[number]) => string | undefined) =>
      addresses.accepted.map((each) => addresses.accepted.findIndex((other) => of(each) === of(other)));
    expect(groups(({ url }) => readAddress(url)!.group)).toEqual(groups(({ group }) => group));
    const inLocal = groups(({ groupInLocal }) => groupInLocal);
    expect(groups(({ url }) => readAddress(url, "local")!.group)).toEqual(inLocal);
  });
});

describe("credits, by the page alone,", () => {
  it.each([
    ["onion", () => new Layer(namedLayer(named("credit layer", 64)))],
    ["linkKeyed", () => new PlainLayer()],
  ] as const)("prove what the product's prove, after the same cells: %s", (kind, layer) => {
    const [client, hop] = [layer(), layer()];
    const windows = [new Receiving(CIRCUIT_WINDOW), new Receiving(STREAM_WINDOW)];
    const made: { stream: number; after: number; proof: string }[] = [];
    for (let cell = 0; cell < 300; cell++) {
      const content = named(`credit ${cell}`, 4072);
      const data = cell === 0 ? concat(Uint8Array.of(2), content.subarray(0, -1)) : content;
      const command = cell === 0 ? RELAY.OPEN : RELAY.DATA;
      const flags = cell === 299 ? 1 : 0;
      hop.decrypt(client.encrypt(writeRelay(client.tag, { command, flags, stream: 1, data })));
      for (const [stream, window] of windows.entries()) {
        if (window.take()) made.push({ stream, after: cell + 1, proof: hex(hop.chain) });
      }
    }
    expect(made).toEqual(credits[kind]);
  });
});

it("nothing here but the tests imports the packages", () => {
  const folder = new URL(".", import.meta.url);
  const sources = readdirSync(folder).filter((name) => !name.endsWith(".test.ts"));
  expect(sources.length).toBeGreaterThan(8);
  for (const name of sources) {
    const imports = readFileSync(new URL(name, folder), "utf8").matchAll(/from "([^"]+)"/g);
    for (const [, source] of imports) expect(source).toMatch(/^(\.\/[a-z-]+\.ts|node:.*|@noble\/.*|ws)$/);
  }
});
