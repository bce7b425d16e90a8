import {
  CELL_COMMAND,
  type CellCommand,
  encodeCreateLinkKeyed,
  encodeExtend,
  HOP_REPLY_BYTES,
  HOP_REQUEST_BYTES,
  RELAY_COMMAND,
  type RelayCell,
  type RelayCommand,
  type StreamId,
} from "@umbel/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createHostile, dialled, type HostileCircuit, type HostilePeer, idOf } from "../support/hostile.ts";

const RUNS = Number(process.env.UMBEL_FUZZ_RUNS ?? 60);
const ZEROS = new Uint8Array(4096);
const request = new Uint8Array(HOP_REQUEST_BYTES).fill(3);

/** Mostly numbers that mean something, on either half. */
const circuitId = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 4 }).map(dialled) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 4 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 ** 32 - 1 }) },
);
const body = fc.oneof(
  fc.constant(ZEROS),
  fc.constant(encodeCreateLinkKeyed()),
  fc.uint8Array({ minLength: 4096, maxLength: 4096 }),
  fc.integer({ min: 0, max: 255 }).map((byte) => new Uint8Array(4096).fill(byte)),
);
const command = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom<number>(...Object.values(CELL_COMMAND)) },
  { weight: 1, arbitrary: fc.integer({ min: 5, max: 255 }) },
);
const NOTHING = fc.constant(new Uint8Array(0));
const streamId = fc.integer({ min: 1, max: 5 });
const noStream = fc.constant(0);
const data = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 20 }),
  fc.constantFrom(Uint8Array.of(2, 9), new Uint8Array(4072)),
);
const end = fc.constantFrom(0, 1);
const none = fc.constant(0);
/** Mostly what an originator may say at some time; OPEN takes the next stream number where it names 0. */
const relayCell = fc.oneof(
  { weight: 6, arbitrary: says(RELAY_COMMAND.OPEN, end, fc.integer({ min: 0, max: 1 }), data) },
  { weight: 4, arbitrary: says(RELAY_COMMAND.DATA, end, streamId, data) },
  { weight: 2, arbitrary: says(RELAY_COMMAND.RESET, none, streamId, NOTHING) },
  { weight: 3, arbitrary: says(RELAY_COMMAND.PADDING, fc.constantFrom(0, 2), noStream, NOTHING) },
  {
    weight: 1,
    arbitrary: says(RELAY_COMMAND.CREDIT, none, fc.nat(3), fc.constant(new Uint8Array(16))),
  },
  { weight: 1, arbitrary: says(RELAY_COMMAND.UNKNOWN, none, noStream, NOTHING) },
  {
    weight: 1,
    arbitrary: says(RELAY_COMMAND.EXTENDED, none, noStream, fc.constant(new Uint8Array(HOP_REPLY_BYTES))),
  },
);

function says(
  command: RelayCommand,
  flags: fc.Arbitrary<number>,
  stream: fc.Arbitrary<number>,
  bytes: fc.Arbitrary<Uint8Array>,
): fc.Arbitrary<RelayCell> {
  return fc.record({ command: fc.constant(command), flags, streamId: stream, data: bytes });
}

/** One step of the peers (who: which of two), of the services above, or of the world. */
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("cell" as const), who: fc.nat(1), id: circuitId, command, body }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("open" as const), who: fc.nat(1), keyed: fc.boolean() }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      do: fc.constant("say" as const),
      circuit: fc.nat(7),
      times: fc.constantFrom(1, 1, 1, 20),
      message: relayCell,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("extend" as const), circuit: fc.nat(7), known: fc.boolean() }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("serve" as const),
      input: fc.constantFrom("write" as const, "consumed" as const, "reset" as const),
      circuit: fc.nat(7),
      stream: fc.integer({ min: 0, max: 5 }),
      bytes: fc.constantFrom(0, 1, 5000, 300_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("raw" as const), who: fc.nat(1), bytes: fc.uint8Array() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("stall" as const), who: fc.nat(1), on: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 10_000, 31_000) }),
  },
);

