import type { RelayCell, ServiceId, StreamId } from "@umbel/core";
import { Channel, type StreamEvent } from "../../../packages/router/src/circuit/channel.ts";
import { MAX_CONTROL_CELLS, MAX_STREAMS_PER_CIRCUIT } from "../../../packages/router/src/limits.ts";
import { anyRelayCell, createScript, nextOf, type Script } from "../script.ts";
import { type FuzzTarget, must } from "../target.ts";
import { createStreamRules, type StreamRules } from "./stream-rules.ts";

/** One end of a conversation, with the cells that it has sent and its peer has not taken yet. */
interface End {
  readonly channel: Channel;
  readonly rules: StreamRules;
  readonly sent: RelayCell[];
  /** Bytes written and received, and cells received that were not acknowledged, by stream. */
  readonly written: Map<number, number>;
  readonly received: Map<number, number>;
  readonly unconsumed: Map<number, number>;
  readonly given: Set<number>;
  cellsSent: number;
  cellsReceived: number;
}

const chainOf = (count: number) => (): Uint8Array => {
  const chain = new Uint8Array(16);
  new DataView(chain.buffer).setUint32(0, count);
  return chain;
};

function createEnd(side: "originator" | "hop"): End {
  return {
    channel: new Channel(side),
    rules: createStreamRules(),
    sent: [],
    written: new Map(),
    received: new Map(),
    unconsumed: new Map(),
    given: new Set(),
    cellsSent: 0,
    cellsReceived: 0,
  };
}

const added = (map: Map<number, number>, id: number, count: number): void => {
  map.set(id, (map.get(id) ?? 0) + count);
};

/** Takes up to `most` cells out of an end. */
function send(end: End, most: number): void {
  for (let i = 0; i < most; i++) {
    const cell = end.channel.next();
    if (cell === undefined) return;
    end.cellsSent += 1;
    end.channel.sealed(cell, chainOf(end.cellsSent), end.cellsSent);
    end.sent.push({ ...cell.message, data: cell.message.data.slice() });
  }
}

/** False when the end calls the message a violation. */
function receive(end: End, message: RelayCell): boolean {
  end.cellsReceived += 1;
  const events = end.channel.receive(message, chainOf(end.cellsReceived), end.cellsSent + end.cellsReceived);
  must(end.channel.openStreams <= MAX_STREAMS_PER_CIRCUIT, "more streams than a circuit may have");
  if (events === "violation") return false;
  for (const event of events) note(end, event);
  return true;
}

function note(end: End, event: StreamEvent): void {
  end.rules.event(event);
  if (event.type === "reset") end.given.add(event.streamId);
  if (event.type !== "data") return;
  added(end.received, event.streamId, event.data.length);
  added(end.unconsumed, event.streamId, 1);
}

/** Nothing that was said may get stuck: all that both ends wrote arrives once all is consumed. */
function settle(ends: readonly [End, End]): void {
  for (let round = 0; round < 10_000; round++) {
    let moved = 0;
    for (const [at, end] of ends.entries()) {
      const peer = ends[1 - at]!;
      for (const [id, cells] of end.unconsumed) end.channel.consumed(id as StreamId, cells);
      end.unconsumed.clear();
      send(end, 64);
      for (const message of end.sent.splice(0)) {
        moved += 1;
        must(receive(peer, message), "an honest message is called a violation");
      }
    }
    if (moved === 0) break;
  }
  for (const [at, end] of ends.entries()) {
    const peer = ends[1 - at]!;
    for (const [id, bytes] of end.written) {
      const abandoned = end.given.has(id) || peer.given.has(id);
      must(abandoned || peer.received.get(id) === bytes, "data that was written never arrives");
    }
  }
}

const STEPS = [
  "open",
  "write",
  "write",
  "move",
  "move",
  "move",
  "consumed",
  "consumed",
  "reset",
  "forge",
  "drop",
  "double",
] as const;

