import { CELL_BYTES, type Millis, type RandomSource } from "@umbel/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ksBound, ksStatistic } from "../../../../test/support/kolmogorov-smirnov.ts";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { LINK_KEEPALIVE_MS, LINK_PADDING_MAX_MS, LINK_PADDING_MIN_MS } from "../../src/limits.ts";
import type { LinkMachine } from "../../src/link/link-machine.ts";
import { drawPaddingSilence, PaddingTimer } from "../../src/link/padding.ts";
import { credentialsOf, deliver, openPair, relayCell, sent } from "../support/link-pair.ts";

const SPAN = LINK_PADDING_MAX_MS - LINK_PADDING_MIN_MS;
const DRAWS = 4000;
const ALPHA = 1e-4;

/** The published distribution by another road: the greater of two uniform draws has the square root of one as its inverse. */
function published(seed: string): number[] {
  const random = createSeededRandom(seed);
  return Array.from({ length: DRAWS }, () => LINK_PADDING_MIN_MS + Math.sqrt(random.fraction()) * SPAN);
}

const tellsApart = (silences: readonly number[]) =>
  ksStatistic(silences, published("published")) > ksBound(silences.length, DRAWS, ALPHA);

/** Random bytes that are all the same. */
const always = (byte: number): RandomSource => ({ bytes: (length) => new Uint8Array(length).fill(byte) });

/** Asks a timer at each of its deadlines from `from` on until padding is due. */
function dueAt(timer: PaddingTimer): Millis {
  for (;;) {
    const now = timer.deadline;
    if (timer.due(now)) return now;
  }
}

describe("the silence before padding", () => {
  it("is the greater of two uniform draws from 1.5 to 9.5 s", () => {
    expect([LINK_PADDING_MIN_MS, LINK_PADDING_MAX_MS]).toEqual([1500, 9500]);
    const random = createSeededRandom("silences");
    const silences = Array.from({ length: DRAWS }, () => drawPaddingSilence(random));
    expect(tellsApart(silences)).toBe(false);
    expect(Math.min(...silences)).toBeGreaterThanOrEqual(LINK_PADDING_MIN_MS);
    expect(Math.max(...silences)).toBeLessThanOrEqual(LINK_PADDING_MAX_MS);
  });

  it("would be told apart if it were one draw, or a twentieth longer", () => {
    const random = createSeededRandom("planted");
    const single = Array.from({ length: DRAWS }, () => LINK_PADDING_MIN_MS + random.fraction() * SPAN);
    expect(tellsApart(single)).toBe(true);
    const longer = Array.from({ length: DRAWS }, () => drawPaddingSilence(random) * 1.05);
    expect(tellsApart(longer)).toBe(true);
  });

  it("is 1.5 s for the lowest draws", () => {
    expect(drawPaddingSilence(always(0))).toBe(LINK_PADDING_MIN_MS);
  });
});

describe("the padding timer", () => {
  it("keeps to the distribution, whatever traffic came before the silence", () => {
    const random = createSeededRandom("timer");
    const traffic = createSeededRandom("traffic");
    const timer = new PaddingTimer(random, 0);
    const silences: number[] = [];
    let now = 0;
    for (let at = 0; at < DRAWS; at++) {
      // Traffic that comes before padding is due, some of it long after a draw: what was drawn then must not count.
      for (let more = Math.floor(traffic.fraction() * 4); more > 0; more--) {
        const next = now + Math.floor(traffic.fraction() * 2 * LINK_PADDING_MIN_MS);
        let due = false;
        while (!due && timer.deadline <= next) due = timer.due(timer.deadline);
        if (due) break;
        timer.sent(next);
        now = next;
      }
      timer.sent(now);
      const due = dueAt(timer);
      silences.push(due - now);
      timer.sent(due);
      now = due;
    }
    expect(tellsApart(silences)).toBe(false);
  });

  it("never asks to be woken later than the shortest silence after traffic, and never pads before it", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(12_000), { maxLength: 30 }), fc.integer(), (pauses, seed) => {
        const timer = new PaddingTimer(createSeededRandom(seed), 0);
        let now = 0;
        for (const pause of pauses) {
          const next = now + pause;
          while (timer.deadline <= next) {
            const at = timer.deadline;
            if (!timer.due(at)) continue;
            expect(at - now).toBeGreaterThanOrEqual(LINK_PADDING_MIN_MS);
            expect(at - now).toBeLessThanOrEqual(LINK_PADDING_MAX_MS);
            timer.sent(at);
            now = at;
          }
          now = next;
          timer.sent(now);
          expect(timer.deadline).toBeLessThanOrEqual(now + LINK_PADDING_MIN_MS);
        }
      }),
    );
  });
});

/** Lets a machine sleep until `end`: the times and sizes of what it sends by itself. */
function sleep(machine: LinkMachine, end: Millis): { at: Millis; bytes: number }[] {
  const seen: { at: Millis; bytes: number }[] = [];
  for (let now = machine.nextDeadline()!; now <= end; now = machine.nextDeadline() ?? end + 1) {
    for (const { length } of sent(machine.handle({ type: "deadline" }, now)))
      seen.push({ at: now, bytes: length });
  }
  return seen;
}

describe("padding of a link", () => {
  it.each(["initiator", "responder"] as const)("of a client pads at both ends: here the %s", (end) => {
    const machine = openPair()[end];
    const seen = sleep(machine, 60_000);
    expect(seen.map(({ bytes }) => bytes)).toEqual(seen.map(() => CELL_BYTES + 16));
    const times = [0, ...seen.map(({ at }) => at)];
    const gaps = times.slice(1).map((at, index) => at - times[index]!);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(LINK_PADDING_MAX_MS);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(LINK_PADDING_MIN_MS);
  });

  it("between two nodes is the keep-alive alone", () => {
    const { initiator, responder } = openPair(0, { credentials: credentialsOf("node") });
    for (const machine of [initiator, responder])
      expect(sleep(machine, 60_000).map(({ at }) => at)).toEqual([LINK_KEEPALIVE_MS, 2 * LINK_KEEPALIVE_MS]);
  });

  it("starts over with each record of that direction, and not with one that comes in", () => {
    const { initiator, responder } = openPair(0, { random: always(0) });
    expect(initiator.nextDeadline()).toBe(LINK_PADDING_MIN_MS);
    responder.handle(relayCell(1), 1000);
    deliver(initiator, responder.handle({ type: "flush" }, 1000), 1000);
    expect(sent(initiator.handle({ type: "deadline" }, LINK_PADDING_MIN_MS))).toHaveLength(1);
    initiator.handle(relayCell(1), 2000);
    initiator.handle({ type: "flush" }, 2000);
    expect(sleep(initiator, 2000 + LINK_PADDING_MIN_MS).map(({ at }) => at)).toEqual([
      2000 + LINK_PADDING_MIN_MS,
    ]);
  });

  it("is left out while the connection is full, which is no silence", () => {
    const { initiator } = openPair();
    initiator.handle({ type: "blocked" }, 0);
    expect(sleep(initiator, 30_000)).toEqual([]);
  });
});