describe("a node machine under hostile cells", () => {
  it("never fails, ends every circuit that it began, and keeps nothing once its peers are gone", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 80, size: "max" }), (steps) => {
        let hosts = 0;
        const known = new Set<string>();
        const world = createHostile({
          resolve: (id) => {
            if (!known.has(id)) return undefined;
            hosts += 1;
            return world.descriptor(world.newKeys(), `127.${hosts}.0.9`);
          },
        });
        const peers: HostilePeer[] = [world.connect(), world.connect(world.newKeys())];
        const circuits: { peer: HostilePeer; circuit: HostileCircuit; streams: number }[] = [];
        let opened = 10;
        const openOne = (peer: HostilePeer, wished: boolean): void => {
          opened += 1;
          // A stalled peer hears no CREATED, and so cannot speak on an onion circuit.
          const keyed = wished || peer.isStalled();
          const circuit = (keyed ? world.openKeyed : world.openCircuit)(peer, dialled(opened));
          circuits.push({ peer, circuit, streams: 0 });
        };
        for (const peer of peers) for (const keyed of [true, false]) openOne(peer, keyed);

        for (const one of steps) {
          const circuit = "circuit" in one ? circuits[one.circuit % (circuits.length || 1)] : undefined;
          const peer = "who" in one ? (peers[one.who] as HostilePeer) : (circuit?.peer ?? peers[0]!);
          if (one.do !== "wait" && one.do !== "serve" && peer.isClosed()) continue;
          switch (one.do) {
            case "cell":
              peer.send({ id: one.id, command: one.command as CellCommand, body: one.body });
              break;
            case "open":
              openOne(peer, one.keyed);
              break;
            case "say":
              for (let i = 0; i < one.times && !peer.isClosed(); i++) {
                if (circuit === undefined) break;
                const { message } = one;
                if (message.command === RELAY_COMMAND.OPEN) circuit.streams += 1;
                const next = message.command === RELAY_COMMAND.OPEN && message.streamId === 0;
                const cell = circuit.circuit.cellOrNothing(
                  next ? { ...message, streamId: circuit.streams } : message,
                );
                if (cell !== undefined) peer.send(cell);
              }
              break;
            case "extend": {
              const keys = world.newKeys();
              if (one.known) known.add(idOf(keys));
              const data = encodeExtend({ nodeId: idOf(keys), request, descriptor: undefined });
              if (circuit !== undefined)
                peer.send(circuit.circuit.cell({ command: 1, flags: 0, streamId: 0, data }));
              break;
            }
            case "serve": {
              const streamId = one.stream as StreamId;
              const input =
                one.input === "write"
                  ? ({
                      type: "write",
                      streamId,
                      data: new Uint8Array(one.bytes),
                      end: one.bytes === 1,
                    } as const)
                  : one.input === "reset"
                    ? ({ type: "reset", streamId } as const)
                    : ({ type: "consumed", streamId, cells: 1 } as const);
              world.input({ type: "hop", circuit: one.circuit + 3, input });
              break;
            }
            case "raw":
              peer.sendRaw(one.bytes);
              break;
            case "stall":
              peer.stall(one.on);
              break;
            case "wait":
              world.advance(one.ms);
          }
        }

        const began = new Set(world.news.flatMap((news) => (news.type === "hop" ? [news.circuit] : [])));
        for (let connection = 1; connection < 200; connection++) world.input({ type: "lost", connection });
        const ended = world.news.flatMap((news) => (news.type === "hop-closed" ? [news.circuit] : []));
        expect(world.news.filter(({ type }) => type === "fault")).toEqual([]);
        expect(ended.length).toBe(new Set(ended).size);
        expect([...began].filter((circuit) => !ended.includes(circuit))).toEqual([]);
        expect(world.machine.linkCount).toBe(0);
        for (let i = 0; i < 4; i++) world.advance(60_000);
        expect(world.machine.nextDeadline()).toBeUndefined();
        const after = world.news.length;
        world.advance(600_000);
        expect(world.news.length).toBe(after);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  });

  it("tells of no stream event behind the end of its circuit", () => {
    // A witness that the property above speaks of circuits that did something.
    const world = createHostile();
    const peer = world.connect();
    const circuit = world.openKeyed(peer, dialled(1));
    const open: RelayCell = { command: 4, flags: 0, streamId: 1, data: Uint8Array.of(2, 1) };
    peer.send(circuit.cell(open), circuit.cell(open), circuit.cell({ ...open, streamId: 2 }));
    expect(world.news.map(({ type }) => type)).toEqual(["hop", "hop", "hop-closed"]);
  });
});