/** False when the conversation has ended in a violation. `honest` is cleared by a step that no honest peer takes. */
function step(ends: readonly [End, End], script: Script, honesty: { honest: boolean }): boolean {
  const kind = script.pick(STEPS);
  const who = script.u8() & 1;
  const [end, peer] = [ends[who]!, ends[1 - who]!];
  switch (kind) {
    case "open": {
      const data = script.bytes(0xffff);
      const id = ends[0].channel.open((1 + (script.u8() % 3)) as ServiceId, data, (script.u8() & 1) === 1, 0);
      if (id !== undefined) {
        ends[0].rules.opened(id);
        ends[0].written.set(id, data.length);
      }
      return true;
    }
    case "write": {
      const id = script.u8() as StreamId;
      const data = script.bytes(0xffff);
      if (end.rules.receiving.has(id) && end.written.get(id) === undefined) {
        // One write that ends: what follows an end is a mistake of the caller.
        end.written.set(id, data.length);
        end.channel.write(id, data, true, 0);
      }
      return true;
    }
    case "move":
      send(end, script.u8());
      for (const message of end.sent.splice(0, script.u8())) if (!receive(peer, message)) return false;
      return true;
    case "consumed": {
      const id = script.u8();
      const cells = Math.min(script.u8(), end.unconsumed.get(id) ?? 0);
      added(end.unconsumed, id, -cells);
      end.channel.consumed(id as StreamId, cells);
      return true;
    }
    case "reset": {
      const id = script.u8();
      end.rules.dropped(id);
      end.given.add(id);
      end.channel.reset(id as StreamId);
      return true;
    }
    case "forge": {
      honesty.honest = false;
      const message = anyRelayCell(script, Math.max(0, ...end.rules.receiving));
      const times = (script.u8() & 3) === 3 ? script.u8() : 1;
      for (let i = 0; i < times && message !== undefined; i++) {
        if (!receive(end, nextOf(message, i))) return false;
      }
      return true;
    }
    case "drop":
      honesty.honest = false;
      end.sent.shift();
      return true;
    case "double":
      honesty.honest = false;
      if (end.sent[0] !== undefined) end.sent.push(end.sent[0]);
      return true;
  }
}

const at = (kind: (typeof STEPS)[number]): number => STEPS.indexOf(kind);

/** The streams of a circuit between an honest pair, and between an honest end and anybody. */
export const channel: FuzzTarget = {
  name: "channel",
  covers: [],
  maxBytes: 300,
  seeds: () => [
    Uint8Array.of(
      at("open"),
      0,
      0,
      9,
      0,
      7,
      1,
      1,
      at("move"),
      0,
      9,
      9,
      at("write"),
      1,
      1,
      255,
      255,
      0,
      8,
      3,
      1,
      255,
    ),
    Uint8Array.of(
      0,
      0,
      255,
      255,
      0,
      7,
      1,
      1,
      0,
      0,
      255,
      255,
      0,
      7,
      1,
      1,
      3,
      0,
      255,
      255,
      at("consumed"),
      1,
      1,
      40,
    ),
    Uint8Array.of(
      0,
      0,
      0,
      1,
      0,
      1,
      1,
      0,
      3,
      0,
      1,
      1,
      at("reset"),
      1,
      1,
      3,
      1,
      1,
      1,
      at("forge"),
      1,
      2,
      0,
      1,
      1,
      1,
    ),
    Uint8Array.of(0, 0, 1, 1, 0, 1, 1, 0, 3, 0, 1, 0, at("double"), 0, 3, 0, 0, 9, at("drop"), 0),
  ],
  run(bytes) {
    const script = createScript(bytes);
    const ends = [createEnd("originator"), createEnd("hop")] as const;
    const honesty = { honest: true };
    while (!script.ended) {
      if (step(ends, script, honesty)) continue;
      must(!honesty.honest, "an honest message is called a violation");
      return;
    }
    if (honesty.honest) settle(ends);
    for (const end of ends) {
      let control = 0;
      for (let cell = end.channel.next(); cell !== undefined; cell = end.channel.next()) {
        if (cell.streams.length === 0) control += 1;
        else end.channel.sealed(cell, chainOf(++end.cellsSent), end.cellsSent);
      }
      must(control <= MAX_CONTROL_CELLS + bytes.length, "more control cells wait than may");
    }
  },
};
