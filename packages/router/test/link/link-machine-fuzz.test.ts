import { CELL_BYTES, HANDSHAKE_MESSAGE_BYTES } from "@umbel/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LinkEffect, LinkInput } from "../../src/link/link-machine.ts";
import {
  deliver,
  initiatorOf,
  openPair,
  relayCell,
  responderOf,
  sent,
  typesOf,
} from "../support/link-pair.ts";

const FLUSH: LinkInput = { type: "flush" };

/** Lengths a hostile peer would try, filled from a short seed. */
const message = fc
  .tuple(
    fc.oneof(
      fc.nat(100),
      fc.constantFrom(HANDSHAKE_MESSAGE_BYTES - 1, HANDSHAKE_MESSAGE_BYTES, HANDSHAKE_MESSAGE_BYTES + 1),
      fc.integer({ min: 1, max: 16 }).map((cells) => cells * CELL_BYTES + 16),
    ),
    fc.uint8Array({ minLength: 1, maxLength: 64 }),
  )
  .map(([length, seed]) => new Uint8Array(length).map((_, at) => seed[at % seed.length]! ^ (at >> 6)));

describe("a link under hostile messages", () => {
  it.each([
    ["a responder that waits for a handshake", () => responderOf()],
    [
      "an initiator that waits for its answer",
      () => {
        const link = initiatorOf();
        link.handle({ type: "opened" }, 0);
        return link;
      },
    ],
    ["an open link", () => openPair().responder],
  ])("%s delivers nothing and ends quietly, at once or at its deadline", (_, make) => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 3 }), (messages) => {
        const link = make();
        const effects: LinkEffect[] = [];
        for (const bytes of messages) effects.push(...link.handle({ type: "message", bytes }, 0));
        const types = new Set(typesOf(effects));
        expect(types.has("cells")).toBe(false);
        expect(types.has("established")).toBe(false);
        // An XX first message has no key yet: noise may pass for one, and is found out at message 3.
        expect(sent(effects).length).toBeLessThanOrEqual(1);
        if (link.nextDeadline() === undefined) expect(effects.at(-1)).toEqual({ type: "closed" });
        else expect(link.handle({ type: "deadline" }, link.nextDeadline()!)).toEqual([{ type: "closed" }]);
      }),
      { numRuns: 15 },
    );
  });

  it("a record changed anywhere never reaches an effect, whatever was delivered before", () => {
    const change = fc.record({
      before: fc.nat(2),
      cells: fc.integer({ min: 1, max: 15 }),
      at: fc.nat(),
      bit: fc.nat(7),
    });
    fc.assert(
      fc.property(change, ({ before, cells, at, bit }) => {
        const { initiator, responder } = openPair();
        for (let record = 0; record < before; record++) {
          initiator.handle(relayCell(1, record), 0);
          expect(typesOf(deliver(responder, initiator.handle(FLUSH, 0)))).toEqual(["cells"]);
        }
        for (let mark = 0; mark < cells; mark++) initiator.handle(relayCell(1, mark), 0);
        const [record] = sent(initiator.handle(FLUSH, 0)) as [Uint8Array];
        record[at % record.length]! ^= 1 << bit;
        expect(responder.handle({ type: "message", bytes: record }, 0)).toEqual([{ type: "closed" }]);
        initiator.handle(relayCell(1), 0);
        expect(deliver(responder, initiator.handle(FLUSH, 0))).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it("inputs in any order keep the rules: one end, nothing after it, cells only once established", () => {
    const local = fc.constantFrom<LinkInput["type"]>(
      "opened",
      "flush",
      "blocked",
      "drained",
      "deadline",
      "close",
      "lost",
    );
    const input = fc.oneof(
      { weight: 4, arbitrary: local.map((type) => ({ type }) as LinkInput) },
      { weight: 3, arbitrary: fc.integer({ min: 1, max: 3 }).map((circuit) => relayCell(circuit)) },
      { weight: 4, arbitrary: fc.constant("from peer" as const) },
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(input, fc.nat(4000)), { maxLength: 30 }), (steps) => {
        const link = initiatorOf();
        const peer = responderOf();
        const inbox: Uint8Array[] = [];
        const seen: string[] = [];
        let now = 0;
        for (const [next, later] of steps) {
          now += later;
          const bytes = next === "from peer" ? inbox.shift() : undefined;
          if (next === "from peer" && bytes === undefined) continue;
          const effects = link.handle(
            bytes === undefined ? (next as LinkInput) : { type: "message", bytes },
            now,
          );
          seen.push(...typesOf(effects));
          for (const answer of sent(effects))
            inbox.push(...sent(peer.handle({ type: "message", bytes: answer }, now)));
        }
        const end = seen.indexOf("closed");
        if (end >= 0) expect(seen.slice(end)).toEqual(["closed"]);
        expect(seen.filter((type) => type === "established").length).toBeLessThanOrEqual(1);
        expect(link.nextDeadline() === undefined).toBe(end >= 0);
      }),
      { numRuns: 60 },
    );
  });
});
