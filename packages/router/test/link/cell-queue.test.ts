import {
  BODY_BYTES,
  CELL_BYTES,
  CELL_COMMAND,
  type CircuitId,
  cellBody,
  cellCircuitId,
  cellCommand,
  MAX_RECORD_BYTES,
} from "@umbel/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { takeBody } from "../../src/circuit/bodies.ts";
import {
  MAX_QUEUED_CELLS_PER_CIRCUIT,
  MAX_QUEUED_CELLS_PER_LINK,
  MAX_QUEUED_DESTROYS,
} from "../../src/limits.ts";
import { CellQueue } from "../../src/link/cell-queue.ts";

const { DESTROY, RELAY } = CELL_COMMAND;
const id = (number: number) => number as CircuitId;
const relay = (queue: CellQueue, circuit: number, mark: number) =>
  queue.push(id(circuit), RELAY, Uint8Array.of(mark >> 8, mark), 0);
const destroy = (queue: CellQueue, circuit: number) => queue.push(id(circuit), DESTROY, new Uint8Array(0), 0);

/** "circuit:mark" of every RELAY cell, "circuit!" of every DESTROY. */
function read(run: Uint8Array): string[] {
  const cells: string[] = [];
  for (let at = 0; run !== undefined && at < run.length; at += CELL_BYTES) {
    const circuit = cellCircuitId(run, at);
    const body = cellBody(run, at);
    const isDestroy = cellCommand(run, at) === DESTROY;
    cells.push(isDestroy ? `${circuit}!` : `${circuit}:${(body[0]! << 8) | body[1]!}`);
  }
  return cells;
}

function take(queue: CellQueue, maxCells: number, now: number): Uint8Array {
  const record = new Uint8Array(MAX_RECORD_BYTES);
  return record.subarray(0, queue.takeRun(maxCells, now, record));
}

function readAll(queue: CellQueue): string[] {
  const cells: string[] = [];
  for (;;) {
    const run = take(queue, 15, 0);
    if (run.length === 0) return cells;
    cells.push(...read(run));
  }
}

