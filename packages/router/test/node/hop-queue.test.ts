import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  HANDSHAKE_BURST_PER_CLIENT_LINK,
  HANDSHAKE_BURST_PER_NODE_LINK,
  HANDSHAKE_WAIT_MS,
  HANDSHAKES_PER_SECOND_PER_CLIENT_LINK,
  HANDSHAKES_PER_SECOND_PER_NODE_LINK,
  MAX_ANSWERS_AT_WORK,
  MAX_BIDS_AT_WORK,
  MAX_HANDSHAKES_PER_CLIENT_LINK,
  MAX_HANDSHAKES_PER_NODE_LINK,
  MAX_RANKED_HANDSHAKES,
  MAX_SPENT_BIDS,
  MAX_UNREAD_HANDSHAKES,
} from "../../src/limits.ts";
import {
  type HandshakeSource,
  HopQueue,
  type HopQueueEffect,
  type HopQueueInput,
} from "../../src/node/hop-queue.ts";
import type { HopWorkResult } from "../../src/node/hop-responder.ts";
import { createSpentBids } from "../../src/node/spent-bids.ts";

const layer = { key: new Uint8Array(32), tag: new Uint8Array(16), chain: new Uint8Array(16) };
const ANSWER: HopWorkResult & { readonly type: "answer" } = {
  ...{ type: "answer", reply: new Uint8Array(1), keys: { forward: layer, backward: layer } },
};
const hop = { network: new Uint8Array(32), nodeId: "n" as never, hopKeys: [] };

/** A queue whose bids prove what their first byte says; work is done when the test says so. */
function createQueue() {
  const queue = new HopQueue({ hop: () => hop, effortOf: ({ bid }) => bid[0] as number });
  const works: { readonly circuit: number; readonly what: string }[] = [];
  const answered: number[] = [];
  const refused: number[] = [];
  let [lastCircuit, now, lastBid] = [0, 0, 0];
  const give = (input: HopQueueInput): void => {
    for (const effect of queue.handle(input, now)) take(effect);
  };
  const take = (effect: HopQueueEffect): void => {
    if (effect.type === "work") works.push({ circuit: effect.circuit, what: effect.work.what });
    else (effect.type === "answered" ? answered : refused).push(effect.circuit);
  };
  const newLink = (kind: "node" | "client" = "node"): HandshakeSource => ({ peer: { kind } });
  const done = (circuit: number, result: HopWorkResult): void => {
    works.splice(
      works.findIndex((work) => work.circuit === circuit),
      1,
    );
    give({ type: "worked", circuit, result });
  };
  const ask = (source = newLink()): number => {
    lastCircuit += 1;
    give({ type: "request", circuit: lastCircuit, source, request: new Uint8Array(1) });
    return lastCircuit;
  };
  return {
    queue,
    works,
    answered,
    refused,
    give,
    done,
    newLink,
    at(time: number) {
      now = time;
      give({ type: "deadline" });
    },
    ask,
    /** Says what the bid of a request is, which must be at work. */
    bids(circuit: number, effort: number, like?: Uint8Array): Uint8Array {
      lastBid += 1;
      const bid = like ?? Uint8Array.of(effort, lastBid >> 16, lastBid >> 8, lastBid);
      done(circuit, { type: "bid", bid, hopKey: new Uint8Array(32) });
      return bid;
    },
    answer(circuit: number): void {
      done(circuit, ANSWER);
    },
    /** Requests until all answers are at work. */
    fill(): number[] {
      return Array.from({ length: MAX_ANSWERS_AT_WORK }, () => ask());
    },
  };
}

