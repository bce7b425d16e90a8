import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CONGESTION, type CongestionWindow, createCongestionWindow } from "../../src/circuit/congestion.ts";
import { CIRCUIT_CREDIT_EVERY, isCircuitCreditDue } from "../../src/circuit/credits.ts";
import { MAX_QUEUED_CELLS_PER_CIRCUIT } from "../../src/limits.ts";

const proofOf = (cell: number) => Uint8Array.of(cell >> 8, cell, 0xaa);

/** A window whose sender always has cells, and a line of its own: `rate` cells/ms, `delay` ms there and back. */
function overLine(
  line: { rate: number; delay: number },
  window: CongestionWindow = createCongestionWindow(),
) {
  let now = 0;
  let sent = 0;
  let free = 0;
  let acknowledged = 0;
  const credits: { cell: number; at: number }[] = [];
  const send = (most = Number.POSITIVE_INFINITY) => {
    for (let i = 0; i < most && window.available > 0; i++) {
      const cell = ++sent;
      window.sent(() => proofOf(cell), now);
      free = Math.max(now, free) + 1 / line.rate;
      if (isCircuitCreditDue(cell)) credits.push({ cell, at: free + line.delay });
    }
  };
  return {
    window,
    line,
    send,
    get now() {
      return now;
    },
    get acknowledged() {
      return acknowledged;
    },
    /** Cells that wait in the line's queue. */
    get queued() {
      return Math.max(0, free - now) * line.rate;
    },
    /** Lets credits come for so long; after each the sender sends what it may, or `most`. */
    run(ms: number, most?: number) {
      const end = now + ms;
      send(most);
      for (let next = credits[0]; next !== undefined && next.at <= end; next = credits[0]) {
        credits.shift();
        now = Math.max(now, next.at);
        expect(window.credit(proofOf(next.cell), now)).toBe(true);
        acknowledged = next.cell;
        send(most);
      }
      now = end;
    },
  };
}

/** Two windows on one queue of 1.5 cells/ms and 100 ms, first in, first out; the second comes at `start`. What each gets in a time. */
function shareLine(start: number, { from, to }: { from: number; to: number }) {
  const [rate, delay] = [1.5, 100];
  const flows = [0, start].map((start) => ({
    start,
    sent: 0,
    acknowledged: 0,
    window: createCongestionWindow(),
  }));
  const credits: { flow: (typeof flows)[number]; cell: number; at: number }[] = [];
  let [now, free] = [0, 0];
  const send = () => {
    // Cell by cell, as the queues of a relay let them.
    for (let more = true; more; ) {
      more = false;
      for (const flow of flows) {
        if (now < flow.start || flow.window.available === 0) continue;
        more = true;
        const cell = ++flow.sent;
        flow.window.sent(() => proofOf(cell), now);
        free = Math.max(now, free) + 1 / rate;
        if (isCircuitCreditDue(cell)) credits.push({ flow, cell, at: free + delay });
      }
    }
  };
  const run = (end: number) => {
    for (; now < end; now++) {
      for (let next = credits[0]; next !== undefined && next.at <= now; next = credits[0]) {
        credits.shift();
        expect(next.flow.window.credit(proofOf(next.cell), now)).toBe(true);
        next.flow.acknowledged = next.cell;
      }
      send();
    }
  };
  run(from);
  const before = flows.map(({ acknowledged }) => acknowledged);
  run(to);
  const got = flows.map(({ acknowledged }, index) => acknowledged - before[index]!);
  return {
    shared: Math.min(...got) / Math.max(...got),
    filled: got.reduce((sum, cells) => sum + cells) / ((to - from) * rate),
  };
}

