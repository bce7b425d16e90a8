import {
  CELL_COMMAND,
  encodeCreateLinkKeyed,
  encodeExtend,
  HOP_REQUEST_BYTES,
  RELAY_COMMAND,
  RELAY_FLAG,
  type RelayCell,
  type StreamId,
  type WideBlockCipher,
} from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import {
  ACCEPTED_LINK_IDLE_MS,
  LINK_HANDSHAKE_TIMEOUT_MS,
  MAX_CIRCUITS_PER_CLIENT_LINK,
  MAX_CIRCUITS_PER_LINK,
  MAX_LINKS,
  MAX_OWN_QUEUED_CELLS,
  MAX_PENDING_DIALS,
  MAX_PENDING_DIALS_FOR_OTHERS,
  MAX_PENDING_DIALS_PER_LINK,
  MAX_PENDING_DIALS_PER_PREFIX,
  MAX_QUEUED_CELLS_PER_CIRCUIT,
  MAX_QUEUED_CELLS_PER_LINK,
  MAX_RELAYED_CIRCUITS,
} from "../../src/limits.ts";
import { createHostile, dialled, type HostileCircuit, type HostilePeer, idOf } from "../support/hostile.ts";

const ZEROS = new Uint8Array(4096);
const destroy = (id: number) => ({ id, command: CELL_COMMAND.DESTROY, body: ZEROS });
const request = new Uint8Array(HOP_REQUEST_BYTES).fill(3);

function extend(keys: Parameters<typeof idOf>[0], descriptor?: Uint8Array): RelayCell {
  const data = encodeExtend({ nodeId: idOf(keys), request, descriptor });
  return { command: RELAY_COMMAND.EXTEND, flags: 0, streamId: 0, data };
}

const open = (streamId: number): RelayCell => ({
  ...{ command: RELAY_COMMAND.OPEN, flags: RELAY_FLAG.END, streamId, data: Uint8Array.of(1) },
});

const isEnded = (peer: { received: readonly { id: number; command: number }[] }, circuit: HostileCircuit) =>
  peer.received.some(({ id, command }) => id === circuit.id && command === CELL_COMMAND.DESTROY);

