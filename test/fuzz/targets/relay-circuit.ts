import {
  BODY_BYTES,
  CELL_COMMAND,
  createLayer,
  createPlainLayer,
  decodeRelayCell,
  encodeCreated,
  encodeExtend,
  encodeRelayCell,
  equalBytes,
  HOP_REPLY_BYTES,
  HOP_REQUEST_BYTES,
  type OnionLayer,
  PLAIN_TAG,
  RELAY_COMMAND,
  RELAY_FLAG,
  type RelayCell,
  type StreamId,
} from "@umbel/core";
import {
  RelayCircuit,
  type RelayCircuitEffect,
  type RelayCircuitInput,
} from "../../../packages/router/src/circuit/relay-circuit.ts";
import { anyCellCommand, anyRelayCell, createScript, nextOf, type Script } from "../script.ts";
import { type FuzzTarget, must } from "../target.ts";
import { crypto, idOf, keysOf, noise } from "./fixed.ts";
import { createCreditBook, createStreamRules } from "./stream-rules.ts";

const forwardKeys = () => layerKeys("forward");
const backwardKeys = () => layerKeys("backward");

function layerKeys(label: string) {
  return { key: noise(`${label} K`, 32), tag: noise(`${label} N`, 16), chain: noise(`${label} chain`, 16) };
}

/** A hop between an originator that holds the right keys and says anything, and a next node that says anything. */
function createWorld(keyed: boolean) {
  const layer = (keys: () => ReturnType<typeof layerKeys>): OnionLayer =>
    keyed ? createPlainLayer(PLAIN_TAG) : createLayer(crypto, keys());
  const far = { forward: layer(forwardKeys), backward: layer(backwardKeys) };
  const streams = createStreamRules();
  const credits = createCreditBook();
  let room = 4;
  let waits = false;
  let now = 0;
  let ended = false;
  let tail: "last" | "extending" | "middle" = "last";
  /** What must come out unchanged behind this hop, or before it. */
  let peeled: Uint8Array | undefined;
  let relayed: Uint8Array | undefined;
  const circuit = new RelayCircuit({
    forward: layer(forwardKeys),
    backward: layer(backwardKeys),
    mayExtend: !keyed,
    neverNext: [idOf(keysOf(0)), idOf(keysOf(1))],
    hasRoom: (taken) => taken < room,
    awaitRoom() {
      waits = true;
    },
  });

  function toPrevious(body: Uint8Array): void {
    must(body.length === BODY_BYTES, "a body of another length");
    const opened = body.slice();
    if (!far.backward.open(opened)) {
      must(
        relayed !== undefined && equalBytes(opened, relayed),
        "the hop relays what the next node did not say",
      );
      relayed = undefined;
      return;
    }
    const cell = decodeRelayCell(opened);
    if (cell.command === RELAY_COMMAND.PADDING) far.backward.ratchet();
    if (cell.command === RELAY_COMMAND.DATA) credits.sealed(cell.streamId, () => far.backward.chain());
    must(cell.command !== RELAY_COMMAND.OPEN, "a hop opens a stream");
    must(cell.command !== RELAY_COMMAND.RESET || cell.streamId > 0, "a reset of nothing");
  }

  function perform(effect: RelayCircuitEffect): void {
    must(!ended, "an effect behind the end");
    switch (effect.type) {
      case "to-previous":
        must(effect.command === CELL_COMMAND.RELAY, "a command that no hop says");
        toPrevious(effect.body);
        return;
      case "to-next":
        must(
          tail === "middle" && effect.command === CELL_COMMAND.RELAY,
          "a cell to a next node there is not",
        );
        must(peeled !== undefined && equalBytes(peeled, effect.body), "the hop relays what nobody said");
        peeled = undefined;
        return;
      case "extend":
        must(tail === "last" && !keyed, "a second next node");
        must(effect.body.length === BODY_BYTES, "a CREATE of another length");
        must(effect.nodeId === idOf(keysOf(2)), "a next node that must not be one");
        tail = "extending";
        return;
      case "stream":
        streams.event(effect.event);
        return;
      case "destroyed":
        must(!(effect.tellNext && tail === "last"), "DESTROY to a next node there is not");
        ended = true;
    }
  }

  return {
    streams,
    credits,
    far,
    input(input: RelayCircuitInput): void {
      for (const effect of circuit.handle(input, now)) perform(effect);
      if (waits) for (const effect of circuit.handle({ type: "room" }, now)) perform(effect);
      waits = false;
      must(!ended || circuit.nextDeadline() === undefined, "a deadline behind the end");
    },
    /** The originator seals `body` for this hop, with or without the tag that it looks for. */
    forward(body: Uint8Array, tagged: boolean): void {
      if (tagged) far.forward.stamp(body);
      peeled = tagged ? undefined : body.slice();
      far.forward.seal(body);
      this.input({ type: "from-previous", command: CELL_COMMAND.RELAY, body });
    },
    say(cell: RelayCell): void {
      const body = new Uint8Array(BODY_BYTES);
      encodeRelayCell(body, cell);
      this.forward(body, true);
      const ratchets = cell.command === RELAY_COMMAND.PADDING && (cell.flags & RELAY_FLAG.RATCHET) !== 0;
      if (ratchets) far.forward.ratchet();
    },
    backward(body: Uint8Array): void {
      relayed = body.slice();
      this.input({ type: "from-next", command: CELL_COMMAND.RELAY, body });
    },
    answer(body: Uint8Array): void {
      const was = tail;
      if (was === "extending") tail = "middle";
      this.input({ type: "from-next", command: CELL_COMMAND.CREATED, body });
    },
    unknown(): void {
      if (tail !== "extending") return;
      this.input({ type: "extend-unknown" });
      tail = "last";
    },
    wait(ms: number): void {
      now += ms;
      const due = circuit.nextDeadline();
      this.input({ type: "deadline" });
      must(due === undefined || due > now || ended, "a deadline passes and nothing happens");
    },
    setRoom(cells: number): void {
      room = cells;
      this.input({ type: "room" });
    },
    isEnded: () => ended,
  };
}