describe("a congestion window", () => {
  it("lets a new circuit send its first window, and no more before a credit", () => {
    const line = overLine({ rate: 1, delay: 100 });
    line.send();
    expect(line.window.available).toBe(0);
    expect(line.queued).toBe(CONGESTION.initial);
  });

  it("awaits credits for the cells 8, 16, and every 32nd", () => {
    const due = Array.from({ length: 130 }, (_, i) => i + 1).filter(isCircuitCreditDue);
    expect(due).toEqual([8, 16, 32, 64, 96, 128]);
  });

  it("takes a credit that is not due, or that proves another cell, for a fault", () => {
    expect(createCongestionWindow().credit(proofOf(8), 1)).toBe(false);
    const early = createCongestionWindow();
    for (let cell = 1; cell <= 7; cell++) early.sent(() => proofOf(cell), 0);
    expect(early.credit(proofOf(7), 1)).toBe(false);
    const wrong = createCongestionWindow();
    for (let cell = 1; cell <= 16; cell++) wrong.sent(() => proofOf(cell), 0);
    expect(wrong.credit(proofOf(16), 1)).toBe(false);
  });

  it("takes each credit once", () => {
    const window = createCongestionWindow();
    for (let cell = 1; cell <= 8; cell++) window.sent(() => proofOf(cell), 0);
    expect(window.credit(proofOf(8), 1)).toBe(true);
    expect(window.credit(proofOf(8), 1)).toBe(false);
  });

  it("doubles in slow start while round trips stay short", () => {
    const line = overLine({ rate: 100, delay: 100 });
    line.run(102);
    expect(line.window.cells).toBe(2 * CONGESTION.initial);
    line.run(102);
    expect(line.window.cells).toBeGreaterThan(3.5 * CONGESTION.initial - CIRCUIT_CREDIT_EVERY);
  });

  it.each([
    [1.5, 100],
    [0.5, 200],
    [3, 50],
    [5, 20],
    [0.05, 100],
  ])("fills a line of %d cells/ms and %d ms and keeps only a short queue there", (rate, delay) => {
    const line = overLine({ rate, delay });
    line.run(8000);
    const before = line.acknowledged;
    line.run(4000);
    expect(line.acknowledged - before).toBeGreaterThan(0.92 * 4000 * rate - CIRCUIT_CREDIT_EVERY);
    // What goes beyond delta is what the first credits measured as the path itself, and the least round trip.
    const slack = 16 + CIRCUIT_CREDIT_EVERY + rate * CONGESTION.leastRtt;
    expect(line.queued).toBeLessThan(CONGESTION.delta + slack);
  });

  it("shrinks when its line becomes narrow, and grows again when it is wide", () => {
    const line = overLine({ rate: 3, delay: 100 });
    line.run(6000);
    const wide = line.window.cells;
    line.line.rate = 0.5;
    line.run(6000);
    const narrow = line.window.cells;
    expect(narrow).toBeLessThan(0.6 * wide);
    line.line.rate = 3;
    line.run(20_000);
    expect(line.window.cells).toBeGreaterThan(0.9 * wide);
  });

  it("learns at its smallest window that the path has become longer", () => {
    const line = overLine({ rate: 2, delay: 20 });
    line.run(2000);
    line.line.rate = 0.05;
    let least = line.window.cells;
    for (let i = 0; i < 2000; i++) {
      line.run(100);
      least = Math.min(least, line.window.cells);
    }
    expect(least).toBe(CONGESTION.least);
    line.line.rate = 2;
    line.line.delay = 200;
    line.run(60_000);
    expect(line.window.cells).toBeGreaterThan(300);
  });

  it("does not grow while it is not used", () => {
    const line = overLine({ rate: 100, delay: 100 });
    for (let i = 0; i < 200; i++) {
      line.run(51, 1);
    }
    expect(line.acknowledged).toBeGreaterThan(100);
    expect(line.window.cells).toBe(CONGESTION.initial);
  });

  it("takes round trips without any measurable time, and grows to its bound", () => {
    const window = createCongestionWindow();
    for (let cell = 1; cell <= 20_000; cell++) {
      window.sent(() => proofOf(cell), 5);
      // Credits come when the window is full, all in that instant.
      if (window.available > 0) continue;
      for (let due = 1; due <= cell; due++) if (isCircuitCreditDue(due)) window.credit(proofOf(due), 5);
      break;
    }
    expect(window.cells).toBeGreaterThan(CONGESTION.initial);
    expect(window.available).toBeGreaterThan(CONGESTION.initial);
  });

  it("leaves room at a relay for the control cells beside its largest window", () => {
    expect(CONGESTION.most + 128).toBeLessThanOrEqual(MAX_QUEUED_CELLS_PER_CIRCUIT);
    expect(CONGESTION.least).toBeGreaterThanOrEqual(2 * CIRCUIT_CREDIT_EVERY);
  });

  it("shares a line where nobody takes turns: the one that comes later does not keep the advantage", () => {
    const { shared, filled } = shareLine(4000, { from: 24_000, to: 44_000 });
    expect(filled).toBeGreaterThan(0.9);
    expect(shared).toBeGreaterThan(0.9);
  });

  it("has shared it two seconds after another came, wherever its own drains are then", () => {
    const starts = Array.from({ length: 40 }, (_, i) => 2000 + 150 * i);
    const got = starts.map((start) => shareLine(start, { from: start + 2000, to: start + 7000 }));
    const shared = got.map(({ shared }) => shared).sort((a, b) => a - b);
    expect(Math.min(...got.map(({ filled }) => filled))).toBeGreaterThan(0.9);
    // Once in twenty times the other comes just as the first begins to drain of itself.
    expect(shared[2]).toBeGreaterThan(0.8);
    expect(shared[20]).toBeGreaterThan(0.9);
  });

  it("stays within its bounds and never stalls, whatever the times of its credits", () => {
    const wait = fc.oneof(fc.nat(5), fc.nat(200), fc.nat(100_000));
    fc.assert(
      fc.property(fc.array(wait, { maxLength: 300 }), (waits) => {
        const window = createCongestionWindow();
        const due: number[] = [];
        let [now, cell, acknowledged] = [0, 0, 0];
        for (const ms of waits) {
          while (window.available > 0) {
            cell += 1;
            window.sent(() => proofOf(cell), now);
            if (isCircuitCreditDue(cell)) due.push(cell);
          }
          expect(due.length).toBeGreaterThan(0);
          expect(cell - acknowledged).toBeLessThanOrEqual(CONGESTION.most);
          now += ms;
          acknowledged = due.shift()!;
          expect(window.credit(proofOf(acknowledged), now)).toBe(true);
          expect(window.cells).toBeGreaterThanOrEqual(CONGESTION.least);
          expect(window.cells).toBeLessThanOrEqual(CONGESTION.most);
        }
      }),
    );
  });
});
