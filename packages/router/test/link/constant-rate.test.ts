import { CELL_BYTES, MAX_RECORD_CELLS, type Millis } from "@umbel/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  MAX_CONSTANT_RATE_BYTES,
  MAX_CONSTANT_RATE_INTERVAL_MS,
  MIN_CONSTANT_RATE_BYTES,
  MIN_CONSTANT_RATE_INTERVAL_MS,
} from "../../src/limits.ts";
import {
  askForConstantRate,
  Beats,
  CONSTANT_RATE_GRANTED,
  type ConstantRate,
  constantRateAsked,
  constantRateBytes,
  constantRateOf,
  grantsConstantRate,
} from "../../src/link/constant-rate.ts";
import type { LinkMachine } from "../../src/link/link-machine.ts";
import { deliver, openPair, relayCell, sent } from "../support/link-pair.ts";

const RATE: ConstantRate = { cells: 3, intervalMs: 100 };

describe("a constant rate", () => {
  it("is near what was chosen, never above it, and may be asked for", () => {
    fc.assert(
      fc.property(fc.integer({ min: MIN_CONSTANT_RATE_BYTES, max: MAX_CONSTANT_RATE_BYTES }), (bytes) => {
        const rate = constantRateOf(bytes);
        expect(constantRateBytes(rate)).toBeLessThanOrEqual(bytes);
        expect(constantRateBytes(rate)).toBeGreaterThan(0.97 * bytes);
        expect(constantRateAsked(askForConstantRate(rate))).toEqual(rate);
      }),
    );
  });

  it("of 64 KiB a second is one cell every 63 ms, which is 5.3 GiB a day each way", () => {
    const rate = constantRateOf(65_536);
    expect(rate).toEqual({ cells: 1, intervalMs: 63 });
    expect(((constantRateBytes(rate) * 86_400) / 2 ** 30).toFixed(1)).toBe("5.3");
  });

  it("below or above the limits is refused to the person", () => {
    expect(() => constantRateOf(MIN_CONSTANT_RATE_BYTES - 1)).toThrow("32768 to 1048576 bytes a second");
    expect(() => constantRateOf(MAX_CONSTANT_RATE_BYTES + 1)).toThrow("32768 to 1048576 bytes a second");
    expect(() => constantRateOf(Number.NaN)).toThrow();
  });

  it.each<[string, ConstantRate, boolean]>([
    ["the shortest time between records", { cells: 1, intervalMs: MIN_CONSTANT_RATE_INTERVAL_MS }, true],
    ["less than that", { cells: 1, intervalMs: MIN_CONSTANT_RATE_INTERVAL_MS - 1 }, false],
    ["the longest time between records", { cells: 1, intervalMs: MAX_CONSTANT_RATE_INTERVAL_MS }, true],
    ["more than that", { cells: 1, intervalMs: MAX_CONSTANT_RATE_INTERVAL_MS + 1 }, false],
    ["the highest rate", { cells: 15, intervalMs: 59 }, true],
    ["more than that", { cells: 15, intervalMs: 58 }, false],
    ["an interval without cells", { cells: 0, intervalMs: 100 }, false],
    ["cells without an interval", { cells: 3, intervalMs: 0 }, false],
  ])("that asks for %s: %o, granted: %s", (_, rate, isGranted) => {
    expect(constantRateAsked(askForConstantRate(rate))).toEqual(isGranted ? rate : "too much");
  });

  it("is not asked for, nor granted, by other features", () => {
    expect(constantRateAsked(0xffff)).toBeUndefined();
    expect(grantsConstantRate(CONSTANT_RATE_GRANTED)).toBe(true);
    expect(grantsConstantRate(0xffff_fffe)).toBe(false);
  });
});

