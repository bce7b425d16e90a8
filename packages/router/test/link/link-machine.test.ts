import {
  CELL_BYTES,
  CELL_COMMAND,
  type CircuitId,
  type CryptoProvider,
  cellBody,
  cellCircuitId,
  HANDSHAKE_MESSAGE_BYTES,
  MAX_RECORD_CELLS,
  writeCell,
} from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import {
  LINK_HANDSHAKE_TIMEOUT_MS,
  LINK_KEEPALIVE_MS,
  LINK_SILENCE_MS,
  MAX_QUEUED_CELLS_PER_CIRCUIT,
  MAX_QUEUED_DESTROYS,
  MAX_RECORDS_PER_FLUSH,
} from "../../src/limits.ts";
import type { LinkEffect, LinkInput } from "../../src/link/link-machine.ts";
import {
  credentialsOf,
  deliver,
  initiatorOf,
  openPair,
  relayCell,
  responderOf,
  sent,
  typesOf,
} from "../support/link-pair.ts";

const FLUSH: LinkInput = { type: "flush" };
const DESTROY = { command: CELL_COMMAND.DESTROY, body: new Uint8Array(0) } as const;

/** "circuit:mark" of every cell that is delivered. */
function delivered(effects: readonly LinkEffect[]): string[] {
  const cells: string[] = [];
  for (const effect of effects) {
    if (effect.type !== "cells") continue;
    for (let at = 0; at < effect.cells.length; at += CELL_BYTES) {
      const body = cellBody(effect.cells, at);
      cells.push(`${cellCircuitId(effect.cells, at)}:${(body[0]! << 8) | body[1]!}`);
    }
  }
  return cells;
}

/** A pair whose initiator seals any run at all, well or badly formed, into a record. */
function lyingPair() {
  let forged: Uint8Array | undefined;
  let forgery: Uint8Array = new Uint8Array(0);
  const { chacha20Poly1305 } = nodeProvider;
  const crypto: CryptoProvider = {
    ...nodeProvider,
    chacha20Poly1305: {
      ...chacha20Poly1305,
      sealInPlace(key, nonce, data, message) {
        if (forged === undefined) chacha20Poly1305.sealInPlace(key, nonce, data, message);
        else forgery = chacha20Poly1305.seal(key, nonce, data, forged);
      },
    },
  };
  const { initiator, responder } = openPair(0, { crypto });
  return {
    responder,
    record(run: Uint8Array): Uint8Array {
      forged = run;
      initiator.handle(relayCell(1), 0);
      initiator.handle(FLUSH, 0);
      return forgery;
    },
  };
}

describe("the handshake of a link", () => {
  it("takes three messages of one length, then both ends are established, each knowing the other", () => {
    const credentials = credentialsOf("node");
    const initiator = initiatorOf();
    const responder = responderOf({ credentials });
    const first = initiator.handle({ type: "opened" }, 0);
    const second = deliver(responder, first);
    const third = deliver(initiator, second);
    const last = deliver(responder, third);
    expect([first, second, third, last].map(typesOf)).toEqual([
      ["send"],
      ["send"],
      ["send", "established"],
      ["established"],
    ]);
    for (const effects of [first, second, third])
      expect(sent(effects)[0]!.length).toBe(HANDSHAKE_MESSAGE_BYTES);
    expect(third[1]).toMatchObject({ peer: { kind: "node", identityKey: credentials.identity!.publicKey } });
    expect(last[0]).toMatchObject({ peer: { kind: "client" } });
  });

  it("works the same where the initiator knows the link key", () => {
    const credentials = credentialsOf("node");
    const role = { kind: "initiator", expected: { linkKey: credentials.linkKey.publicKey } } as const;
    const initiator = initiatorOf({ role });
    const responder = responderOf({ credentials });
    const second = deliver(responder, initiator.handle({ type: "opened" }, 0));
    const last = deliver(responder, deliver(initiator, second));
    expect(typesOf(last)).toEqual(["established"]);
  });

  it("cells that were queued meanwhile leave right after it", () => {
    const initiator = initiatorOf();
    const responder = responderOf();
    expect(initiator.handle(relayCell(1, 5), 0)).toEqual([]);
    const first = initiator.handle({ type: "opened" }, 0);
    expect(initiator.handle(FLUSH, 0)).toEqual([]);
    const third = deliver(initiator, deliver(responder, first));
    expect(typesOf(third)).toEqual(["send", "established", "flush"]);
    deliver(responder, third);
    expect(delivered(deliver(responder, initiator.handle(FLUSH, 0)))).toEqual(["1:5"]);
  });

  it.each([
    ["another network", { network: new Uint8Array(32) }],
    [
      "another link key than expected",
      { role: { kind: "initiator", expected: { linkKey: credentialsOf("node").linkKey.publicKey } } },
    ],
    [
      "another node than expected",
      { role: { kind: "initiator", expected: { nodeId: "a".repeat(52) as never } } },
    ],
  ] as const)("ends in one way, without a word, with %s", (_, options) => {
    const initiator = initiatorOf(options);
    const responder = responderOf();
    let effects = deliver(responder, initiator.handle({ type: "opened" }, 0));
    if (sent(effects).length > 0) effects = deliver(initiator, effects);
    expect(effects).toEqual([{ type: "closed" }]);
  });

  it("a client that is dialled does not pass for a node", () => {
    const initiator = initiatorOf();
    const responder = responderOf({ credentials: credentialsOf("client") });
    const effects = deliver(initiator, deliver(responder, initiator.handle({ type: "opened" }, 0)));
    expect(effects).toEqual([{ type: "closed" }]);
  });

  it.each(["first", "second", "third"])("a byte changed in the %s message ends the link", (which) => {
    const initiator = initiatorOf();
    const responder = responderOf();
    const flip = (effects: readonly LinkEffect[], now: boolean) => {
      if (now) sent(effects)[0]![100]! ^= 1;
      return effects;
    };
    const first = flip(initiator.handle({ type: "opened" }, 0), which === "first");
    const second = deliver(responder, first);
    if (which === "first" && typesOf(second)[0] === "closed") return;
    const third = deliver(initiator, flip(second, which === "second"));
    if (which !== "third") return expect(third).toEqual([{ type: "closed" }]);
    expect(deliver(responder, flip(third, true))).toEqual([{ type: "closed" }]);
  });

  it("has its time: at the deadline the link ends, a millisecond earlier it does not", () => {
    for (const link of [initiatorOf(), responderOf()]) {
      expect(link.nextDeadline()).toBe(LINK_HANDSHAKE_TIMEOUT_MS);
      expect(link.handle({ type: "deadline" }, LINK_HANDSHAKE_TIMEOUT_MS - 1)).toEqual([]);
      expect(link.handle({ type: "deadline" }, LINK_HANDSHAKE_TIMEOUT_MS)).toEqual([{ type: "closed" }]);
      expect(link.nextDeadline()).toBeUndefined();
    }
  });
});