describe("a cell queue", () => {
  it("keeps order within a circuit, and lets circuits that sent as much take turns", () => {
    const queue = new CellQueue();
    for (let mark = 0; mark < 4; mark++) relay(queue, 7, mark);
    relay(queue, 8, 0);
    relay(queue, 9, 0);
    relay(queue, 9, 1);
    expect(readAll(queue)).toEqual(["7:0", "8:0", "9:0", "7:1", "9:1", "7:2", "7:3"]);
  });

  it("lets a quiet circuit go first, whatever busy ones have queued", () => {
    const queue = new CellQueue();
    for (let mark = 0; mark < 500; mark++) relay(queue, 1 + (mark % 5), mark);
    for (let run = 0; run < 10; run++) expect(read(take(queue, 15, run))).toHaveLength(15);
    for (let mark = 0; mark < 3; mark++) relay(queue, 9, mark);
    expect(read(take(queue, 3, 10))).toEqual(["9:0", "9:1", "9:2"]);
  });

  it("remembers the use of a circuit that has nothing queued, until it ends", () => {
    const queue = new CellQueue();
    for (let mark = 0; mark < 10; mark++) relay(queue, 1, mark);
    relay(queue, 2, 0);
    readAll(queue);
    relay(queue, 1, 10);
    relay(queue, 2, 1);
    expect(readAll(queue)).toEqual(["2:1", "1:10"]);
    queue.forget(id(1));
    relay(queue, 2, 2);
    relay(queue, 1, 11);
    expect(readAll(queue)).toEqual(["1:11", "2:2"]);
  });

  it("says since when the first cell of a circuit waits", () => {
    const queue = new CellQueue();
    queue.push(id(1), RELAY, new Uint8Array(1), 5);
    queue.push(id(1), RELAY, new Uint8Array(1), 7);
    expect(queue.oldestOf(id(1))).toBe(5);
    take(queue, 1, 8);
    expect(queue.oldestOf(id(1))).toBe(7);
    take(queue, 1, 8);
    expect([queue.oldestOf(id(1)), queue.oldestOf(id(2))]).toEqual([undefined, undefined]);
  });

  it("puts a run together where it is told, and leaves nothing of an earlier one", () => {
    const queue = new CellQueue();
    const into = new Uint8Array(15 * CELL_BYTES).fill(0xff);
    relay(queue, 1, 0x0102);
    destroy(queue, 2);
    expect(queue.takeRun(15, 0, into)).toBe(2 * CELL_BYTES);
    const run = into.subarray(0, 2 * CELL_BYTES);
    expect(read(run)).toEqual(["2!", "1:258"]);
    expect(run.filter((byte) => byte !== 0)).toHaveLength(6);
  });

  it("takes as many cells as asked for and there are, each a whole one", () => {
    const queue = new CellQueue();
    expect(take(queue, 15, 0)).toHaveLength(0);
    for (let mark = 0; mark < 17; mark++) relay(queue, 1, mark);
    expect(take(queue, 15, 0).length).toBe(15 * CELL_BYTES);
    expect(take(queue, 15, 0).length).toBe(2 * CELL_BYTES);
    expect(take(queue, 15, 0)).toHaveLength(0);
  });

  it("DESTROY replaces what its circuit has queued, and leaves first", () => {
    const queue = new CellQueue();
    for (let mark = 0; mark < 3; mark++) {
      relay(queue, 1, mark);
      relay(queue, 2, mark);
    }
    destroy(queue, 2);
    expect(queue.total).toBe(4);
    expect(readAll(queue)).toEqual(["2!", "1:0", "1:1", "1:2"]);
  });

  it("DESTROY outlives the end of its circuit, and is sent once", () => {
    const queue = new CellQueue();
    destroy(queue, 1);
    destroy(queue, 1);
    queue.forget(id(1));
    expect(readAll(queue)).toEqual(["1!"]);
  });

  it("forgets one circuit and makes room for as many cells", () => {
    const queue = new CellQueue();
    relay(queue, 1, 0);
    relay(queue, 2, 0);
    relay(queue, 1, 1);
    queue.forget(id(1));
    queue.forget(id(3));
    expect([queue.total, queue.queuedFor(id(1)), queue.queuedFor(id(2))]).toEqual([1, 0, 1]);
    relay(queue, 1, 2);
    expect(readAll(queue)).toEqual(["2:0", "1:2"]);
  });

  it("holds so many cells of one circuit, and not one more; others still have room", () => {
    const queue = new CellQueue();
    for (let mark = 0; mark < MAX_QUEUED_CELLS_PER_CIRCUIT; mark++) expect(relay(queue, 1, mark)).toBe(true);
    expect(queue.wouldRefuse(id(1), RELAY)).toBe(true);
    expect(relay(queue, 1, 0)).toBe(false);
    expect(queue.queuedFor(id(1))).toBe(MAX_QUEUED_CELLS_PER_CIRCUIT);
    expect(relay(queue, 2, 0)).toBe(true);
    take(queue, 1, 0);
    expect(relay(queue, 1, 0)).toBe(true);
  });

  it("holds so many cells in total, and not one more; DESTROY still finds room", () => {
    const queue = new CellQueue();
    for (let at = 0; at < MAX_QUEUED_CELLS_PER_LINK; at++) expect(relay(queue, 1 + (at % 64), at)).toBe(true);
    expect(relay(queue, 65, 0)).toBe(false);
    expect(queue.total).toBe(MAX_QUEUED_CELLS_PER_LINK);
    expect(destroy(queue, 65)).toBe(true);
  });

  it("holds so many DESTROYs, and not one more", () => {
    const queue = new CellQueue();
    for (let at = 1; at <= MAX_QUEUED_DESTROYS; at++) expect(destroy(queue, at)).toBe(true);
    expect(destroy(queue, MAX_QUEUED_DESTROYS + 1)).toBe(false);
    expect(destroy(queue, 1)).toBe(true);
    expect(queue.total).toBe(MAX_QUEUED_DESTROYS);
  });

  it("long queues copy bodies, so that they do not keep whole records alive", () => {
    const queue = new CellQueue();
    const record = new Uint8Array(15 * CELL_BYTES).fill(1);
    for (let at = 0; at < 300; at++) queue.push(id(1), RELAY, record.subarray(0, BODY_BYTES), 0);
    record.fill(2);
    const marks = readAll(queue).map((cell) => cell.slice(2));
    expect(marks.slice(0, 256).every((mark) => mark === "514")).toBe(true);
    expect(marks.slice(256)).toEqual(Array.from({ length: 44 }, () => "257"));
  });

  it("gives the body of a cell that has left back for another cell", () => {
    const queue = new CellQueue();
    const body = takeBody();
    queue.push(id(1), RELAY, body, 0);
    expect(takeBody()).not.toBe(body);
    take(queue, 15, 0);
    expect(takeBody()).toBe(body);
  });

  it("copies cells that came before a time out of their records, and no others", () => {
    const queue = new CellQueue();
    const record = new Uint8Array(15 * CELL_BYTES).fill(1);
    queue.push(id(1), RELAY, record.subarray(0, BODY_BYTES), 10);
    queue.push(id(2), RELAY, record.subarray(0, BODY_BYTES), 20);
    queue.copyViews(20);
    record.fill(2);
    expect(queue.bytes).toBe(2 * CELL_BYTES);
    expect(readAll(queue)).toEqual(["1:257", "2:514"]);
  });

  it("does what a list per circuit does, in every order of calls", () => {
    const circuit = fc.integer({ min: 1, max: 4 });
    const call = fc.oneof(
      { weight: 6, arbitrary: fc.record({ call: fc.constant("relay" as const), circuit }) },
      { weight: 1, arbitrary: fc.record({ call: fc.constant("destroy" as const), circuit }) },
      { weight: 1, arbitrary: fc.record({ call: fc.constant("drop" as const), circuit }) },
      { weight: 2, arbitrary: fc.record({ call: fc.constant("take" as const), circuit }) },
    );
    fc.assert(
      fc.property(fc.array(call, { maxLength: 200 }), (calls) => {
        const queue = new CellQueue();
        const lists = new Map<number, string[]>();
        const destroys = new Set<string>();
        let mark = 0;
        for (const { call: what, circuit: number } of calls) {
          if (what === "relay") {
            relay(queue, number, ++mark);
            lists.set(number, [...(lists.get(number) ?? []), `${number}:${mark}`]);
          } else if (what === "take") {
            for (const cell of read(take(queue, number, 0))) {
              const expected =
                destroys.size > 0 ? [...destroys][0] : lists.get(Number.parseInt(cell, 10))?.shift();
              expect(cell).toBe(expected);
              destroys.delete(cell);
            }
          } else {
            lists.delete(number);
            if (what === "destroy") {
              destroys.add(`${number}!`);
              destroy(queue, number);
            } else queue.forget(id(number));
          }
          expect(queue.total).toBe([...lists.values()].flat().length + destroys.size);
          expect(queue.queuedFor(id(number))).toBe(lists.get(number)?.length ?? 0);
        }
      }),
    );
  });
});
