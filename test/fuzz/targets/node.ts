import {
  CELL_COMMAND,
  encodeCreateLinkKeyed,
  encodeExtend,
  HOP_REQUEST_BYTES,
  type NodeId,
  RELAY_COMMAND,
  type StreamId,
} from "@umbel/core";
import { MAX_PENDING_DIALS } from "../../../packages/router/src/limits.ts";
import {
  createHostile,
  dialled,
  type HostileCircuit,
  type HostilePeer,
} from "../../../packages/router/test/support/hostile.ts";
import { anyCellCommand, anyRelayCell, createScript, type Script } from "../script.ts";
import { type FuzzTarget, must } from "../target.ts";
import { crypto, idOf, keysOf, noise } from "./fixed.ts";

interface Spoken {
  readonly peer: HostilePeer;
  readonly circuit: HostileCircuit;
  streams: number;
}

/** One node, and a client with two circuits to it; more may come. The nodes 2 to 6 can be found. */
function createWorld() {
  const known = new Set<NodeId>();
  const hostile = createHostile({
    crypto,
    seed: "fuzz node machine",
    resolve: (id) => (known.has(id) ? describe(found(id)) : undefined),
  });
  const found = (id: NodeId): number => [2, 3, 4, 5, 6].find((index) => idOf(keysOf(index)) === id) ?? 2;
  const describe = (index: number) => hostile.descriptor(keysOf(index), `127.${index}.0.9`);
  const peers: HostilePeer[] = [hostile.connect()];
  const dialling = new Set(peers);
  const circuits: Spoken[] = [];
  let opened = 10;
  return {
    hostile,
    peers,
    circuits,
    known,
    describe,
    /** One more peer that dials this node: a client, or another node. */
    connect(asNode: boolean): void {
      if (dialling.size >= 4) return;
      const peer = hostile.connect(asNode ? keysOf(1) : "client");
      dialling.add(peer);
      peers.push(peer);
    },
    open(peer: HostilePeer, wished: boolean): void {
      opened += 1;
      // A stalled peer hears no CREATED, and so cannot speak on an onion circuit.
      const keyed = wished || peer.isStalled();
      const id = dialling.has(peer) ? dialled(opened) : opened;
      try {
        const circuit = (keyed ? hostile.openKeyed : hostile.openCircuit)(peer, id);
        circuits.push({ peer, circuit, streams: 0 });
      } catch (error) {
        const answer = peer.received.findLast((cell) => cell.id === id);
        if (keyed || answer?.command === CELL_COMMAND.CREATED) throw error;
      }
    },
  };
}

type World = ReturnType<typeof createWorld>;

const STEPS = [
  "say",
  "say",
  "say",
  "say",
  "say",
  "cell",
  "cell",
  "open",
  "extend",
  "write",
  "consumed",
  "reset",
  "raw",
  "stall",
  "drain",
  "wait",
  "build",
  "build-direct",
  "answer",
  "reply",
  "lost",
  "order",
  "connect",
] as const;

function step(world: World, script: Script): void {
  const { hostile, peers, circuits } = world;
  const kind = script.pick(STEPS);
  const which = script.u8();
  const peer = peers[which % peers.length]!;
  const spoken = circuits[which % (circuits.length || 1)];
  switch (kind) {
    case "say":
    case "extend":
      if (spoken !== undefined) speak(world, script, spoken, kind);
      return;
    case "cell":
    case "reply": {
      if (peer.isClosed()) return;
      const heard = peer.received[script.u8() % (peer.received.length || 1)];
      const id =
        kind === "reply" && heard !== undefined
          ? heard.id
          : [dialled(script.u8()), script.u16()][script.u8() & 1]!;
      const command = anyCellCommand(script);
      const body = (script.u8() & 1) === 0 ? encodeCreateLinkKeyed() : noise(`body ${script.u8()}`, 4096);
      peer.send({ id, command, body: command === CELL_COMMAND.DESTROY ? new Uint8Array(0) : body });
      return;
    }
    case "open":
      if (!peer.isClosed()) world.open(peer, (script.u8() & 1) === 1);
      return;
    case "write": {
      const streamId = script.u8() as StreamId;
      const data = script.bytes(0xffff);
      const input = { type: "write", streamId, data, end: (script.u8() & 1) === 1 } as const;
      hostile.input({ type: "hop", circuit: which, input });
      return;
    }
    case "consumed": {
      const input = { type: kind, streamId: script.u8() as StreamId, cells: script.u8() } as const;
      hostile.input({ type: "hop", circuit: which, input });
      return;
    }
    case "reset":
      hostile.input({
        type: "hop",
        circuit: which,
        input: { type: kind, streamId: script.u8() as StreamId },
      });
      return;
    case "raw":
      if (!peer.isClosed()) peer.sendRaw(noise(`raw ${script.u8()}`, script.u16()));
      return;
    case "stall":
    case "drain":
      if (!peer.isClosed()) peer.stall(kind === "stall");
      return;
    case "wait":
      hostile.advance(script.u16());
      return;
    case "build": {
      const path = Array.from({ length: 1 + (which % 3) }, () => world.describe(2 + (script.u8() % 5)));
      hostile.input({ type: "build", circuit: hostile.machine.newNumber(), path });
      return;
    }
    case "build-direct": {
      const { addresses, nodeId, linkKey } = world.describe(2 + (which % 5));
      const target = { url: addresses[0]!.url, nodeId, linkKey };
      hostile.input({ type: "build-direct", circuit: hostile.machine.newNumber(), target });
      return;
    }
    case "answer": {
      const dial = hostile.dials[which % (hostile.dials.length || 1)];
      if (dial === undefined || peers.some(({ connection }) => connection === dial.connection)) return;
      const asked = Number(/127\.(\d+)\./.exec(dial.url)?.[1] ?? 2);
      const { identity } = keysOf(script.u8() > 200 ? 1 : asked);
      peers.push(hostile.answer(hostile.dials.indexOf(dial), { ...keysOf(asked), identity }));
      return;
    }
    case "lost":
      hostile.input({ type: "lost", connection: which & 7 });
      return;
    case "connect":
      world.connect((which & 1) === 1);
      return;
    case "order": {
      const input = { type: script.pick(["close", "lost", "room", "deadline"] as const) };
      hostile.input({ type: "origin", circuit: which, input });
      return;
    }
  }
}

