import {
  AEAD_TAG_BYTES,
  assertCells,
  CELL_BYTES,
  CELL_COMMAND,
  type CellCommand,
  type CircuitId,
  cellBody,
  cellCircuitId,
  cellCommand,
  HANDSHAKE_MESSAGE_BYTES,
  MAX_RECORD_BYTES,
} from "@umbel/core";
import { MAX_QUEUED_CELLS_PER_CIRCUIT } from "../../../packages/router/src/limits.ts";
import {
  type LinkEffect,
  type LinkInput,
  LinkMachine,
} from "../../../packages/router/src/link/link-machine.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";
import { createScript, type Script } from "../script.ts";
import { type FuzzTarget, must } from "../target.ts";
import { crypto, keysOf, network, noise } from "./fixed.ts";

interface Side {
  readonly machine: LinkMachine;
  /** Messages on their way to this side. */
  readonly inbox: Uint8Array[];
  /** Marks of the cells that this side sent, and the last one that it received, by circuit. */
  readonly sent: Set<string>;
  readonly heard: Map<number, number>;
  established: boolean;
  ended: boolean;
}

/** Two links, joined by whoever reads the script. `session` names the randomness: two sessions have no key in common. */
function createPair(pattern: number, session: string): readonly [Side, Side] {
  const [client, node] = [keysOf(0), keysOf(1)];
  const expected = pattern === 0 ? {} : { linkKey: node.linkKey.publicKey };
  const shared = { crypto, network: network.id, now: 0 };
  const side = (machine: LinkMachine): Side => ({
    machine,
    inbox: [],
    sent: new Set(),
    heard: new Map(),
    established: false,
    ended: false,
  });
  const initiator = new LinkMachine({
    ...shared,
    random: createSeededRandom(`${session} initiator`),
    credentials: { linkKey: client.linkKey, features: 0 },
    role: { kind: "initiator", expected },
  });
  const responder = new LinkMachine({
    ...shared,
    random: createSeededRandom(`${session} responder`),
    credentials: { linkKey: node.linkKey, identity: node.identity, features: 0 },
    role: { kind: "responder" },
  });
  return [side(initiator), side(responder)];
}

/** What the sides do and must not do. `tampered` is set once a message was changed, dropped, repeated or moved. */
function createWorld(pattern: number) {
  const sides = createPair(pattern, "fuzz link");
  let now = 0;
  let mark = 0;

  function perform(who: number, effect: LinkEffect): void {
    const [side, peer] = [sides[who]!, sides[1 - who]!];
    must(!side.ended, "an effect behind the end");
    switch (effect.type) {
      case "send":
        must(isWhole(effect.bytes.length), "a message of a length that no link sends");
        peer.inbox.push(effect.bytes);
        return;
      case "established":
        must(!side.established, "established twice");
        side.established = true;
        return;
      case "cells":
        must(side.established, "cells before the peer is known");
        assertCells(effect.cells);
        for (let at = 0; at < effect.cells.length; at += CELL_BYTES) hear(side, peer, effect.cells, at);
        return;
      case "flush":
        must(side.established, "a flush with nothing to send");
        return;
      case "closed":
        side.ended = true;
    }
  }

  /** Each cell was sent by the peer, and comes once, in the order of its circuit. */
  function hear(side: Side, peer: Side, run: Uint8Array, at: number): void {
    const circuit = cellCircuitId(run, at);
    if (cellCommand(run, at) !== CELL_COMMAND.RELAY) return;
    const number = new DataView(cellBody(run, at).slice().buffer).getUint32(0);
    must(peer.sent.has(`${circuit} ${number}`), "a cell that nobody sent");
    must(number > (side.heard.get(circuit) ?? -1), "a cell comes again, or too late");
    side.heard.set(circuit, number);
  }

  return {
    sides,
    input(who: number, input: LinkInput): void {
      const { machine } = sides[who]!;
      for (const effect of machine.handle(input, now)) perform(who, effect);
      must(
        sides[who]!.ended === (machine.nextDeadline() === undefined),
        "a deadline behind the end, or none before",
      );
    },
    cells(who: number, circuit: number, command: CellCommand, count: number): void {
      const { machine, sent } = sides[who]!;
      for (let i = 0; i < count; i++) {
        if (machine.wouldRefuse(circuit as CircuitId, command)) break;
        mark += 1;
        const body = new Uint8Array(4);
        new DataView(body.buffer).setUint32(0, mark);
        sent.add(`${circuit} ${mark}`);
        const empty = command === CELL_COMMAND.DESTROY ? new Uint8Array(0) : body;
        this.input(who, { type: "cell", circuitId: circuit as CircuitId, command, body: empty });
        must(machine.queuedFor(circuit as CircuitId) <= MAX_QUEUED_CELLS_PER_CIRCUIT, "a queue past its cap");
      }
    },
    wait(ms: number): void {
      now += ms;
      this.input(0, { type: "deadline" });
      this.input(1, { type: "deadline" });
    },
  };
}

function isWhole(length: number): boolean {
  if (length === HANDSHAKE_MESSAGE_BYTES) return true;
  return (
    length <= MAX_RECORD_BYTES && length > AEAD_TAG_BYTES && (length - AEAD_TAG_BYTES) % CELL_BYTES === 0
  );
}

/** Messages of another session between the same two nodes, in both directions: handshake, then records. */
let recorded: Uint8Array[] | undefined;

