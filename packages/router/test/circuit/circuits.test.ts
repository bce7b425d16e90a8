import { CELL_COMMAND, RELAY_DATA_BYTES, SERVICE } from "@umbel/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CIRCUIT_BUILD_TIMEOUT_MS, EXTEND_TIMEOUT_MS, RATCHET_SILENCE_MS } from "../../src/limits.ts";
import { createChain, type Passing } from "../support/circuit-chain.ts";

const built = (options: Parameters<typeof createChain>[0]) => {
  const chain = createChain(options);
  chain.toOrigin({ type: "start" });
  chain.settle();
  return chain;
};
const payload = (size: number) => Uint8Array.from({ length: size }, (_, i) => (i * 7) & 0xff);
const heardAt = (chain: ReturnType<typeof createChain>, hop: number) =>
  Buffer.concat(
    chain.events.flatMap((one) => (one.hop === hop && one.event.type === "data" ? [one.event.data] : [])),
  );
const heardByOrigin = (chain: ReturnType<typeof createChain>) =>
  Buffer.concat(
    chain.news.flatMap((one) => (one.type === "stream" && one.event.type === "data" ? [one.event.data] : [])),
  );

describe("a circuit", () => {
  it.each([1, 2, 3, 4, 5, 6])("of %i hops is built and carries a request and its answer", (hops) => {
    const chain = built({ hops });
    expect(chain.isBuilt()).toBe(true);
    const request = payload(8 * RELAY_DATA_BYTES - 1);
    chain.request(1, SERVICE.BLOCKS, request);
    chain.settle();
    expect(heardAt(chain, hops - 1)).toEqual(Buffer.from(request));
    const opened = chain.events.find((one) => one.event.type === "opened");
    expect(opened?.hop).toBe(hops - 1);
    const streamId = opened?.event.streamId ?? (0 as never);
    chain.toRelay(hops - 1, { type: "write", streamId, data: payload(20_000), end: true });
    chain.settle();
    expect(heardByOrigin(chain)).toEqual(Buffer.from(payload(20_000)));
    expect(chain.isClosed()).toBe(false);
  });

  it("attaches the descriptor, once, when a hop does not know the next node", () => {
    const chain = built({ hops: 3, unknown: [2] });
    expect(chain.isBuilt()).toBe(true);
  });

  it("is destroyed at every hop when its originator closes it", () => {
    const chain = built({ hops: 3 });
    chain.toOrigin({ type: "close" });
    chain.settle();
    expect([...chain.ended].sort()).toEqual([0, 1, 2]);
  });

  it("is destroyed in both directions when a link in its middle is lost", () => {
    const chain = built({ hops: 3 });
    chain.toRelay(1, { type: "lost" });
    chain.settle();
    expect([...chain.ended].sort()).toEqual([0, 1, 2]);
    expect(chain.news.at(-1)).toMatchObject({ type: "closed", hops: 3, tell: false });
  });

  it("is given up at its deadline when a hop does not answer, and the hop before gives up too", () => {
    const meddle = (cell: Passing) => (cell.at === 2 ? [] : [cell]);
    const chain = built({ hops: 3, meddle });
    expect(chain.isBuilt()).toBe(false);
    chain.advance(EXTEND_TIMEOUT_MS);
    chain.settle();
    expect(chain.ended.has(1)).toBe(true);
    expect(chain.news.at(-1)).toMatchObject({ type: "closed", hops: 2, tell: false });
    const silent = built({ hops: 1, meddle: () => [] });
    silent.advance(CIRCUIT_BUILD_TIMEOUT_MS - 1);
    expect(silent.isClosed()).toBe(false);
    silent.advance(1);
    expect(silent.news.at(-1)).toEqual({ type: "closed", hops: 0, tell: true });
  });

  it("dies and delivers nothing when any relay cell is altered, dropped, repeated or swapped on any link", () => {
    fc.assert(
      fc.property(
        fc.record({
          at: fc.integer({ min: 0, max: 2 }),
          direction: fc.constantFrom("forward" as const, "backward" as const),
          nth: fc.integer({ min: 1, max: 6 }),
          how: fc.constantFrom("flip", "drop", "repeat", "swap"),
          bit: fc.integer({ min: 0, max: 4096 * 8 - 1 }),
        }),
        ({ at, direction, nth, how, bit }) => {
          let armed = false;
          let seen = 0;
          let held: Passing | undefined;
          const meddle = (cell: Passing): readonly Passing[] => {
            if (
              !armed ||
              cell.at !== at ||
              cell.direction !== direction ||
              cell.command !== CELL_COMMAND.RELAY
            ) {
              return [cell];
            }
            seen += 1;
            if (held !== undefined) {
              const earlier = held;
              held = undefined;
              return [cell, earlier];
            }
            if (seen !== nth) return [cell];
            if (how === "drop") return [];
            if (how === "repeat") return [{ ...cell, body: cell.body.slice() }, cell];
            if (how === "swap") {
              held = cell;
              return [];
            }
            cell.body[bit >> 3]! ^= 1 << (bit & 7);
            return [cell];
          };
          const chain = built({ hops: 3, meddle, seed: `tag ${bit}` });
          armed = true;
          const request = payload(8 * RELAY_DATA_BYTES - 1);
          chain.request(1, SERVICE.BLOCKS, request);
          chain.settle();
          const opened = chain.events.find((one) => one.event.type === "opened");
          if (opened !== undefined && direction === "backward") {
            const streamId = opened.event.streamId;
            chain.toRelay(2, { type: "write", streamId, data: request, end: true });
            chain.settle();
          }
          const heard = direction === "forward" ? heardAt(chain, 2) : heardByOrigin(chain);
          const whole = Buffer.from(request);
          expect(whole.subarray(0, heard.length).equals(heard)).toBe(true);
          expect(heard.length).toBeLessThan(whole.length);
          expect(chain.isClosed()).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("is destroyed by a hop that is told something it recognises but may not be told", () => {
    const chain = built({ hops: 2 });
    const nodeId = chain.nodes[0];
    expect(nodeId).toBeDefined();
    chain.toRelay(0, { type: "from-previous", command: CELL_COMMAND.CREATED, body: new Uint8Array(4096) });
    chain.settle();
    expect([...chain.ended].sort()).toEqual([0, 1]);
  });

  it.each([0, 1])("is destroyed by a hop that is told to extend to itself, or back (node %i)", (again) => {
    const chain = createChain({ hops: 3, again });
    chain.toOrigin({ type: "start" });
    chain.settle();
    expect(chain.isBuilt()).toBe(false);
    expect(chain.news.at(-1)).toMatchObject({ type: "closed", hops: 2, tell: false });
  });

  it("ratchets every layer after a minute of silence and goes on working", () => {
    const chain = built({ hops: 3 });
    chain.request(1, SERVICE.BLOCKS, payload(10));
    chain.settle();
    chain.advance(RATCHET_SILENCE_MS);
    chain.settle();
    expect(chain.isClosed()).toBe(false);
    chain.request(2, SERVICE.BLOCKS, payload(30_000));
    chain.settle();
    expect(heardAt(chain, 2).length).toBe(30_010);
    const last = chain.events.at(-1)?.event;
    chain.toRelay(2, {
      type: "write",
      streamId: last?.streamId ?? (0 as never),
      data: payload(5),
      end: true,
    });
    chain.settle();
    expect(heardByOrigin(chain)).toEqual(Buffer.from(payload(5)));
    expect(chain.origin.nextDeadline()).toBeDefined();
  });
});