const STEPS = [
  "say",
  "say",
  "say",
  "say",
  "extend",
  "created",
  "unknown",
  "next",
  "forward",
  "write",
  "consumed",
  "reset",
  "wait",
  "room",
  "credit",
  "repeat",
  "other",
  "from-next",
  "lost",
  "bad-created",
] as const;

function step(world: ReturnType<typeof createWorld>, script: Script): void {
  const kind = script.pick(STEPS);
  switch (kind) {
    case "say":
    case "repeat": {
      const times = kind === "repeat" ? script.u8() : 1;
      const cell = anyRelayCell(script, Math.max(0, ...world.streams.receiving));
      for (let i = 0; i < times && cell !== undefined && !world.isEnded(); i++) world.say(nextOf(cell, i));
      return;
    }
    case "extend": {
      const request = noise("request", HOP_REQUEST_BYTES);
      const nodeId = idOf(keysOf(script.u8() < 200 ? 2 : script.u8() % 3));
      const descriptor = (script.u8() & 1) === 0 ? undefined : noise("descriptor", 1 + script.u8());
      const data = encodeExtend({ nodeId, request, descriptor });
      world.say({ command: RELAY_COMMAND.EXTEND, flags: 0, streamId: 0, data });
      return;
    }
    case "created":
      world.answer(encodeCreated(noise("reply", HOP_REPLY_BYTES)));
      return;
    case "bad-created":
      world.answer(new Uint8Array(BODY_BYTES).fill(script.u8()));
      return;
    case "unknown":
      world.unknown();
      return;
    case "next":
      world.backward(noise(`next ${script.u8()}`, BODY_BYTES));
      return;
    case "forward":
      world.forward(noise(`forward ${script.u8()}`, BODY_BYTES), (script.u8() & 7) === 7);
      return;
    case "write": {
      const streamId = script.u8() as StreamId;
      const data = script.bytes(0xffff);
      world.input({ type: "write", streamId, data, end: (script.u8() & 1) === 1 });
      return;
    }
    case "consumed":
      world.input({ type: "consumed", streamId: script.u8() as StreamId, cells: script.u8() });
      return;
    case "reset": {
      const streamId = script.u8() as StreamId;
      world.streams.dropped(streamId);
      world.input({ type: "reset", streamId });
      return;
    }
    case "wait":
      world.wait(script.u16());
      return;
    case "room":
      world.setRoom(script.u8());
      return;
    case "credit": {
      const due = world.credits.take();
      if (due === undefined) return;
      world.say({ command: RELAY_COMMAND.CREDIT, flags: 0, streamId: due.streamId, data: due.proof });
      return;
    }
    case "other": {
      const command = anyCellCommand(script);
      const body = new Uint8Array(BODY_BYTES);
      if (command === CELL_COMMAND.RELAY) {
        world.forward(body, false);
        return;
      }
      world.input({ type: "from-previous", command, body });
      return;
    }
    case "from-next": {
      const command = anyCellCommand(script);
      const body = new Uint8Array(BODY_BYTES);
      if (command === CELL_COMMAND.RELAY) {
        world.backward(body);
        return;
      }
      if (command === CELL_COMMAND.CREATED) {
        world.answer(body);
        return;
      }
      world.input({ type: "from-next", command, body });
      return;
    }
    case "lost":
      world.input({ type: "lost" });
      return;
  }
}

const at = (kind: (typeof STEPS)[number]): number => STEPS.indexOf(kind);

/** A relayed circuit under its originator and its next node, both hostile. */
export const relayCircuit: FuzzTarget = {
  name: "relay-circuit",
  covers: [],
  maxBytes: 400,
  seeds: () => [
    // An onion circuit that is extended and relays both ways.
    Uint8Array.of(0, at("extend"), 0, 0, at("created"), at("forward"), 1, 0, at("next"), 2, at("wait"), 9, 9),
    // OPEN with one byte, a long answer, credits.
    Uint8Array.of(0, 0, 0, 1, 1, 2, 7, at("room"), 200, at("write"), 1, 255, 255, 0, 7, 1, at("credit")),
    Uint8Array.of(1, 0, 0, 0, 1, 1, 2, at("write"), 1, 1, 0, 0, 7, 1, at("consumed"), 1, 1, at("reset"), 1),
    Uint8Array.of(1, at("repeat"), 70, 0, 0, 128, 1, 2, at("extend"), 0, 1),
    Uint8Array.of(0, at("extend"), 0, 0, at("unknown"), at("extend"), 0, 1, at("wait"), 255, 255),
  ],
  run(bytes) {
    const script = createScript(bytes);
    const world = createWorld((script.u8() & 1) === 1);
    // Some steps behind the end as well: nothing may come of them.
    for (let behind = 0; !script.ended && behind < 5; ) {
      step(world, script);
      if (world.isEnded()) behind += 1;
    }
  },
};
