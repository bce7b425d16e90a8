import {
  decodePacked,
  encodePacked,
  MAX_PACKED_MESSAGES,
  RELAY_COMMAND,
  RELAY_DATA_BYTES,
  RELAY_FLAG,
  type RelayCell,
  type RelayCommand,
  SERVICE,
  type StreamId,
} from "@umbel/core";
import { describe, expect, it } from "vitest";
import { Channel, type ChannelCell, type StreamEvent } from "../../src/circuit/channel.ts";
import { CONGESTION } from "../../src/circuit/congestion.ts";
import { STREAM_WINDOW } from "../../src/circuit/credits.ts";
import { MAX_CONTROL_CELLS, MAX_STREAMS_PER_CIRCUIT } from "../../src/limits.ts";

/** Two ends joined by a perfect wire whose "layer" is a counter of cells per direction. */
function joined() {
  const originator = new Channel("originator");
  const hop = new Channel("hop");
  const counters = { forward: 0, backward: 0 };
  const chainOf = (count: number) => () => new Uint8Array(16).fill(count & 0xff);
  const move = (
    from: Channel,
    to: Channel,
    direction: "forward" | "backward",
    most = Number.POSITIVE_INFINITY,
  ) => {
    const events: StreamEvent[] = [];
    for (let moved = 0; moved < most; moved++) {
      const cell = from.next();
      if (cell === undefined) break;
      counters[direction] += 1;
      from.sealed(cell, chainOf(counters[direction]), 0);
      const heard = to.receive(copyOf(cell), chainOf(counters[direction]), 0);
      if (heard === "violation") throw new Error(`violation by ${JSON.stringify(cell.message.command)}`);
      events.push(...heard);
    }
    return events;
  };
  return {
    originator,
    hop,
    forward: (most?: number) => move(originator, hop, "forward", most),
    backward: (most?: number) => move(hop, originator, "backward", most),
  };
}

const message = (command: number, streamId: number, data: Uint8Array = new Uint8Array(0), flags = 0) => ({
  command: command as RelayCommand,
  flags,
  streamId,
  data,
});
const copyOf = (cell: ChannelCell) => ({ ...cell.message, data: cell.message.data.slice() });
/** The messages of a cell. */
const unpacked = (cell: ChannelCell | undefined): readonly RelayCell[] => {
  if (cell === undefined) return [];
  return cell.message.command === RELAY_COMMAND.PACKED ? decodePacked(cell.message.data) : [cell.message];
};
const noChain = () => new Uint8Array(16);
const dataOf = (events: readonly StreamEvent[]) =>
  Buffer.concat(events.flatMap((event) => (event.type === "data" ? [event.data] : [])));