describe("a node under a hostile peer", () => {
  it("acts upon no cell of a record behind the one that ended the link", () => {
    const { machine, connect, news, openKeyed } = createHostile();
    const peer = connect();
    const { cell } = openKeyed(peer, dialled(1));
    const fault = { id: 5, command: CELL_COMMAND.CREATE, body: ZEROS };
    const behind = [cell(open(1)), { ...fault, id: dialled(2) }];
    peer.send(fault, ...behind);
    expect(peer.isClosed()).toBe(true);
    expect(machine.linkCount).toBe(0);
    expect(news.map(({ type }) => type)).toEqual(["hop-closed"]);
  });

  it("delivers the cells before it", () => {
    const { connect, news, openKeyed } = createHostile();
    const peer = connect();
    const { cell } = openKeyed(peer, dialled(1));
    peer.send(cell(open(1)), { id: 5, command: CELL_COMMAND.CREATE, body: ZEROS });
    expect(news.map(({ type }) => type)).toEqual(["hop", "hop", "hop-closed"]);
  });

  it("closes an accepted link that its peer keeps alive and never uses, and not one with a circuit", () => {
    const { connect, openKeyed, advance } = createHostile();
    const [idle, busy] = [connect(), connect()];
    openKeyed(busy, dialled(1));
    const padding = { id: 0, command: CELL_COMMAND.PADDING, body: ZEROS };
    for (let passed = 0; passed < ACCEPTED_LINK_IDLE_MS - 60_000; passed += 60_000) {
      advance(60_000);
      idle.send(padding);
      busy.send(padding);
    }
    expect([idle.isClosed(), busy.isClosed()]).toEqual([false, false]);
    advance(60_000);
    expect([idle.isClosed(), busy.isClosed()]).toEqual([true, false]);
  });

  it("tells an unknown node once; a second EXTEND without a descriptor ends the circuit", () => {
    const { connect, openCircuit, newKeys } = createHostile();
    const peer = connect();
    const circuit = openCircuit(peer, dialled(1));
    peer.send(circuit.cell(extend(newKeys())));
    expect(isEnded(peer, circuit)).toBe(false);
    peer.send(circuit.cell(extend(newKeys())));
    expect(isEnded(peer, circuit)).toBe(true);
  });

  it("destroys the circuit, and no other, when its own code fails on a cell", () => {
    const world = createHostile({
      resolve: () => {
        throw new RangeError("a bug");
      },
    });
    const peer = world.connect();
    const [bad, good] = [world.openCircuit(peer, dialled(1)), world.openCircuit(peer, dialled(2))];
    peer.send(bad.cell(extend(world.newKeys())), good.cell(open(1)));
    expect([isEnded(peer, bad), isEnded(peer, good)]).toEqual([true, false]);
    expect(world.news.map(({ type }) => type)).toEqual(["fault", "hop-closed", "hop", "hop"]);
  });

  it("destroys the circuit, and no other, when its own code fails while it seals for a record", () => {
    let fails = false;
    const wideBlock = (key: Uint8Array): WideBlockCipher => {
      const cipher = nodeProvider.wideBlock(key);
      return {
        encrypt(tweak, block) {
          if (fails) throw new RangeError("a bug");
          cipher.encrypt(tweak, block);
        },
        decrypt: (tweak, block) => cipher.decrypt(tweak, block),
        wipe: () => cipher.wipe(),
      };
    };
    const world = createHostile({ crypto: { ...nodeProvider, wideBlock } });
    const peer = world.connect();
    const [bad, good] = [world.openCircuit(peer, dialled(1)), world.openCircuit(peer, dialled(2))];
    peer.send(bad.cell(open(1)));
    const [opened] = world.news.filter((one) => one.type === "hop");
    const write = { type: "write", streamId: 1 as StreamId, data: Uint8Array.of(1), end: true } as const;
    fails = true;
    world.input({ type: "hop", circuit: opened?.circuit ?? 0, input: write });
    fails = false;
    peer.send(good.cell(open(1)));
    expect([isEnded(peer, bad), isEnded(peer, good)]).toEqual([true, false]);
    expect(world.news.map(({ type }) => type)).toEqual(["hop", "hop", "fault", "hop-closed", "hop", "hop"]);
  });

  it("a descriptor whose hop key no handshake can use fails its circuit like any other", () => {
    const { input, news, newKeys, descriptor, machine } = createHostile();
    const circuit = machine.newNumber();
    const path = [descriptor(newKeys(), "127.9.0.1", new Uint8Array(32))];
    input({ type: "build", circuit, path });
    expect(news).toEqual([{ type: "origin", circuit, effect: { type: "closed", hops: 0, tell: false } }]);
  });
});

