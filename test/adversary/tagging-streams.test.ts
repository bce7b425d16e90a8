import { CELL_COMMAND, RELAY_DATA_BYTES, SERVICE } from "@umbel/core";
import { describe, expect, it } from "vitest";
import { createChain, type Passing } from "../../packages/router/test/support/circuit-chain.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { seedOf } from "./support/runs.ts";

type Direction = Passing["direction"];
/** What a hand does with the RELAY cells of one direction on one link, counted from 1. */
type Hand = (cell: Passing, number: number) => readonly Passing[];

/** Cells of a request or an answer, with some to spare behind the one that is tampered with. */
const CELLS = 8;
const NTH = 4;
const DATA = createSeededRandom("tagging streams").bytes(CELLS * RELAY_DATA_BYTES - 1);
const WAYS = (["forward", "backward"] as const).flatMap((direction) =>
  [0, 1, 2].map((link) => [direction, link] as const),
);

/** Builds a circuit of three hops, lets `hand` at it, and sends DATA in one direction. */
function transfer(direction: Direction, link: number, hand: Hand, seed: string) {
  let count: number | undefined;
  const meddle = (cell: Passing): readonly Passing[] => {
    const concerned = cell.at === link && cell.direction === direction && cell.command === CELL_COMMAND.RELAY;
    if (count === undefined || !concerned) return [cell];
    count += 1;
    return hand(cell, count);
  };
  const chain = createChain({ hops: 3, meddle, seed });
  chain.toOrigin({ type: "start" });
  chain.settle();
  if (direction === "forward") count = 0;
  chain.request(1, SERVICE.BLOCKS, direction === "forward" ? DATA : DATA.subarray(0, 100));
  chain.settle();
  if (direction === "backward") {
    const streamId = chain.events[0]?.event.streamId ?? (0 as never);
    count = 0;
    chain.toRelay(2, { type: "write", streamId, data: DATA, end: true });
    chain.settle();
  }
  const data =
    direction === "forward"
      ? chain.events.flatMap(({ event }) => (event.type === "data" ? [event.data] : []))
      : chain.news.flatMap((one) =>
          one.type === "stream" && one.event.type === "data" ? [one.event.data] : [],
        );
  return {
    delivered: data.map((part) => Buffer.from(part).toString("base64")),
    isDead: chain.isClosed() && [0, 1, 2].every((hop) => chain.ended.has(hop)),
    hops: new Set(chain.events.map(({ hop }) => hop)),
  };
}

const copyOf = (cell: Passing): Passing => ({ ...cell, body: cell.body.slice() });

const flipAt =
  (at: number): Hand =>
  (cell, number) => {
    if (number === NTH) cell.body[at]! ^= 1 << (at & 7);
    return [cell];
  };
const drop: Hand = (cell, number) => (number === NTH ? [] : [cell]);
const duplicate: Hand = (cell, number) => (number === NTH ? [copyOf(cell), cell] : [cell]);
function reorder(): Hand {
  let held: Passing[] = [];
  return (cell, number) => {
    const late = held;
    held = number === NTH ? [cell] : [];
    return number === NTH ? [] : [cell, ...late];
  };
}

describe.each(WAYS)("on the way %s, a hand on link %i", (direction, link) => {
  const seed = seedOf("streams");
  const whole = transfer(direction, link, (cell) => [cell], seed);
  const expectEnd = (what: string, hand: Hand, cells: number): void => {
    const result = transfer(direction, link, hand, seed);
    expect([whole.isDead, whole.delivered.length]).toEqual([false, CELLS]);
    expect([what, result.delivered]).toEqual([what, whole.delivered.slice(0, cells)]);
    expect([what, result.isDead, [...result.hops]]).toEqual([what, true, [2]]);
  };

  it("that flips a bit of a cell kills the circuit there; nothing of this cell or a later one is delivered", () => {
    for (const at of [0, 15, 17, 23, 2048, 4080, 4095]) expectEnd(`flip ${at}`, flipAt(at), NTH - 1);
  });

  it("that drops, repeats or reorders cells kills the circuit; nothing behind the gap is delivered", () => {
    expectEnd("drop", drop, NTH - 1);
    expectEnd("repeat", duplicate, NTH);
    expectEnd("reorder", reorder(), NTH - 1);
  });

  it("that swaps a cell between two circuits kills both", () => {
    const seeds = ["left", "right"].map((side) => `${seed} ${side}`);
    const bodies = seeds.map((one) => {
      let taken: Uint8Array | undefined;
      transfer(
        direction,
        link,
        (cell, number) => {
          if (number === NTH) taken = cell.body.slice();
          return [cell];
        },
        one,
      );
      return taken!;
    });
    for (const [side, one] of seeds.entries()) {
      const strange = bodies[1 - side]!;
      const result = transfer(
        direction,
        link,
        (cell, number) => [number === NTH ? { ...cell, body: strange } : cell],
        one,
      );
      expect([result.delivered.length, result.isDead]).toEqual([NTH - 1, true]);
    }
  });
});