describe("records", () => {
  it("cells of one turn leave as one record, asked for once", () => {
    const { initiator, responder } = openPair();
    const asked = Array.from({ length: 5 }, (_, mark) => initiator.handle(relayCell(1, mark), 0));
    expect(asked.map(typesOf)).toEqual([["flush"], [], [], [], []]);
    const effects = initiator.handle(FLUSH, 0);
    expect(sent(effects).map(({ length }) => length)).toEqual([5 * CELL_BYTES + 16]);
    expect(delivered(deliver(responder, effects))).toEqual(["1:0", "1:1", "1:2", "1:3", "1:4"]);
    expect(typesOf(initiator.handle(relayCell(1, 5), 0))).toEqual(["flush"]);
  });

  it("carry 1 to 15 cells, both ways", () => {
    const { initiator, responder } = openPair();
    for (const [from, to] of [
      [initiator, responder],
      [responder, initiator],
    ] as const) {
      for (let mark = 0; mark < 31; mark++) from.handle(relayCell(1, mark), 0);
      const effects = from.handle(FLUSH, 0);
      expect(sent(effects).map(({ length }) => (length - 16) / CELL_BYTES)).toEqual([15, 15, 1]);
      expect(delivered(deliver(to, effects))).toEqual(Array.from({ length: 31 }, (_, mark) => `1:${mark}`));
    }
  });

  it("one flush hands over so many, and asks for the next turn when more wait", () => {
    const { initiator } = openPair();
    const cells = MAX_RECORDS_PER_FLUSH * MAX_RECORD_CELLS;
    for (let mark = 0; mark <= cells; mark++) initiator.handle(relayCell(1, mark), 0);
    const effects = initiator.handle(FLUSH, 0);
    expect(sent(effects)).toHaveLength(MAX_RECORDS_PER_FLUSH);
    expect(typesOf(effects).at(-1)).toBe("flush");
    expect(typesOf(initiator.handle(FLUSH, 0))).toEqual(["send"]);
  });

  it("nothing leaves while the connection is blocked, and everything once it drained", () => {
    const { initiator, responder } = openPair();
    initiator.handle({ type: "blocked" }, 0);
    expect(initiator.handle(relayCell(1, 0), 0)).toEqual([]);
    expect(initiator.handle(FLUSH, 0)).toEqual([]);
    initiator.handle(relayCell(1, 1), 0);
    expect(initiator.queuedFor(1 as CircuitId)).toBe(2);
    const effects = initiator.handle({ type: "drained" }, 0);
    expect(delivered(deliver(responder, effects))).toEqual(["1:0", "1:1"]);
  });

  it("a flush that was asked for before the connection blocked is asked for again after", () => {
    const { initiator } = openPair();
    initiator.handle(relayCell(1, 0), 0);
    initiator.handle({ type: "blocked" }, 0);
    initiator.handle(FLUSH, 0);
    expect(typesOf(initiator.handle({ type: "drained" }, 0))).toEqual(["send"]);
    expect(typesOf(initiator.handle(relayCell(1, 1), 0))).toEqual(["flush"]);
  });

  it.each([
    ["nothing", 0],
    ["a tag alone", 16],
    ["a cell without its tag", CELL_BYTES],
    ["a byte less than a cell", CELL_BYTES + 15],
    ["a byte more than a cell", CELL_BYTES + 17],
    ["sixteen cells", 16 * CELL_BYTES + 16],
  ])("a message of %s ends the link", (_, length) => {
    const { responder } = openPair();
    const effects = responder.handle({ type: "message", bytes: new Uint8Array(length) }, 0);
    expect(effects).toEqual([{ type: "closed" }]);
  });

  it.each([
    ["repeated", (records: Uint8Array[]) => [records[0]!, records[0]!.slice()]],
    ["left out", (records: Uint8Array[]) => [records[1]!]],
    ["swapped with the next", (records: Uint8Array[]) => [records[1]!, records[0]!]],
  ])("a record that is %s ends the link", (_, tamper) => {
    const { initiator, responder } = openPair();
    const records = [0, 1].map((mark) => {
      initiator.handle(relayCell(1, mark), 0);
      return sent(initiator.handle(FLUSH, 0))[0]!.slice();
    });
    const effects = tamper(records).flatMap((bytes) => [...responder.handle({ type: "message", bytes }, 0)]);
    expect(effects.at(-1)).toEqual({ type: "closed" });
    expect(delivered(effects).length).toBeLessThan(2);
  });

  it("the forger of these tests is believed when what it seals is right", () => {
    const pair = lyingPair();
    const run = new Uint8Array(CELL_BYTES);
    writeCell(run, 0, 9, CELL_COMMAND.RELAY, Uint8Array.of(1));
    expect(typesOf(pair.responder.handle({ type: "message", bytes: pair.record(run) }, 0))).toEqual([
      "cells",
    ]);
  });

  it.each([
    ["RELAY without a circuit", 0, CELL_COMMAND.RELAY, 0],
    ["DESTROY without a circuit", 0, CELL_COMMAND.DESTROY, 0],
    ["PADDING of a circuit", 1, CELL_COMMAND.PADDING, 0],
    ["DESTROY with a body", 1, CELL_COMMAND.DESTROY, 1],
    ["PADDING with a body", 0, CELL_COMMAND.PADDING, 1],
    ["an unknown command", 1, 5 as never, 0],
  ])(
    "a well-sealed record with %s ends the link, and none of its cells is delivered",
    (_, circuit, command, mark) => {
      const pair = lyingPair();
      const run = new Uint8Array(2 * CELL_BYTES);
      writeCell(run, 0, 9, CELL_COMMAND.RELAY, Uint8Array.of(1));
      writeCell(run, CELL_BYTES, circuit, command, Uint8Array.of(mark));
      const bytes = pair.record(run);
      expect(pair.responder.handle({ type: "message", bytes }, 0)).toEqual([{ type: "closed" }]);
    },
  );
});