describe("a queue of hop handshakes", () => {
  it("answers at once, without a look at bids, while there is room at work", () => {
    const { works, ask, answer, answered, queue } = createQueue();
    const circuit = ask();
    expect(works).toEqual([{ circuit, what: "answer" }]);
    answer(circuit);
    expect([answered, queue.size]).toEqual([[circuit], 0]);
  });

  it(`has ${MAX_ANSWERS_AT_WORK} answers at work at most, then reads ${MAX_BIDS_AT_WORK} bids at once`, () => {
    const { works, ask } = createQueue();
    for (let i = 0; i < MAX_ANSWERS_AT_WORK + MAX_BIDS_AT_WORK + 3; i++) ask();
    const count = (what: string) => works.filter((work) => work.what === what).length;
    expect([count("answer"), count("read-bid")]).toEqual([MAX_ANSWERS_AT_WORK, MAX_BIDS_AT_WORK]);
  });

  it("answers the highest bid first, and of equals the earliest", () => {
    const { fill, ask, bids, answer, works, answered } = createQueue();
    const busy = fill();
    const [low, high, none, alsoHigh] = [ask(), ask(), ask(), ask()];
    for (const [circuit, effort] of [
      [alsoHigh, 9],
      [none, 0],
      [low, 3],
      [high, 9],
    ] as const)
      bids(circuit, effort);
    for (const circuit of busy) answer(circuit);
    expect(works.map(({ circuit }) => circuit)).toEqual([alsoHigh, high, low, none]);
    answer(none);
    expect(answered.at(-1)).toBe(none);
  });

  it("counts a bid once: one that comes again is none", () => {
    const { fill, ask, bids, answer, works } = createQueue();
    const busy = fill();
    const [first, replay, honest] = [ask(), ask(), ask()];
    const bid = bids(first, 9);
    bids(replay, 9, bid);
    bids(honest, 1);
    for (const circuit of busy) answer(circuit);
    expect(works.map(({ circuit }) => circuit)).toEqual([first, honest, replay]);
  });

  it("refuses what is no request, be it read or answered", () => {
    const { fill, ask, done, refused } = createQueue();
    const busy = fill();
    const bad = ask();
    done(bad, { type: "failed" });
    done(busy[0] as number, { type: "failed" });
    expect(refused).toEqual([bad, busy[0]]);
  });

  it(`keeps ${MAX_UNREAD_HANDSHAKES} whose bid nobody has read; one more is refused`, () => {
    const { fill, ask, refused } = createQueue();
    fill();
    for (let i = 0; i < MAX_BIDS_AT_WORK + MAX_UNREAD_HANDSHAKES; i++) ask();
    expect(refused).toEqual([]);
    const late = ask();
    expect(refused).toEqual([late]);
  });

  it(`keeps ${MAX_RANKED_HANDSHAKES} in order; one more refuses the lowest bid, of equals the latest`, () => {
    const { fill, ask, bids, refused, queue } = createQueue();
    fill();
    const lowest: number[] = [];
    for (let i = 0; i < MAX_RANKED_HANDSHAKES; i++) {
      const circuit = ask();
      bids(circuit, i < 2 ? 1 : 2);
      if (i < 2) lowest.push(circuit);
    }
    expect(refused).toEqual([]);
    bids(ask(), 5);
    expect(refused).toEqual([lowest[1]]);
    const worse = ask();
    bids(worse, 0);
    expect(refused).toEqual([lowest[1], worse]);
    expect(queue.size).toBe(MAX_ANSWERS_AT_WORK + MAX_RANKED_HANDSHAKES);
  });

  it.each([
    ["client", MAX_HANDSHAKES_PER_CLIENT_LINK],
    ["node", MAX_HANDSHAKES_PER_NODE_LINK],
  ] as const)(
    "a link to a %s has %i without an answer; one more is refused, and others are not",
    (kind, most) => {
      const { ask, refused, newLink, answer } = createQueue();
      const link = newLink(kind);
      const asked = Array.from({ length: most }, () => ask(link));
      expect(refused).toEqual([]);
      const late = ask(link);
      expect(refused).toEqual([late]);
      ask();
      expect(refused).toHaveLength(1);
      answer(asked[0] as number);
      ask(link);
      expect(refused).toHaveLength(1);
    },
  );

  it.each([
    ["client", HANDSHAKE_BURST_PER_CLIENT_LINK, HANDSHAKES_PER_SECOND_PER_CLIENT_LINK],
    ["node", HANDSHAKE_BURST_PER_NODE_LINK, HANDSHAKES_PER_SECOND_PER_NODE_LINK],
  ] as const)(
    "a link to a %s begins %i at once and %i a second; one more is refused",
    (kind, burst, rate) => {
      const { ask, refused, newLink, answer, at } = createQueue();
      const link = newLink(kind);
      for (let i = 0; i < burst; i++) answer(ask(link));
      expect(refused).toEqual([]);
      ask(link);
      expect(refused).toHaveLength(1);
      at(1000);
      for (let i = 0; i < rate; i++) answer(ask(link));
      expect(refused).toHaveLength(1);
      ask(link);
      expect(refused).toHaveLength(2);
    },
  );

  it(`refuses what had no answer for ${HANDSHAKE_WAIT_MS} ms, and gives its place at work to others`, () => {
    const { fill, ask, at, refused, works, queue, answer } = createQueue();
    const busy = fill();
    at(1);
    const waiting = ask();
    expect(queue.nextDeadline()).toBe(HANDSHAKE_WAIT_MS);
    at(HANDSHAKE_WAIT_MS);
    expect(refused).toEqual(busy);
    at(HANDSHAKE_WAIT_MS + 1);
    expect(refused).toEqual([...busy, waiting]);
    expect(queue.nextDeadline()).toBeUndefined();
    const next = ask();
    expect(works.at(-1)).toEqual({ circuit: next, what: "answer" });
    answer(busy[0] as number);
    expect(queue.size).toBe(1);
  });

  it("does no more for one that was cancelled", () => {
    const { fill, ask, bids, answer, give, answered, works } = createQueue();
    const [first, ...busy] = fill();
    const [unread, read] = [ask(), ask()];
    bids(read, 3);
    for (const circuit of [first as number, unread, read]) give({ type: "cancel", circuit });
    answer(first as number);
    bids(unread, 9);
    for (const circuit of busy) answer(circuit);
    expect([answered, works]).toEqual([busy, []]);
  });

  it("wipes the keys of an answer that comes after its request was cancelled", () => {
    const { ask, give } = createQueue();
    const circuit = ask();
    give({ type: "cancel", circuit });
    const secret = () => new Uint8Array(16).fill(7);
    const keys = () => ({ key: secret(), tag: secret(), chain: secret() });
    const late = { forward: keys(), backward: keys() };
    give({ type: "worked", circuit, result: { type: "answer", reply: new Uint8Array(1), keys: late } });
    const left = [late.forward, late.backward].flatMap(({ key, tag, chain }) => [...key, ...tag, ...chain]);
    expect(left.every((byte) => byte === 0)).toBe(true);
  });

  it("ends each request once, whatever comes in whatever order", () => {
    const step = fc.tuple(fc.constantFrom("ask", "bid", "answer", "fail", "cancel", "later"), fc.nat());
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const world = createQueue();
        const { queue, works, answered, refused } = world;
        const cancelled = new Set<number>();
        const links = [world.newLink("client"), world.newLink()];
        let [asked, now] = [0, 0];
        for (const [what, pick] of steps) {
          const work = works[pick % Math.max(1, works.length)];
          if (what === "ask") asked = world.ask(links[pick % 2]);
          else if (what === "later") {
            now += pick % 3000;
            world.at(now);
          } else if (what === "cancel" && asked > 0) {
            const circuit = 1 + (pick % asked);
            if (![...answered, ...refused].includes(circuit)) cancelled.add(circuit);
            world.give({ type: "cancel", circuit });
          } else if (work !== undefined && what === "fail") world.done(work.circuit, { type: "failed" });
          else if (work?.what === "answer" && what === "answer") world.answer(work.circuit);
          else if (work?.what === "read-bid" && what === "bid") world.bids(work.circuit, pick % 4);
        }
        world.at(now + HANDSHAKE_WAIT_MS);
        const ended = [...answered, ...refused, ...cancelled];
        expect(new Set(ended).size).toBe(ended.length);
        expect([ended.length, queue.size]).toEqual([asked, 0]);
      }),
    );
  });
});

describe("bids that were counted", () => {
  it(`are known for ${MAX_SPENT_BIDS} others at the least, and forgotten in the end`, () => {
    const spent = createSpentBids();
    const bid = (number: number) => Uint8Array.of(number >> 16, number >> 8, number);
    let taken = 0;
    for (let number = 0; number <= MAX_SPENT_BIDS; number++) if (spent.spend(bid(number))) taken += 1;
    expect(taken).toBe(MAX_SPENT_BIDS + 1);
    expect(spent.spend(bid(0))).toBe(false);
    for (let number = MAX_SPENT_BIDS + 1; number <= 2 * MAX_SPENT_BIDS; number++) spent.spend(bid(number));
    expect(spent.spend(bid(0))).toBe(true);
  });
});