function speak(world: World, script: Script, spoken: Spoken, kind: "say" | "extend"): void {
  const { peer, circuit } = spoken;
  if (peer.isClosed()) return;
  if (kind === "extend") {
    const index = 2 + (script.u8() % 5);
    const nodeId = idOf(keysOf(index));
    if ((script.u8() & 3) > 0) world.known.add(nodeId);
    const descriptor = (script.u8() & 1) === 0 ? undefined : world.describe(index).bytes;
    const data = encodeExtend({ nodeId, request: noise("request", HOP_REQUEST_BYTES), descriptor });
    peer.send(circuit.cell({ command: RELAY_COMMAND.EXTEND, flags: 0, streamId: 0, data }));
    return;
  }
  const times = (script.u8() & 31) === 31 ? script.u8() : 1;
  const message = anyRelayCell(script, spoken.streams);
  for (let i = 0; i < times && message !== undefined && !peer.isClosed(); i++) {
    const opens = message.command === RELAY_COMMAND.OPEN && message.streamId === spoken.streams;
    if (opens) spoken.streams += 1;
    const cell = circuit.cellOrNothing(opens ? { ...message, streamId: spoken.streams } : message);
    if (cell !== undefined) peer.send(cell);
  }
}

/** All ends, each circuit once, and nothing is left that wants time. */
function mustEnd({ hostile }: World): void {
  const { machine, news } = hostile;
  const began = new Set(news.flatMap((one) => (one.type === "hop" ? [one.circuit] : [])));
  for (let connection = 1; connection < 300; connection++) hostile.input({ type: "lost", connection });
  const ended = news.flatMap((one) => (one.type === "hop-closed" ? [one.circuit] : []));
  must(ended.length === new Set(ended).size, "a circuit ends twice");
  must(
    [...began].every((circuit) => ended.includes(circuit)),
    "a circuit never ends",
  );
  must(machine.linkCount === 0, "a link stays behind its connection");
  for (let i = 0; i < 4; i++) hostile.advance(60_000);
  must(machine.nextDeadline() === undefined, "a deadline stays when nothing is left");
  const before = news.length;
  hostile.advance(600_000);
  must(news.length === before, "something happens when nothing is left");
}

const at = (kind: (typeof STEPS)[number]): number => STEPS.indexOf(kind);

/** A whole node under peers that keep the link's rules and no others. */
export const node: FuzzTarget = {
  name: "node",
  covers: [],
  maxBytes: 300,
  seeds: () => [
    Uint8Array.of(at("say"), 0, 0, 0, 0, 128, 1, 2, at("write"), 5, 1, 1, 0, 0, 7, 1, at("wait"), 9, 9),
    Uint8Array.of(at("extend"), 1, 0, 1, 0, at("answer"), 0, 0, at("reply"), 1, 0, 2, 1, 1, 5),
    Uint8Array.of(at("build"), 2, 0, 1, 2, at("answer"), 0, 0, at("reply"), 1, 0, 2, 1, 1, at("order"), 7, 0),
    Uint8Array.of(
      at("build-direct"),
      1,
      at("answer"),
      0,
      0,
      at("stall"),
      1,
      at("open"),
      1,
      1,
      at("drain"),
      1,
    ),
    Uint8Array.of(
      at("extend"),
      1,
      0,
      0,
      0,
      at("extend"),
      1,
      0,
      0,
      1,
      at("wait"),
      255,
      255,
      at("raw"),
      0,
      0,
      9,
      9,
    ),
    Uint8Array.of(
      at("connect"),
      1,
      at("open"),
      1,
      0,
      at("connect"),
      0,
      at("open"),
      2,
      1,
      at("extend"),
      2,
      0,
      1,
      1,
    ),
  ],
  run(bytes) {
    const script = createScript(bytes);
    const world = createWorld();
    for (const keyed of [true, false]) world.open(world.peers[0]!, keyed);
    let connected = true;
    while (!script.ended && connected) {
      step(world, script);
      must(
        world.hostile.machine.linkCount <= world.peers.length + MAX_PENDING_DIALS,
        "more links than may be",
      );
      connected = world.hostile.dials.length < 200;
    }
    const faults = world.hostile.news.flatMap((one) => (one.type === "fault" ? [one.error] : []));
    if (faults.length > 0) throw faults[0];
    mustEnd(world);
  },
};