describe("time on an open link between two nodes", () => {
  const openNodes = () => openPair(0, { credentials: credentialsOf("node") });

  it("a silent link sends one PADDING cell per interval, which its peer takes for life and nothing else", () => {
    const { initiator, responder } = openNodes();
    expect(initiator.nextDeadline()).toBe(LINK_KEEPALIVE_MS);
    expect(initiator.handle({ type: "deadline" }, LINK_KEEPALIVE_MS - 1)).toEqual([]);
    const effects = initiator.handle({ type: "deadline" }, LINK_KEEPALIVE_MS);
    expect(sent(effects).map(({ length }) => length)).toEqual([CELL_BYTES + 16]);
    expect(delivered(deliver(responder, effects, LINK_KEEPALIVE_MS))).toEqual(["0:0"]);
    expect(initiator.nextDeadline()).toBe(2 * LINK_KEEPALIVE_MS);
  });

  it("a link that sends needs no padding", () => {
    const { initiator } = openNodes();
    initiator.handle(relayCell(1), LINK_KEEPALIVE_MS - 1);
    initiator.handle(FLUSH, LINK_KEEPALIVE_MS - 1);
    expect(initiator.handle({ type: "deadline" }, LINK_KEEPALIVE_MS)).toEqual([]);
    expect(initiator.nextDeadline()).toBe(2 * LINK_KEEPALIVE_MS - 1);
  });

  it("traffic never moves the deadline earlier", () => {
    const { initiator, responder } = openNodes();
    const before = responder.nextDeadline();
    initiator.handle(relayCell(1), 100);
    deliver(responder, initiator.handle(FLUSH, 100), 100);
    expect(responder.nextDeadline()).toBe(before);
  });

  it("a peer that is silent for too long loses the link, one that speaks keeps it", () => {
    const { initiator, responder } = openNodes();
    let now = 0;
    for (; now < 5 * LINK_SILENCE_MS; now = initiator.nextDeadline()!) {
      const effects = initiator.handle({ type: "deadline" }, now);
      expect(typesOf(effects)).not.toContain("closed");
      deliver(responder, effects, now);
      deliver(initiator, responder.handle({ type: "deadline" }, now), now);
    }
    const last = now;
    let effects: readonly LinkEffect[] = [];
    for (; typesOf(effects).at(-1) !== "closed"; now = initiator.nextDeadline() ?? now) {
      effects = initiator.handle({ type: "deadline" }, now);
    }
    expect(now - last).toBeGreaterThan(LINK_SILENCE_MS - 2 * LINK_KEEPALIVE_MS);
    expect(now - last).toBeLessThanOrEqual(LINK_SILENCE_MS);
  });

  it("noise is not a sign of life", () => {
    const { responder } = openPair();
    expect(responder.handle({ type: "message", bytes: new Uint8Array(CELL_BYTES + 16) }, 50)).toEqual([
      { type: "closed" },
    ]);
  });

  it("a blocked link is not padded", () => {
    const { initiator } = openNodes();
    initiator.handle({ type: "blocked" }, 0);
    expect(initiator.handle({ type: "deadline" }, LINK_KEEPALIVE_MS)).toEqual([]);
    expect(initiator.nextDeadline()).toBe(2 * LINK_KEEPALIVE_MS);
  });
});

