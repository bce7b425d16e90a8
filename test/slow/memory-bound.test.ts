import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  CELL_BYTES,
  CELL_COMMAND,
  encodeExtend,
  HOP_REQUEST_BYTES,
  type NodeKeys,
  RELAY_COMMAND,
} from "@umbel/core";
import { describe, expect, it } from "vitest";
import {
  createHostile,
  dialled,
  type HostileCircuit,
  type HostilePeer,
  idOf,
} from "../../packages/router/test/support/hostile.ts";

const MEBIBYTE = 2 ** 20;
const READERS = 10;
const CIRCUITS_EACH = 100;
/** What comes for a circuit whose originator acknowledges nothing: its first congestion window. */
const CELLS_EACH = 128;
const QUEUE_BYTES = 64 * MEBIBYTE;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes of this process that are in use: heap, and buffers outside of it, which one collection finds and the next lets go of. */
function usedBytes(): number {
  for (let i = 0; i < 3; i++) collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** A relay with circuits of `peers` that go on to one next node. */
function createRelay(next: NodeKeys) {
  const node: ReturnType<typeof createHostile> = createHostile({
    queueBytes: QUEUE_BYTES,
    resolve: () => node.descriptor(next, "127.7.0.1"),
  });
  const data = encodeExtend({
    nodeId: idOf(next),
    request: new Uint8Array(HOP_REQUEST_BYTES).fill(3),
    descriptor: undefined,
  });
  let far: HostilePeer | undefined;
  return {
    node,
    /** A circuit of `peer`, and its number on the link to the next node. */
    circuitOf(peer: HostilePeer, number: number) {
      const circuit = node.openCircuit(peer, dialled(number));
      peer.send(circuit.cell({ command: RELAY_COMMAND.EXTEND, flags: 0, streamId: 0, data }));
      far ??= node.answer(0, next);
      const { id } = far.received.findLast(({ command }) => command === CELL_COMMAND.CREATE)!;
      far.send({ id, command: CELL_COMMAND.CREATED, body: new Uint8Array(4096) });
      return { peer, circuit, id };
    },
    /** The next node sends so many cells on a circuit, 15 to a record. */
    sendOn(ids: readonly number[]): void {
      far?.send(...ids.map((id) => ({ id, command: CELL_COMMAND.RELAY, body: new Uint8Array(4096) })));
    },
  };
}

const isEnded = (peer: HostilePeer, { id }: HostileCircuit) =>
  peer.received.some((cell) => cell.id === id && cell.command === CELL_COMMAND.DESTROY);

describe("1,000 circuits whose reader stopped reading", () => {
  it("do not take a relay beyond its configured memory; the oldest data goes first, and others keep working", () => {
    const relay = createRelay(createHostile().newKeys());
    const { node } = relay;
    const healthy = relay.circuitOf(node.connect(), 1);
    const stuck = Array.from({ length: READERS }, () => node.connect()).flatMap((peer) =>
      Array.from({ length: CIRCUITS_EACH }, (_, i) => relay.circuitOf(peer, i + 1)),
    );
    for (const { peer } of stuck) if (!peer.isStalled()) peer.stall();
    const before = usedBytes();
    let most = 0;
    let delivered = 0;
    stuck.forEach(({ id }, index) => {
      node.advance(5);
      for (let sent = 0; sent < CELLS_EACH; sent += 16) relay.sendOn(Array(16).fill(id));
      relay.sendOn([healthy.id]);
      delivered += 1;
      if (index % 50 === 49) most = Math.max(most, usedBytes() - before);
    });
    const came = stuck.length * CELLS_EACH * CELL_BYTES;
    const { queuedBytes, circuitsEnded, linksEnded } = node.machine.memory;
    console.log(
      `${stuck.length} circuits, ${(came / MEBIBYTE).toFixed(0)} MiB for them; bound ${QUEUE_BYTES / MEBIBYTE} MiB: ` +
        `in use at most ${(most / MEBIBYTE).toFixed(1)} MiB more than before, counted ${(queuedBytes / MEBIBYTE).toFixed(1)} MiB, ` +
        `${circuitsEnded} circuits ended, ${linksEnded} links`,
    );
    expect(queuedBytes).toBeLessThanOrEqual(QUEUE_BYTES);
    // This test itself keeps what the healthy reader and the next node received: 8 MiB.
    expect(most).toBeLessThan(QUEUE_BYTES + 8 * MEBIBYTE);
    expect(circuitsEnded).toBeGreaterThan(700);
    const heard = healthy.peer.received.filter(({ command }) => command === CELL_COMMAND.RELAY).length;
    expect([isEnded(healthy.peer, healthy.circuit), heard - delivered]).toEqual([false, 1]);
    for (const peer of new Set(stuck.map((one) => one.peer))) for (let i = 0; i < 200; i++) peer.stall(false);
    const ended = stuck.map(({ peer, circuit }) => isEnded(peer, circuit));
    expect(ended.lastIndexOf(true)).toBe(circuitsEnded - 1);
    expect(ended.indexOf(false)).toBe(circuitsEnded);
  });
});
