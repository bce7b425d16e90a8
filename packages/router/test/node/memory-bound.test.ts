import {
  CELL_BYTES,
  CELL_COMMAND,
  decodeRelayCell,
  encodeExtend,
  HOP_REQUEST_BYTES,
  RELAY_COMMAND,
  RELAY_FLAG,
  type RelayCell,
} from "@umbel/core";
import { describe, expect, it } from "vitest";
import { isCircuitCreditDue } from "../../src/circuit/credits.ts";
import { QUEUE_RELIEF_SHARE, STALLED_LINK_MS, TRANSPORT_HIGH_WATER_BYTES } from "../../src/limits.ts";
import { createHostile, dialled, type HostileCircuit, type HostilePeer, idOf } from "../support/hostile.ts";

const ANSWER_BYTES = 8 * 4072;
const MEBIBYTE = 2 ** 20;

const open = (streamId: number, end = true): RelayCell => ({
  ...{ command: RELAY_COMMAND.OPEN, flags: end ? RELAY_FLAG.END : 0, streamId, data: Uint8Array.of(1, 7) },
});

type Hostile = ReturnType<typeof createHostile>;

const isEnded = (peer: HostilePeer, { id }: HostileCircuit) =>
  peer.received.some((cell) => cell.id === id && cell.command === CELL_COMMAND.DESTROY);

/** Asks `count` times on a circuit and lets the node answer with a block each. */
function ask(node: Hostile, peer: HostilePeer, { cell }: HostileCircuit, count: number, first = 1): void {
  for (let streamId = first; streamId < first + count; streamId++) {
    const before = node.news.length;
    peer.send(cell(open(streamId)));
    const opened = node.news.slice(before).find((one) => one.type === "hop") as { circuit: number };
    const write = {
      type: "write",
      streamId: streamId as never,
      data: new Uint8Array(ANSWER_BYTES),
      end: true,
    };
    node.input({ type: "hop", circuit: opened.circuit, input: write as never });
  }
}

/** Circuits of two peers that take nothing; each waits for `asks` answers, the first one longest. */
function besieged(queueBytes: number, circuits: number, asks: number) {
  const node = createHostile({ queueBytes });
  const peers = [node.connect(), node.connect()];
  const all = Array.from({ length: circuits }, (_, index) => {
    const peer = peers[index % 2]!;
    return { peer, circuit: node.openKeyed(peer, dialled(index + 1)) };
  });
  for (const peer of peers) peer.stall();
  return {
    node,
    all,
    /** Lets every circuit ask, one after the other; `look` is called after each answer. */
    fill(look: () => void = () => {}) {
      for (const { peer, circuit } of all) {
        node.advance(10);
        for (let streamId = 1; streamId <= asks; streamId++) {
          ask(node, peer, circuit, 1, streamId);
          look();
        }
      }
    },
    /** Which circuits have been ended, once the peers take again what waits. */
    ended() {
      for (const peer of peers) for (let i = 0; i < 40; i++) peer.stall(false);
      return all.flatMap(({ peer, circuit }, index) => (isEnded(peer, circuit) ? [index] : []));
    },
  };
}

/** Sends the credits that are due for what came on a circuit keyed by its link. */
function acknowledging(peer: HostilePeer, { cell }: HostileCircuit): () => void {
  let [cells, counted] = [0, 0];
  return () => {
    for (; cells < peer.received.length; cells++) {
      const { command } = decodeRelayCell(peer.received[cells]!.body);
      if (command !== RELAY_COMMAND.DATA || !isCircuitCreditDue(++counted)) continue;
      const data = new Uint8Array(16);
      new DataView(data.buffer).setUint32(0, cells + 1, true);
      peer.send(cell({ command: RELAY_COMMAND.CREDIT, flags: 0, streamId: 0, data }));
    }
  };
}