describe("a channel", () => {
  it("is unused as long as only messages of the circuit itself left it: a relay gives it up then", () => {
    const channel = new Channel("hop");
    expect(channel.isUnused).toBe(true);
    channel.control(RELAY_COMMAND.EXTENDED, new Uint8Array(1));
    expect(channel.isUnused).toBe(false);
    channel.next();
    expect(channel.isUnused).toBe(true);
    channel.receive(message(RELAY_COMMAND.OPEN, 1, Uint8Array.of(1)), noChain, 0);
    channel.reset(1 as StreamId);
    channel.next();
    expect(channel.isUnused).toBe(false);
  });

  it.each([0, 1, RELAY_DATA_BYTES - 2, RELAY_DATA_BYTES - 1, RELAY_DATA_BYTES, 8 * RELAY_DATA_BYTES - 1])(
    "carries a request of %i bytes in the fewest cells, OPEN first and END last",
    (size) => {
      const { originator, forward } = joined();
      const request = Uint8Array.from({ length: size }, (_, i) => i % 251);
      originator.open(SERVICE.BLOCKS, request, true, 0);
      const events = forward();
      expect(events[0]).toEqual({ type: "opened", streamId: 1, service: SERVICE.BLOCKS });
      const cells = events.filter((event) => event.type === "data");
      expect(cells).toHaveLength(Math.max(1, Math.ceil((size + 1) / RELAY_DATA_BYTES)));
      expect(cells.map((event) => event.end)).toEqual(cells.map((_, i) => i === cells.length - 1));
      expect(dataOf(events)).toEqual(Buffer.from(request));
    },
  );

  it("answers on the same stream and then forgets it at both ends", () => {
    const { originator, hop, forward, backward } = joined();
    const id = originator.open(SERVICE.BLOCKS, new Uint8Array(3), true, 0) as StreamId;
    forward();
    hop.write(id, new Uint8Array(8 * RELAY_DATA_BYTES).fill(7), true, 0);
    const events = backward();
    expect(events).toHaveLength(8);
    expect(originator.openStreams).toBe(0);
    expect(hop.openStreams).toBe(0);
  });

  it("stops at the stream window and goes on with the credit for what was consumed", () => {
    const { originator, hop, forward, backward } = joined();
    const id = originator.open(SERVICE.BLOCKS, new Uint8Array(300 * RELAY_DATA_BYTES), true, 0) as StreamId;
    expect(dataOf(forward()).length).toBe(STREAM_WINDOW.cells * RELAY_DATA_BYTES - 1);
    backward();
    expect(forward()).toEqual([]);
    hop.consumed(id, STREAM_WINDOW.creditEvery);
    backward();
    expect(forward()).toHaveLength(STREAM_WINDOW.creditEvery);
  });

  it("never has more cells under way than its congestion window, over all streams", () => {
    const { originator } = joined();
    for (let i = 0; i < 10; i++)
      originator.open(SERVICE.BLOCKS, new Uint8Array(100 * RELAY_DATA_BYTES), true, 0);
    let sent = 0;
    for (let cell = originator.next(); cell !== undefined; cell = originator.next()) {
      originator.sealed(cell, noChain, 0);
      sent += 1;
    }
    expect(sent).toBe(CONGESTION.initial);
  });

  it("says what waits in its streams, and since when", () => {
    const { originator, hop, forward, backward } = joined();
    expect(originator.waiting).toEqual({ bytes: 0, since: undefined });
    const id = originator.open(SERVICE.BLOCKS, new Uint8Array(100), true, 7) as StreamId;
    expect(originator.waiting).toEqual({ bytes: 100, since: 7 });
    forward();
    expect(originator.waiting).toEqual({ bytes: 0, since: undefined });
    hop.write(id, new Uint8Array(RELAY_DATA_BYTES), false, 20);
    hop.write(id, new Uint8Array(2 * RELAY_DATA_BYTES), true, 30);
    expect(hop.waiting).toEqual({ bytes: 3 * RELAY_DATA_BYTES, since: 20 });
    backward(2);
    expect(hop.waiting.since).toBe(30);
    backward();
    expect(hop.waiting).toEqual({ bytes: 0, since: undefined });
  });

  it("lets streams take turns cell by cell", () => {
    const { originator } = joined();
    originator.open(SERVICE.BLOCKS, new Uint8Array(5 * RELAY_DATA_BYTES), true, 0);
    originator.open(SERVICE.BLOCKS, new Uint8Array(5 * RELAY_DATA_BYTES), true, 0);
    const order = [1, 2, 3, 4].map(() => {
      const cell = originator.next() as ChannelCell;
      originator.sealed(cell, noChain, 0);
      return cell.message.streamId;
    });
    expect(order).toEqual([1, 2, 1, 2]);
  });

  it("takes a credit whose proof is not the chain value after the acknowledged cell for a violation", () => {
    const { originator, hop, forward } = joined();
    const id = originator.open(SERVICE.BLOCKS, new Uint8Array(200 * RELAY_DATA_BYTES), true, 0) as StreamId;
    forward();
    hop.consumed(id, STREAM_WINDOW.creditEvery);
    const credit = unpacked(hop.next()).at(-1) as RelayCell;
    expect(credit).toMatchObject({ command: RELAY_COMMAND.CREDIT, streamId: id });
    const forged = credit.data.map((byte) => byte ^ 1);
    expect(originator.receive({ ...credit, data: forged }, noChain, 0)).toBe("violation");
  });

  it("takes a credit for cells that were never sent for a violation", () => {
    const { originator } = joined();
    expect(originator.receive(message(RELAY_COMMAND.CREDIT, 0, new Uint8Array(16)), noChain, 0)).toBe(
      "violation",
    );
  });

  it("takes a sender that runs past the stream window for a violation", () => {
    const hop = new Channel("hop");
    hop.receive(message(RELAY_COMMAND.OPEN, 1, Uint8Array.of(SERVICE.BLOCKS)), noChain, 0);
    const verdicts = Array.from({ length: STREAM_WINDOW.cells }, () =>
      hop.receive(message(RELAY_COMMAND.DATA, 1, new Uint8Array(1)), noChain, 0),
    );
    expect(verdicts.slice(0, -1)).not.toContain("violation");
    expect(verdicts.at(-1)).toBe("violation");
  });

  it(`opens ${MAX_STREAMS_PER_CIRCUIT} streams and refuses one more at its own end`, () => {
    const { originator } = joined();
    for (let i = 0; i < MAX_STREAMS_PER_CIRCUIT; i++) {
      expect(originator.open(SERVICE.BLOCKS, new Uint8Array(1), true, 0)).toBe(i + 1);
    }
    expect(originator.open(SERVICE.BLOCKS, new Uint8Array(1), true, 0)).toBeUndefined();
  });

  it(`accepts ${MAX_STREAMS_PER_CIRCUIT} streams and resets one more`, () => {
    const hop = new Channel("hop");
    const open = (id: number) =>
      hop.receive(message(RELAY_COMMAND.OPEN, id, Uint8Array.of(SERVICE.BLOCKS)), noChain, 0);
    for (let id = 1; id <= MAX_STREAMS_PER_CIRCUIT; id++) expect(open(id)).toHaveLength(2);
    expect(open(MAX_STREAMS_PER_CIRCUIT + 1)).toEqual([]);
    const { CREDIT, RESET } = RELAY_COMMAND;
    expect(unpacked(hop.next()).map(({ command }) => command)).toEqual([
      CREDIT,
      CREDIT,
      CREDIT,
      CREDIT,
      RESET,
    ]);
    expect(hop.next()).toBeUndefined();
    expect(hop.openStreams).toBe(MAX_STREAMS_PER_CIRCUIT);
  });

  it("ends a circuit whose peer makes it queue more control cells than the cap", () => {
    const hop = new Channel("hop");
    let verdict: unknown;
    let opened = 0;
    while (verdict !== "violation" && opened < 10_000) {
      opened += 1;
      verdict = hop.receive(message(RELAY_COMMAND.OPEN, opened, Uint8Array.of(SERVICE.BLOCKS)), noChain, 0);
    }
    expect(verdict).toBe("violation");
    expect(opened).toBeGreaterThan(MAX_CONTROL_CELLS);
    expect(opened).toBeLessThan(MAX_CONTROL_CELLS + MAX_STREAMS_PER_CIRCUIT + 64);
  });

  it.each([
    ["OPEN from the hop's side", "originator", message(RELAY_COMMAND.OPEN, 1, Uint8Array.of(2))],
    ["OPEN without a service", "hop", message(RELAY_COMMAND.OPEN, 1)],
    ["DATA for a stream that never was", "hop", message(RELAY_COMMAND.DATA, 5, new Uint8Array(1))],
    ["CREDIT for a stream that never was", "hop", message(RELAY_COMMAND.CREDIT, 5, new Uint8Array(16))],
    ["RESET for a stream that never was", "hop", message(RELAY_COMMAND.RESET, 5)],
    ["a command of circuits, not streams", "hop", message(RELAY_COMMAND.EXTENDED, 0)],
  ] as const)("takes %s for a violation", (_, side, bad) => {
    expect(new Channel(side).receive(bad, noChain, 0)).toBe("violation");
  });

  it("takes data after END, and a stream number used twice, for violations", () => {
    const hop = new Channel("hop");
    hop.receive(message(RELAY_COMMAND.OPEN, 3, Uint8Array.of(2), RELAY_FLAG.END), noChain, 0);
    expect(hop.receive(message(RELAY_COMMAND.DATA, 3, new Uint8Array(1)), noChain, 0)).toBe("violation");
    expect(hop.receive(message(RELAY_COMMAND.OPEN, 3, Uint8Array.of(2)), noChain, 0)).toBe("violation");
  });

  it("says nothing of a stream that it gives up before its OPEN left", () => {
    const { originator, hop, forward } = joined();
    const first = originator.open(SERVICE.BLOCKS, new Uint8Array(1), true, 0) as StreamId;
    const second = originator.open(SERVICE.BLOCKS, new Uint8Array(1), true, 0) as StreamId;
    originator.reset(second);
    originator.reset(first);
    expect(forward()).toEqual([]);
    const third = originator.open(SERVICE.BLOCKS, new Uint8Array(1), true, 0);
    expect(forward()[0]).toEqual({ type: "opened", streamId: third, service: SERVICE.BLOCKS });
    expect([originator.openStreams, hop.openStreams]).toEqual([1, 1]);
  });

  it("swallows what was under way when a stream was given up", () => {
    const { originator, hop, forward } = joined();
    const id = originator.open(SERVICE.BLOCKS, new Uint8Array(10 * RELAY_DATA_BYTES), true, 0) as StreamId;
    forward(3);
    hop.reset(id);
    expect(forward(3)).toEqual([]);
    const reset = hop.next() as ChannelCell;
    expect(originator.receive(copyOf(reset), noChain, 0)).toEqual([{ type: "reset", streamId: id }]);
  });
});