describe("the end of a link", () => {
  it.each(["close", "lost"] as const)("after %s nothing comes out, and nothing goes in", (type) => {
    const { initiator, responder } = openPair();
    responder.handle(relayCell(1), 0);
    const record = sent(responder.handle(FLUSH, 0))[0]!;
    initiator.handle(relayCell(1), 0);
    expect(initiator.handle({ type }, 0)).toEqual([{ type: "closed" }]);
    expect(initiator.nextDeadline()).toBeUndefined();
    expect(initiator.wouldRefuse(1 as CircuitId, CELL_COMMAND.RELAY)).toBe(false);
    const inputs: LinkInput[] = [
      { type: "opened" },
      { type: "message", bytes: record },
      relayCell(1),
      FLUSH,
      { type: "blocked" },
      { type: "drained" },
      { type: "deadline" },
      { type: "close" },
      { type: "lost" },
    ];
    for (const input of inputs) expect(initiator.handle(input, 10 * LINK_SILENCE_MS)).toEqual([]);
  });

  it("an initiator that hears something before its connection is up ends the link", () => {
    const bytes = new Uint8Array(HANDSHAKE_MESSAGE_BYTES);
    expect(initiatorOf().handle({ type: "message", bytes }, 0)).toEqual([{ type: "closed" }]);
  });

  it("a queue that is full says so; a cell that is pushed all the same is our own mistake", () => {
    const { initiator } = openPair();
    initiator.handle({ type: "blocked" }, 0);
    for (let mark = 0; mark < MAX_QUEUED_CELLS_PER_CIRCUIT; mark++) initiator.handle(relayCell(1, mark), 0);
    expect(initiator.wouldRefuse(1 as CircuitId, CELL_COMMAND.RELAY)).toBe(true);
    expect(initiator.wouldRefuse(1 as CircuitId, CELL_COMMAND.DESTROY)).toBe(false);
    expect(() => initiator.handle(relayCell(1), 0)).toThrow("refused");
  });

  it("a peer that makes us owe more DESTROYs than it may have circuits loses the link", () => {
    const { initiator } = openPair();
    initiator.handle({ type: "blocked" }, 0);
    for (let circuit = 1; circuit <= MAX_QUEUED_DESTROYS; circuit++) {
      expect(initiator.handle({ type: "cell", circuitId: circuit as CircuitId, ...DESTROY }, 0)).toEqual([]);
    }
    const circuitId = (MAX_QUEUED_DESTROYS + 1) as CircuitId;
    expect(initiator.handle({ type: "cell", circuitId, ...DESTROY }, 0)).toEqual([{ type: "closed" }]);
  });

  it("holds no cells any more", () => {
    const { initiator } = openPair();
    for (let mark = 0; mark < 9; mark++) initiator.handle(relayCell(1, mark), 0);
    expect(initiator.queuedFor(1 as CircuitId)).toBe(9);
    initiator.handle({ type: "lost" }, 0);
    expect(initiator.queuedFor(1 as CircuitId)).toBe(0);
  });
});