describe("the memory of a node's queues", () => {
  it("is left alone below its bound", () => {
    const { node, fill, ended } = besieged(64 * MEBIBYTE, 20, 32);
    fill();
    expect(node.machine.memory).toMatchObject({ circuitsEnded: 0, linksEnded: 0 });
    expect(node.machine.memory.queuedBytes).toBeGreaterThan(20 * 30 * ANSWER_BYTES);
    expect(ended()).toEqual([]);
  });

  it("is never more than its bound: the circuits whose data has waited longest end, and no others", () => {
    const bound = 16 * MEBIBYTE;
    const { node, fill, ended } = besieged(bound, 40, 32);
    fill(() => expect(node.machine.memory.queuedBytes).toBeLessThanOrEqual(bound));
    const { circuitsEnded, linksEnded } = node.machine.memory;
    expect(circuitsEnded).toBeGreaterThan(20);
    expect(circuitsEnded).toBeLessThan(30);
    expect(linksEnded).toBe(0);
    expect(ended()).toEqual(Array.from({ length: circuitsEnded }, (_, index) => index));
  });

  it("ends no more circuits than bring it down to the share that its limit names", () => {
    const bound = 16 * MEBIBYTE;
    const { node, fill } = besieged(bound, 40, 32);
    const oneCircuit = 32 * ANSWER_BYTES + 64 * CELL_BYTES;
    let ended = 0;
    fill(() => {
      const { circuitsEnded, queuedBytes } = node.machine.memory;
      if (circuitsEnded === ended) return;
      ended = circuitsEnded;
      expect(queuedBytes).toBeLessThanOrEqual(bound * QUEUE_RELIEF_SHARE);
      expect(queuedBytes).toBeGreaterThan(bound * QUEUE_RELIEF_SHARE - oneCircuit);
    });
    expect(ended).toBeGreaterThan(20);
  });

  it("spares a circuit whose data moves, however long ago it began", () => {
    const { node, all, fill } = besieged(16 * MEBIBYTE, 40, 32);
    const reader = node.connect();
    const circuit = node.openKeyed(reader, dialled(1));
    const acknowledge = acknowledging(reader, circuit);
    let streams = 0;
    fill(() => {
      ask(node, reader, circuit, 1, ++streams);
      acknowledge();
    });
    expect(node.machine.memory.circuitsEnded).toBeGreaterThan(20);
    expect(isEnded(reader, circuit)).toBe(false);
    expect(reader.received.length).toBeGreaterThanOrEqual(all.length * 32 * 8);
  });

  it("counts what is queued for a next hop, and tells both sides of a circuit that it ends", () => {
    const next = createHostile().newKeys();
    const node: Hostile = createHostile({
      queueBytes: 8 * MEBIBYTE,
      resolve: () => node.descriptor(next, "127.7.0.1"),
    });
    const previous = node.connect();
    const circuits = Array.from({ length: 10 }, (_, i) => node.openCircuit(previous, dialled(i + 1)));
    const request = new Uint8Array(HOP_REQUEST_BYTES).fill(3);
    const extend = encodeExtend({ nodeId: idOf(next), request, descriptor: undefined });
    for (const { cell } of circuits)
      previous.send(cell({ command: RELAY_COMMAND.EXTEND, flags: 0, streamId: 0, data: extend }));
    const far = node.answer(0, next);
    const created = far.received.filter(({ command }) => command === CELL_COMMAND.CREATE);
    for (const { id } of created) far.send({ id, command: CELL_COMMAND.CREATED, body: new Uint8Array(4096) });
    far.stall();
    const noise = { command: CELL_COMMAND.RELAY, body: new Uint8Array(4096).fill(9) };
    for (const { id } of circuits) {
      node.advance(10);
      for (let i = 0; i < 40; i++) previous.send(...Array.from({ length: 5 }, () => ({ id, ...noise })));
    }
    const { circuitsEnded } = node.machine.memory;
    expect(circuitsEnded).toBeGreaterThan(0);
    const told = circuits.filter((circuit) => isEnded(previous, circuit));
    expect(told).toEqual(circuits.slice(0, circuitsEnded));
    for (let i = 0; i < 20; i++) far.stall(false);
    const destroyed = far.received.filter(({ command }) => command === CELL_COMMAND.DESTROY);
    expect(destroyed.map(({ id }) => id)).toEqual(created.slice(0, circuitsEnded).map(({ id }) => id));
  });

  it("ends links that took nothing for long before any circuit of others", () => {
    const bound = 24 * MEBIBYTE;
    const node = createHostile({ queueBytes: bound });
    const peers = Array.from({ length: 20 }, () => node.connect());
    const stuck = peers.slice(0, 10);
    for (const peer of stuck) peer.stall();
    node.advance(STALLED_LINK_MS);
    const busy = peers.slice(10);
    for (const peer of busy) peer.stall();
    const circuits = busy.map((peer) => node.openKeyed(peer, dialled(1)));
    circuits.forEach((circuit, i) => {
      ask(node, busy[i]!, circuit, 46);
    });
    const { linksEnded, circuitsEnded } = node.machine.memory;
    expect(linksEnded).toBeGreaterThan(0);
    expect(linksEnded * TRANSPORT_HIGH_WATER_BYTES).toBeLessThan(bound);
    expect(circuitsEnded).toBe(0);
    expect(stuck.filter((peer) => peer.isClosed())).toHaveLength(linksEnded);
    expect(busy.some((peer) => peer.isClosed())).toBe(false);
  });
});