describe("packing", () => {
  const { OPEN, DATA, CREDIT, RESET, PACKED, UNKNOWN } = RELAY_COMMAND;
  const request = (bytes: number) => new Uint8Array(bytes).fill(7);
  const pack = (...messages: readonly RelayCell[]) => message(PACKED, 0, encodePacked(messages));
  const opening = (id: number) => message(OPEN, id, Uint8Array.of(SERVICE.BLOCKS), RELAY_FLAG.END);

  it("puts the short requests of one turn into one cell, which opens them all at the far end", () => {
    const { originator, forward } = joined();
    const ids = Array.from({ length: 9 }, () => originator.open(SERVICE.BLOCKS, request(62), true, 0));
    const cell = originator.next() as ChannelCell;
    expect(cell.message.command).toBe(PACKED);
    expect(unpacked(cell).map(({ command, streamId }) => [command, streamId])).toEqual(
      ids.map((id) => [OPEN, id]),
    );
    expect(originator.next()).toBeUndefined();
    originator.sealed(cell, noChain, 0);
    expect(forward()).toEqual([]);
    const hop = new Channel("hop");
    const events = hop.receive(copyOf(cell), noChain, 0) as readonly StreamEvent[];
    expect(events.filter(({ type }) => type === "opened")).toHaveLength(9);
    expect(dataOf(events)).toHaveLength(9 * 62);
  });

  it("sends a message that is alone as it is, and never packs those of the circuit's building", () => {
    const alone = new Channel("originator");
    alone.open(SERVICE.BLOCKS, request(62), true, 0);
    expect(alone.next()?.message.command).toBe(OPEN);
    const hop = new Channel("hop");
    hop.receive(opening(1), noChain, 0);
    hop.control(UNKNOWN, new Uint8Array(0));
    hop.write(1 as StreamId, request(5), true, 0);
    expect([hop.next(), hop.next()].map((cell) => cell?.message.command)).toEqual([UNKNOWN, DATA]);
  });

  it("fills a cell to its last byte, and leaves to the next what does not fit", () => {
    for (const [bytes, cells] of [
      [2027, 1],
      [2028, 2],
    ] as const) {
      const { originator } = joined();
      for (const length of [2027, bytes]) originator.open(SERVICE.BLOCKS, request(length), true, 0);
      const first = originator.next() as ChannelCell;
      originator.sealed(first, noChain, 0);
      expect(first.message.command).toBe(cells === 1 ? PACKED : OPEN);
      expect(originator.next() === undefined).toBe(cells === 1);
    }
  });

  it(`packs at most ${MAX_PACKED_MESSAGES} messages`, () => {
    const { originator, hop, forward } = joined();
    const ids = Array.from({ length: MAX_STREAMS_PER_CIRCUIT }, () =>
      originator.open(SERVICE.BLOCKS, request(4), false, 0),
    );
    forward();
    for (const id of ids) hop.reset(id as StreamId);
    expect(unpacked(hop.next())).toHaveLength(MAX_PACKED_MESSAGES);
    hop.control(RESET, new Uint8Array(0));
    expect(unpacked(hop.next())).toHaveLength(1);
  });

  it("counts a packed cell once for the circuit", () => {
    const { originator, hop, forward } = joined();
    for (let cell = 1; cell <= 8; cell++) {
      for (const length of [3, 4]) originator.open(SERVICE.BLOCKS, request(length), false, 0);
      forward();
      const credits = unpacked(hop.next()).filter(({ command }) => command === CREDIT);
      expect(credits).toHaveLength(cell === 8 ? 1 : 0);
    }
  });

  it("counts each packed message for its stream", () => {
    const { originator, hop, forward, backward } = joined();
    const busy = originator.open(SERVICE.BLOCKS, request(1), false, 0) as StreamId;
    forward();
    for (let sent = 1; sent < STREAM_WINDOW.cells; sent++) {
      originator.write(busy, request(1), false, 0);
      originator.open(SERVICE.BLOCKS, request(1), true, 0);
      for (const event of forward()) if (event.type === "opened") hop.reset(event.streamId);
      backward();
    }
    originator.write(busy, request(1), false, 0);
    expect(originator.next()).toBeUndefined();
    hop.consumed(busy, STREAM_WINDOW.creditEvery);
    backward();
    expect(dataOf(forward())).toHaveLength(1);
  });

  it("gives a stream one message in a cell, so that its window is never passed", () => {
    const { originator } = joined();
    const id = originator.open(SERVICE.BLOCKS, request(1), false, 0) as StreamId;
    originator.write(id, request(1), true, 0);
    originator.open(SERVICE.BLOCKS, request(1), true, 0);
    expect(unpacked(originator.next()).map(({ streamId }) => streamId)).toEqual([1, 2]);
  });

  it("takes one bad message among good ones for a violation", () => {
    const bad = [message(RESET, 9), message(DATA, 9, request(1)), message(CREDIT, 0, new Uint8Array(16))];
    for (const one of bad) {
      expect(new Channel("hop").receive(pack(opening(1), one), noChain, 0)).toBe("violation");
    }
    const broken = message(PACKED, 0, new Uint8Array(16));
    expect(new Channel("hop").receive(broken, noChain, 0)).toBe("violation");
    expect(new Channel("hop").receive(pack(opening(1), opening(2)), noChain, 0)).toHaveLength(4);
  });
});