describe("caps of a node", () => {
  it(`it takes in ${MAX_LINKS} connections and closes one more at once`, () => {
    const { machine, connectSilently, input } = createHostile();
    for (let i = 0; i < MAX_LINKS; i++) connectSilently();
    expect(machine.linkCount).toBe(MAX_LINKS);
    const connection = machine.newNumber();
    expect(machine.handle({ type: "accepted", connection, host: "" }, 0)).toEqual([
      { type: "close", connection },
    ]);
    input({ type: "lost", connection: 1 });
    connectSilently();
    expect(machine.linkCount).toBe(MAX_LINKS);
  });

  it(`a link carries ${MAX_CIRCUITS_PER_LINK} circuits; one more is destroyed, and the link stays`, () => {
    const { connect, openKeyed, newKeys } = createHostile();
    const peer = connect(newKeys());
    for (let i = 1; i <= MAX_CIRCUITS_PER_LINK; i++) openKeyed(peer, dialled(i));
    expect(peer.received).toEqual([]);
    const refused = openKeyed(peer, dialled(MAX_CIRCUITS_PER_LINK + 1));
    expect(isEnded(peer, refused)).toBe(true);
    peer.send(destroy(dialled(1)));
    const taken = openKeyed(peer, dialled(MAX_CIRCUITS_PER_LINK + 2));
    expect([isEnded(peer, taken), peer.isClosed()]).toEqual([false, false]);
  });

  it(`a client's link carries ${MAX_CIRCUITS_PER_CLIENT_LINK} circuits; one more is destroyed, and the link stays`, () => {
    const { connect, openKeyed } = createHostile();
    const client = connect();
    for (let i = 1; i <= MAX_CIRCUITS_PER_CLIENT_LINK; i++) openKeyed(client, dialled(i));
    expect(client.received).toEqual([]);
    const refused = openKeyed(client, dialled(MAX_CIRCUITS_PER_CLIENT_LINK + 1));
    expect([isEnded(client, refused), client.isClosed()]).toEqual([true, false]);
    const other = connect();
    expect(isEnded(other, openKeyed(other, dialled(1)))).toBe(false);
  });

  /** A node that knows every node asked for, each at an address of its own, and whose dials never end. */
  function createDialler(hostOf: (number: number) => string = (number) => `127.${number}.0.9`) {
    let hosts = 0;
    const world = createHostile({
      resolve: () => {
        hosts += 1;
        return world.descriptor(world.newKeys(), hostOf(hosts));
      },
    });
    const extendAll = (peer: HostilePeer, count: number, from = 1) =>
      Array.from({ length: count }, (_, i) => {
        const circuit = world.openCircuit(peer, dialled(from + i));
        peer.send(circuit.cell(extend(world.newKeys())));
        return isEnded(peer, circuit);
      });
    const dialForItself = () => {
      const circuit = world.machine.newNumber();
      const target = { url: `ws://own-${circuit}`, nodeId: undefined, linkKey: undefined };
      world.input({ type: "build-direct", circuit, target });
    };
    return { ...world, extendAll, dialForItself };
  }

  it(`circuits of one link make it dial ${MAX_PENDING_DIALS_PER_LINK} at once, all links together ${MAX_PENDING_DIALS_FOR_OTHERS}`, () => {
    const { connect, extendAll, dials, advance } = createDialler();
    const first = connect();
    expect(extendAll(first, MAX_PENDING_DIALS_PER_LINK + 1)).toEqual([
      ...Array.from({ length: MAX_PENDING_DIALS_PER_LINK }, () => false),
      true,
    ]);
    const links = MAX_PENDING_DIALS_FOR_OTHERS / MAX_PENDING_DIALS_PER_LINK;
    for (let i = 1; i < links; i++) extendAll(connect(), MAX_PENDING_DIALS_PER_LINK);
    expect(dials.length).toBe(MAX_PENDING_DIALS_FOR_OTHERS);
    expect(extendAll(connect(), 1)).toEqual([true]);
    advance(LINK_HANDSHAKE_TIMEOUT_MS);
    expect(extendAll(connect(), 1)).toEqual([false]);
  });

  it(`circuits of all links make it dial ${MAX_PENDING_DIALS_PER_PREFIX} nodes of one prefix at once`, () => {
    const { connect, extendAll, advance } = createDialler((number) => `127.1.${number}.9`);
    for (let i = 0; i < MAX_PENDING_DIALS_PER_PREFIX; i++) expect(extendAll(connect(), 1)).toEqual([false]);
    expect(extendAll(connect(), 1)).toEqual([true]);
    advance(LINK_HANDSHAKE_TIMEOUT_MS);
    expect(extendAll(connect(), 1)).toEqual([false]);
  });

  it(`${MAX_RELAYED_CIRCUITS} circuits run through a node; one more is destroyed`, () => {
    const { connect, newKeys } = createHostile();
    const create = (number: number) => ({
      ...{ id: dialled(number), command: CELL_COMMAND.CREATE, body: encodeCreateLinkKeyed() },
    });
    for (let opened = 0; opened < MAX_RELAYED_CIRCUITS; opened += MAX_CIRCUITS_PER_LINK) {
      const peer = connect(newKeys());
      peer.send(...Array.from({ length: MAX_CIRCUITS_PER_LINK }, (_, i) => create(i + 1)));
      expect(peer.received).toEqual([]);
    }
    const late = connect();
    late.send(create(1));
    expect(late.received.map(({ command }) => command)).toEqual([CELL_COMMAND.DESTROY]);
    expect(late.isClosed()).toBe(false);
  });

  it(`it dials ${MAX_PENDING_DIALS} at once, and others cannot take all of them`, () => {
    const { connect, extendAll, dials, dialForItself, news } = createDialler();
    for (let dialled = 0; dialled < MAX_PENDING_DIALS_FOR_OTHERS; dialled += MAX_PENDING_DIALS_PER_LINK)
      extendAll(connect(), MAX_PENDING_DIALS_PER_LINK);
    const left = MAX_PENDING_DIALS - MAX_PENDING_DIALS_FOR_OTHERS;
    for (let i = 0; i < left; i++) dialForItself();
    expect(dials.length).toBe(MAX_PENDING_DIALS);
    const closed = () => news.filter((one) => one.type === "origin" && one.effect.type === "closed").length;
    expect(closed()).toBe(0);
    dialForItself();
    expect([dials.length, closed()]).toEqual([MAX_PENDING_DIALS, 1]);
  });

  /** Makes the node owe so many cells on a circuit: it answers each of these whether there is room or not. */
  function owe(peer: HostilePeer, circuit: HostileCircuit, cells: number): void {
    const ratchet: RelayCell = {
      ...{ command: RELAY_COMMAND.PADDING, flags: RELAY_FLAG.RATCHET, streamId: 0, data: new Uint8Array(0) },
    };
    peer.send(...Array.from({ length: cells }, () => circuit.cell(ratchet)));
  }

  it(`holds ${MAX_QUEUED_CELLS_PER_CIRCUIT} cells of a circuit for a link that takes none; one more ends the circuit`, () => {
    const { connect, openKeyed } = createHostile();
    const peer = connect();
    const [greedy, modest] = [openKeyed(peer, dialled(1)), openKeyed(peer, dialled(2))];
    peer.stall();
    owe(peer, greedy, MAX_QUEUED_CELLS_PER_CIRCUIT + 1);
    owe(peer, modest, MAX_QUEUED_CELLS_PER_CIRCUIT);
    for (let i = 0; i < 20; i++) peer.stall(false);
    expect([isEnded(peer, greedy), isEnded(peer, modest)]).toEqual([true, false]);
    expect(peer.received.length).toBe(1 + MAX_QUEUED_CELLS_PER_CIRCUIT);
  });

  it(`holds ${MAX_QUEUED_CELLS_PER_LINK} cells for one link; one more ends the circuit that it is of`, () => {
    const { connect, openKeyed } = createHostile();
    const peer = connect();
    const count = MAX_QUEUED_CELLS_PER_LINK / MAX_QUEUED_CELLS_PER_CIRCUIT;
    const full = Array.from({ length: count }, (_, i) => openKeyed(peer, dialled(i + 1)));
    const late = openKeyed(peer, dialled(count + 1));
    peer.stall();
    for (const circuit of full) owe(peer, circuit, MAX_QUEUED_CELLS_PER_CIRCUIT);
    owe(peer, late, 1);
    peer.stall(false);
    expect([isEnded(peer, late), ...full.map((circuit) => isEnded(peer, circuit))]).toEqual([
      true,
      ...full.map(() => false),
    ]);
  });

  it(`a circuit lets ${MAX_OWN_QUEUED_CELLS} of its own cells wait at the link, and the rest in its streams`, () => {
    const { connect, openKeyed, news, input, machine } = createHostile();
    const peer = connect();
    const { cell } = openKeyed(peer, dialled(1));
    peer.stall();
    peer.send(cell(open(1)));
    const circuit = news.flatMap((one) => (one.type === "hop" ? [one.circuit] : []))[0] as number;
    const data = new Uint8Array(100 * 4072);
    input({
      type: "hop",
      circuit,
      input: { type: "write", streamId: 1 as never, data, end: true },
    });
    const before = peer.received.length;
    const sent = machine.handle({ type: "drained", connection: peer.connection }, 0);
    const bytes = sent.flatMap((effect) => (effect.type === "send" ? [effect.bytes.length] : []));
    expect(before).toBe(0);
    expect(bytes.reduce((sum, length) => sum + Math.floor(length / 4101), 0)).toBe(MAX_OWN_QUEUED_CELLS);
  });
});
