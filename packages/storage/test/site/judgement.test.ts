import { equalBytes } from "@umbel/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BlockCopy } from "../../src/block/block-network.ts";
import { distinct, editionsOf, judge, type LocationAnswer } from "../../src/site/judgement.ts";
import type { Slot } from "../../src/slot/slot.ts";
import { offerSlot, slotToServe } from "../../src/slot/slot-rules.ts";
import { slot } from "../slot/slots.ts";

/** An honest history: each edition names the one before. */
const CHAIN: readonly Slot[] = (() => {
  const chain: Slot[] = [slot({ sequence: 1 })];
  while (chain.length < 8) {
    const { sequence, hash } = chain.at(-1) as Slot;
    chain.push(slot({ sequence: sequence + 1, previous: hash, ...(sequence >= 3 ? { successor: 2 } : {}) }));
  }
  return chain;
})();
const listOf = (chain: readonly Slot[]) => (edition: Slot) =>
  editionsOf(chain)
    .filter(({ sequence }) => sequence < edition.sequence)
    .map(({ sequence, hash }) => ({ number: sequence, hash }));

/** What a holder answers that was given some blocks in some order. */
function answerOf(copy: BlockCopy, given: readonly Slot[]): LocationAnswer {
  let kept: readonly Slot[] = [];
  for (const block of given) kept = offerSlot(kept, block).kept;
  const served = [slotToServe(kept, 0, false), slotToServe(kept, 0, true)];
  return { copy, slots: served.filter((block) => block !== undefined) };
}

describe("what a reader makes of answers", () => {
  it("is never an alarm for an honest history, however far holders are behind each other, and memory never falls back", () => {
    const given = fc.shuffledSubarray([...CHAIN], { minLength: 1 });
    fc.assert(
      fc.property(fc.array(fc.tuple(given, given), { minLength: 1, maxLength: 5 }), (looks) => {
        let seen: readonly Slot[] = [];
        for (const [first, second] of looks) {
          const answers = [answerOf(0, first), answerOf(1, second)];
          const { alarms, memory, newest } = judge(seen, answers, listOf(CHAIN));
          const before = editionsOf(seen)[0]?.sequence ?? 0;
          const offered = Math.max(...[...first, ...second].map(({ sequence }) => sequence));
          expect(alarms.map(({ kind }) => kind)).toEqual(offered < before ? ["rollback"] : []);
          expect(newest?.sequence).toBe(Math.max(before, offered));
          expect(memory).toEqual([newest]);
          seen = memory;
        }
      }),
      { numRuns: 100 },
    );
  });

  it("is an alarm whenever two blocks with one number are offered as the newest, by one holder or by two", () => {
    const other = slot({ sequence: 8, previous: (CHAIN[6] as Slot).hash, successor: 2, fill: 9 });
    const [newest] = editionsOf(CHAIN);
    for (const [first, second] of [
      [[...CHAIN, other], [...CHAIN]],
      [[...CHAIN], [...CHAIN.slice(0, 7), other]],
    ] as const) {
      const answers = [answerOf(0, first), answerOf(2, second)];
      const { alarms, memory } = judge([], answers, listOf(CHAIN));
      expect(alarms.map(({ kind }) => kind)).toEqual(["fork"]);
      expect(distinct(memory)).toHaveLength(2);
      expect(memory.some(({ hash }) => equalBytes(hash, (newest as Slot).hash))).toBe(true);
    }
  });

  it("says which locations are behind", () => {
    const answers = [answerOf(2, CHAIN), answerOf(0, CHAIN.slice(0, 5)), answerOf(1, [])];
    expect(judge([], answers, listOf(CHAIN)).behind).toEqual([0]);
  });
});
