import {
  BODY_BYTES,
  CELL_COMMAND,
  createLayer,
  createPlainLayer,
  decodeCreate,
  decodeExtend,
  decodeRelayCell,
  encodeCreated,
  encodeExtended,
  encodeRelayCell,
  type OnionLayer,
  PLAIN_TAG,
  RELAY_COMMAND,
  RELAY_FLAG,
  type RelayCell,
  respondHop,
  type ServiceId,
  type StreamId,
} from "@umbel/core";
import {
  OriginCircuit,
  type OriginCircuitEffect,
  type OriginCircuitInput,
} from "../../../packages/router/src/circuit/origin-circuit.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";
import { anyCellCommand, anyRelayCell, createScript, type Script } from "../script.ts";
import { type FuzzTarget, must } from "../target.ts";
import { crypto, idOf, keysOf, network, noise } from "./fixed.ts";
import { createCreditBook, createStreamRules } from "./stream-rules.ts";

interface FarHop {
  readonly forward: OnionLayer;
  readonly backward: OnionLayer;
}

/** A circuit at its originator, whose hops hold the right keys and say anything. 0 hops: keyed by its link. */
function createWorld(hops: number) {
  const random = createSeededRandom("fuzz origin");
  const streams = createStreamRules();
  const credits = createCreditBook();
  const far: FarHop[] = [];
  const tokens = new Set<number>();
  /** Hops that were asked to ratchet and have not answered. */
  const ratchets: number[] = [];
  let pending: Uint8Array | undefined;
  let room = 4;
  let waits = false;
  let now = 0;
  let built = false;
  let ended = false;

  const path = Array.from({ length: hops }, (_, at) => {
    const keys = keysOf(at);
    return {
      network: network.id,
      nodeId: idOf(keys),
      hopKey: keys.hopKey.publicKey,
      descriptor: noise("d", 200),
    };
  });
  const circuit = new OriginCircuit({
    crypto,
    random,
    path: hops === 0 ? "link-keyed" : path,
    hasRoom: (taken) => taken < room,
    awaitRoom() {
      waits = true;
    },
  });

  function cell(effect: OriginCircuitEffect & { readonly type: "cell" }): void {
    must(effect.body.length === BODY_BYTES, "a body of another length");
    if (effect.command === CELL_COMMAND.CREATE) {
      must(far.length === 0 && pending === undefined, "a second CREATE");
      const create = decodeCreate(effect.body);
      must((create.kind === "onion") === hops > 0, "a CREATE of the wrong kind");
      if (create.kind === "onion") pending = create.request.slice();
      else far.push({ forward: createPlainLayer(PLAIN_TAG), backward: createPlainLayer(PLAIN_TAG) });
      return;
    }
    must(effect.command === CELL_COMMAND.RELAY, "a command that no originator says");
    const hop = far.findIndex(({ forward }) => forward.open(effect.body));
    must(hop >= 0, "a cell that no hop recognises");
    heard(hop, decodeRelayCell(effect.body));
  }

  function heard(hop: number, message: RelayCell): void {
    const { forward } = far[hop]!;
    switch (message.command) {
      case RELAY_COMMAND.EXTEND:
        must(hop === far.length - 1 && far.length < hops, "an EXTEND to the wrong hop");
        must(decodeExtend(message.data).nodeId === path[far.length]!.nodeId, "an EXTEND to another node");
        pending = decodeExtend(message.data).request.slice();
        return;
      case RELAY_COMMAND.PADDING:
        forward.ratchet();
        ratchets.push(hop);
        return;
      case RELAY_COMMAND.OPEN:
      case RELAY_COMMAND.DATA:
        must(built && hop === far.length - 1, "data to another hop than the last");
        credits.sealed(message.streamId, () => forward.chain());
        return;
      default:
        must(built && hop === far.length - 1, "a message to another hop than the last");
    }
  }

  function perform(effect: OriginCircuitEffect): void {
    must(!ended, "an effect behind the end");
    switch (effect.type) {
      case "cell":
        cell(effect);
        return;
      case "built":
        must(!built && far.length === Math.max(1, hops), "built twice, or too early");
        built = true;
        return;
      case "stream-number":
        must(tokens.delete(effect.token), "a stream number that nobody asked for");
        if (effect.streamId !== undefined) streams.opened(effect.streamId);
        return;
      case "stream":
        must(built && effect.event.type !== "opened", "a stream that the peer opened");
        streams.event(effect.event);
        return;
      case "closed":
        must(effect.hops <= far.length, "more hops than there are");
        ended = true;
    }
  }

  return {
    streams,
    credits,
    ratchets,
    hops: far,
    input(input: OriginCircuitInput): void {
      if (input.type === "open-stream") tokens.add(input.token);
      for (const effect of circuit.handle(input, now)) perform(effect);
      if (waits) for (const effect of circuit.handle({ type: "room" }, now)) perform(effect);
      waits = false;
      must(ended || tokens.size === 0, "a stream asked for has no number");
      must(!ended || circuit.nextDeadline() === undefined, "a deadline behind the end");
    },
    /** Bytes from the hop `hop`, with or without the tag that the originator looks for. */
    backward(hop: number, body: Uint8Array, tagged: boolean): void {
      if (far[hop] === undefined) return;
      if (tagged) far[hop].backward.stamp(body);
      for (let passed = hop; passed >= 0; passed--) far[passed]!.backward.seal(body);
      this.input({ type: "cell", command: CELL_COMMAND.RELAY, body });
    },
    say(hop: number, cell: RelayCell): void {
      const body = new Uint8Array(BODY_BYTES);
      encodeRelayCell(body, cell);
      this.backward(hop, body, true);
      const ratchets = cell.command === RELAY_COMMAND.PADDING && (cell.flags & RELAY_FLAG.RATCHET) !== 0;
      if (ratchets) far[hop]?.backward.ratchet();
    },
    /** The hop asked for answers, rightly or not. */
    answer(change: number): void {
      const request = pending;
      const keys = keysOf(far.length);
      if (request === undefined) return;
      pending = undefined;
      const hop = { network: network.id, nodeId: idOf(keys), hopKeys: [keys.hopKey] };
      const { reply, keys: layers } = respondHop(
        crypto,
        createSeededRandom(`hop ${far.length}`),
        hop,
        request,
      );
      if (change > 0) reply[(change * 97) % reply.length]! ^= change;
      const last = far.length - 1;
      far.push({
        forward: createLayer(crypto, layers.forward),
        backward: createLayer(crypto, layers.backward),
      });
      if (last < 0) this.input({ type: "cell", command: CELL_COMMAND.CREATED, body: encodeCreated(reply) });
      else {
        const data = encodeExtended(reply);
        this.say(last, { command: RELAY_COMMAND.EXTENDED, flags: 0, streamId: 0, data });
      }
      must(change === 0 || ended, "a changed answer is taken");
    },
    wait(ms: number): void {
      now += ms;
      const due = circuit.nextDeadline();
      this.input({ type: "deadline" });
      const next = circuit.nextDeadline();
      must(
        due === undefined || due > now || next === undefined || next > now,
        "a deadline stays in the past",
      );
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
  "answer",
  "answer",
  "open",
  "open",
  "consumed",
  "reset",
  "wait",
  "room",
  "credit",
  "repeat",
  "other",
  "noise",
  "unknown",
  "ratchet",
  "lost",
  "close",
  "bad-answer",
] as const;

let tokens = 0;

function step(world: ReturnType<typeof createWorld>, script: Script): void {
  const kind = script.pick(STEPS);
  const last = world.hops.length - 1;
  switch (kind) {
    case "say":
    case "repeat": {
      const times = kind === "repeat" ? script.u8() : 1;
      const from = script.u8();
      const hop = from < 200 ? last : from % (last + 2);
      const cell = anyRelayCell(script, Math.max(0, ...world.streams.receiving));
      for (let i = 0; i < times && cell !== undefined && !world.isEnded(); i++) {
        world.say(hop, cell);
        const heard = hop >= last || cell.command === RELAY_COMMAND.PADDING;
        must(heard || world.isEnded(), "a hop before the last is listened to");
      }
      return;
    }
    case "answer":
      world.answer(0);
      return;
    case "bad-answer":
      world.answer(1 + (script.u8() % 255));
      return;
    case "open": {
      tokens += 1;
      const service = (1 + (script.u8() % 3)) as ServiceId;
      const data = script.bytes(0xffff);
      world.input({ type: "open-stream", token: tokens, service, data, end: (script.u8() & 1) === 1 });
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
      world.say(last, {
        command: RELAY_COMMAND.CREDIT,
        flags: 0,
        streamId: due.streamId,
        data: due.proof,
      });
      return;
    }
    case "ratchet": {
      const hop = world.ratchets.shift();
      const cell = {
        command: RELAY_COMMAND.PADDING,
        flags: RELAY_FLAG.RATCHET,
        streamId: 0,
        data: new Uint8Array(0),
      };
      if (hop !== undefined) world.say(hop, cell);
      return;
    }
    case "unknown":
      world.say(last, {
        command: RELAY_COMMAND.UNKNOWN,
        flags: 0,
        streamId: 0,
        data: new Uint8Array(0),
      });
      return;
    case "noise":
      world.backward(last, noise(`noise ${script.u8()}`, BODY_BYTES), (script.u8() & 3) === 3);
      return;
    case "other": {
      const command = anyCellCommand(script);
      if (command === CELL_COMMAND.RELAY) {
        world.backward(last, new Uint8Array(BODY_BYTES), false);
        return;
      }
      world.input({ type: "cell", command, body: new Uint8Array(BODY_BYTES) });
      return;
    }
    case "lost":
    case "close":
      world.input({ type: kind });
      return;
  }
}

const at = (kind: (typeof STEPS)[number]): number => STEPS.indexOf(kind);

/** A circuit at its originator under hostile hops. */
export const originCircuit: FuzzTarget = {
  name: "origin-circuit",
  covers: [],
  maxBytes: 400,
  seeds: () => [
    // Three hops, one of which asks for the descriptor, and a stream with an answer of one byte that ends.
    Uint8Array.of(3, 4, 4, at("unknown"), 4, at("open"), 1, 0, 9, 0, 1, 1, 0, 0, 1, 1, 1, 2, 7),
    Uint8Array.of(
      0,
      at("open"),
      1,
      255,
      255,
      0,
      1,
      1,
      at("room"),
      255,
      at("credit"),
      at("credit"),
      at("wait"),
      1,
      1,
    ),
    Uint8Array.of(
      1,
      4,
      at("open"),
      2,
      0,
      1,
      0,
      1,
      0,
      at("wait"),
      255,
      255,
      at("ratchet"),
      at("consumed"),
      1,
      1,
    ),
    Uint8Array.of(2, 4, at("bad-answer"), 5),
    // Two hops, of which the first answers a stream to the second.
    Uint8Array.of(2, 4, 4, at("open"), 1, 0, 9, 0, 1, 1, 0, 201, 1, 1, 1, 2, 7),
    Uint8Array.of(2, 4, 4, at("repeat"), 90, 0, 1, 1, 1, 1, 3, 7, at("reset"), 1, at("close")),
  ],
  run(bytes) {
    const script = createScript(bytes);
    const world = createWorld(script.u8() % 4);
    world.input({ type: "start" });
    for (let behind = 0; !script.ended && behind < 5; ) {
      step(world, script);
      if (world.isEnded()) behind += 1;
    }
  },
};