describe("the beats of a constant rate", () => {
  it("lie on a grid; one that is missed is left out", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(500), { maxLength: 40 }), (late) => {
        const beats = new Beats(RATE, 7);
        for (const by of late) {
          const now = beats.next + by;
          expect(beats.due(beats.next - 1)).toBe(false);
          expect(beats.due(now)).toBe(true);
          expect(beats.due(now)).toBe(false);
          expect((beats.next - 7) % RATE.intervalMs).toBe(0);
          expect(beats.next - now).toBeGreaterThan(0);
          expect(beats.next - now).toBeLessThanOrEqual(RATE.intervalMs);
        }
      }),
    );
  });
});

/** What a machine sends by itself until `end`; `work` happens before each of its deadlines. */
function watch(machine: LinkMachine, end: Millis, work: (now: Millis) => void = () => {}): string[] {
  const seen: string[] = [];
  for (let now = machine.nextDeadline()!; now <= end; now = machine.nextDeadline()!) {
    work(now);
    for (const { length } of sent(machine.handle({ type: "deadline" }, now))) seen.push(`${now} ${length}`);
  }
  return seen;
}

function constantPair() {
  const pair = openPair();
  for (const machine of [pair.initiator, pair.responder])
    expect(machine.handle({ type: "constant-rate", rate: RATE }, 0)).toEqual([]);
  return pair;
}

describe("a link with a constant rate", () => {
  it("sends the same records at the same times, whether it has nothing, something or too much to send", () => {
    const idle = watch(constantPair().initiator, 10_000);
    expect(idle).toEqual(Array.from({ length: 100 }, (_, n) => `${100 * (n + 1)} ${3 * CELL_BYTES + 16}`));
    for (const cells of [1, 3, 20]) {
      const { initiator } = constantPair();
      let seen: string[] = [];
      expect(() => {
        seen = watch(initiator, 10_000, (now) => {
          for (let cell = 0; cell < cells && !initiator.wouldRefuse(1 as never, 3); cell++)
            expect(initiator.handle(relayCell(1), now)).toEqual([]);
          expect(initiator.handle({ type: "flush" }, now)).toEqual([]);
        });
      }).not.toThrow();
      expect(seen).toEqual(idle);
    }
  });

  it("carries its cells in order, first in the record, with PADDING behind them", () => {
    const { initiator, responder } = constantPair();
    for (let mark = 1; mark <= 4; mark++) initiator.handle(relayCell(9, mark), 0);
    const cells = [100, 200].flatMap((now) => {
      const [delivery] = deliver(responder, initiator.handle({ type: "deadline" }, now), now);
      if (delivery?.type !== "cells") throw new Error("no cells");
      return Array.from({ length: 3 }, (_, n) => {
        const at = n * CELL_BYTES;
        return `${delivery.cells[at + 3]}:${delivery.cells[at + 6]}`;
      });
    });
    expect(cells).toEqual(["9:1", "9:2", "9:3", "9:4", "0:0", "0:0"]);
  });

  it("takes no more than a record holds", () => {
    const { initiator } = openPair();
    initiator.handle({ type: "constant-rate", rate: { cells: MAX_RECORD_CELLS, intervalMs: 100 } }, 0);
    for (let mark = 0; mark < 40; mark++) initiator.handle(relayCell(1, mark), 0);
    expect(sent(initiator.handle({ type: "deadline" }, 100))).toHaveLength(1);
    expect(initiator.queuedFor(1 as never)).toBe(40 - MAX_RECORD_CELLS);
  });

  it("leaves out the beats that find the connection full, and sends none of them later", () => {
    const { initiator } = constantPair();
    initiator.handle({ type: "blocked" }, 0);
    expect(watch(initiator, 1000)).toEqual([]);
    expect(initiator.handle({ type: "drained" }, 1050)).toEqual([]);
    expect(watch(initiator, 1200).map((record) => record.split(" ")[0])).toEqual(["1100", "1200"]);
  });

  it("sends one record after a long sleep of the process", () => {
    const { initiator } = constantPair();
    expect(sent(initiator.handle({ type: "deadline" }, 60_050))).toHaveLength(1);
    expect(initiator.nextDeadline()).toBe(60_100);
  });
});