function otherSession(): Uint8Array[] {
  if (recorded !== undefined) return recorded;
  const messages: Uint8Array[] = [];
  const pair = createPair(1, "another session");
  let waiting: [number, readonly LinkEffect[]][] = [[0, pair[0].machine.handle({ type: "opened" }, 0)]];
  for (let round = 0; round < 4; round++) {
    const next: typeof waiting = [];
    for (const [who, effects] of waiting) {
      for (const effect of effects) {
        if (effect.type !== "send") continue;
        messages.push(effect.bytes.slice());
        next.push([1 - who, pair[1 - who]!.machine.handle({ type: "message", bytes: effect.bytes }, 0)]);
      }
    }
    waiting = next;
  }
  for (const { machine } of pair) {
    machine.handle(
      { type: "cell", circuitId: 1 as CircuitId, command: CELL_COMMAND.RELAY, body: new Uint8Array(4) },
      0,
    );
    for (const effect of machine.handle({ type: "flush" }, 0))
      if (effect.type === "send") messages.push(effect.bytes);
  }
  recorded = messages;
  return messages;
}

const STEPS = [
  "deliver",
  "deliver",
  "deliver",
  "deliver",
  "all",
  "opened",
  "flush",
  "flush",
  "cells",
  "cells",
  "wait",
  "blocked",
  "drained",
  "change",
  "cut",
  "repeat",
  "swap",
  "lose",
  "stranger",
  "other-session",
  "back",
  "close",
  "lost",
] as const;

function step(world: ReturnType<typeof createWorld>, script: Script): void {
  const kind = script.pick(STEPS);
  const who = script.u8() & 1;
  const { inbox } = world.sides[who]!;
  const take = (bytes: Uint8Array | undefined): void => {
    if (bytes !== undefined) world.input(who, { type: "message", bytes: bytes.slice() });
  };
  switch (kind) {
    case "deliver":
      take(inbox.shift());
      return;
    case "all":
      for (let turn = 0; turn < 8; turn++) {
        for (const [at, side] of world.sides.entries()) {
          for (const bytes of side.inbox.splice(0)) world.input(at, { type: "message", bytes });
          world.input(at, { type: "flush" });
        }
      }
      return;
    case "opened":
    case "flush":
    case "blocked":
    case "drained":
    case "close":
    case "lost":
      world.input(who, { type: kind });
      return;
    case "cells": {
      const command = script.pick([CELL_COMMAND.RELAY, CELL_COMMAND.RELAY, CELL_COMMAND.DESTROY]);
      world.cells(who, 1 + (script.u8() & 3), command, 1 + script.u8() * (script.u8() & 7));
      return;
    }
    case "wait":
      world.wait(script.u16() * 2);
      return;
    case "change": {
      const bytes = inbox.shift();
      if (bytes !== undefined) bytes[script.u16() % bytes.length]! ^= 1 << (script.u8() & 7);
      take(bytes);
      return;
    }
    case "cut": {
      const bytes = inbox.shift();
      const cut = script.u16();
      take(bytes?.subarray(0, bytes.length - (cut % bytes.length)));
      return;
    }
    case "repeat":
      if (inbox[0] !== undefined) inbox.unshift(inbox[0].slice());
      return;
    case "swap":
      inbox.push(...inbox.splice(0, 1));
      return;
    case "lose":
      inbox.shift();
      return;
    case "stranger": {
      const cells = script.u8() % 16;
      const length = [HANDSHAKE_MESSAGE_BYTES, cells * CELL_BYTES + AEAD_TAG_BYTES, script.u16()][
        script.u8() % 3
      ]!;
      take(noise(`stranger ${script.u8()}`, length));
      return;
    }
    case "other-session": {
      const messages = otherSession();
      take(messages[script.u8() % messages.length]);
      return;
    }
    case "back":
      // A side gets a message that it sent itself.
      take(world.sides[1 - who]!.inbox.shift());
      return;
  }
}

const at = (kind: (typeof STEPS)[number]): number => STEPS.indexOf(kind);

/** Two links of one connection, and whoever stands between them. */
export const link: FuzzTarget = {
  name: "link",
  covers: [],
  maxBytes: 200,
  seeds: () => {
    const open = [at("opened"), 0, at("all"), 0];
    const some = [at("cells"), 0, 0, 1, 20, 1, at("flush"), 0];
    return [
      Uint8Array.of(0, ...open, ...some, at("all"), 0, at("wait"), 0, 99, 99),
      Uint8Array.of(1, ...open, ...some, at("swap"), 1, at("deliver"), 1),
      Uint8Array.of(1, ...open, ...some, at("repeat"), 1, 0, 1, 0, 1),
      Uint8Array.of(
        1,
        ...open,
        at("cells"),
        1,
        1,
        1,
        255,
        7,
        at("blocked"),
        1,
        at("cells"),
        1,
        2,
        1,
        9,
        1,
        at("drained"),
        1,
      ),
      Uint8Array.of(1, at("opened"), 0, at("other-session"), 1, 0, at("change"), 0, 9, 9, 1),
      Uint8Array.of(0, ...open, at("other-session"), 1, 3),
      Uint8Array.of(0, ...open, ...some, at("cut"), 1, 0, 17),
    ];
  },
  run(bytes) {
    const script = createScript(bytes);
    const world = createWorld(script.u8() & 1);
    for (let behind = 0; !script.ended && behind < 5; ) {
      step(world, script);
      if (world.sides.every(({ ended }) => ended)) behind += 1;
    }
  },
};
