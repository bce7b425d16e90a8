import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SLOT_KEPT_EDITIONS } from "../../src/limits.ts";
import { type Slot, slotRank } from "../../src/slot/slot.ts";
import { offerSlot, slotToServe } from "../../src/slot/slot-rules.ts";
import { slot } from "./slots.ts";

/** What a holder keeps after all offers, in order, and what it said. */
function offered(...blocks: readonly Slot[]) {
  let kept: readonly Slot[] = [];
  const verdicts = blocks.map((block) => {
    const answer = offerSlot(kept, block);
    kept = answer.kept;
    return answer.verdict;
  });
  return { kept, verdicts };
}

const edition = (sequence: number, successor?: number, fill = 0) =>
  slot({ sequence, fill, ...(successor === undefined ? {} : { successor }) });
const handover = (successor: number, sequence = 1) => slot({ kind: "handover", sequence, successor });
const revocation = (successor?: number, fill = 0) =>
  slot({ kind: "revocation", sequence: 1, fill, ...(successor === undefined ? {} : { successor }) });

describe("what a holder keeps of a slot", () => {
  it("is the newest numbers up to the cap, whatever the order, and no more", () => {
    const blocks = Array.from({ length: SLOT_KEPT_EDITIONS + 1 }, (_, at) => edition(at + 1));
    fc.assert(
      fc.property(fc.shuffledSubarray(blocks, { minLength: blocks.length }), (order) => {
        expect(offered(...order).kept).toEqual([...blocks].sort(slotRank).slice(0, SLOT_KEPT_EDITIONS));
      }),
      { numRuns: 20 },
    );
    expect(offered(...[...blocks].reverse()).verdicts.at(-1)).toBe("outranked");
  });

  it("is two blocks of one number, the lower hashes first, and not a third", () => {
    const three = [1, 2, 3].map((fill) => edition(5, undefined, fill)).sort(slotRank);
    const { kept, verdicts } = offered(...three);
    expect(kept).toEqual(three.slice(0, 2));
    expect(verdicts).toEqual(["taken", "taken", "outranked"]);
    expect(offered(...[...three].reverse()).kept).toEqual(three.slice(0, 2));
  });

  it("says that it knows a block that it keeps", () => {
    expect(offered(edition(1), edition(1)).verdicts).toEqual(["taken", "known"]);
  });

  it("keeps a revocation and a handover beside the editions", () => {
    const { kept } = offered(edition(1, 2), revocation(2), handover(2));
    expect(kept.map(({ kind }) => kind)).toEqual(["handover", "revocation", "edition"]);
  });
});

describe("a successor, once named", () => {
  it("stays: an edition or revocation that names another, or none, is refused", () => {
    const late = [edition(3, 3), edition(3), revocation(3), revocation(), handover(3)];
    for (const block of late) expect(offered(edition(2, 2), block).verdicts[1]).toBe("other successor");
  });

  it("may be named after editions without one, which may come late", () => {
    expect(offered(edition(1), edition(2, 2), edition(3, 2)).verdicts).toEqual(["taken", "taken", "taken"]);
    expect(offered(edition(3, 2), edition(2, 2), edition(1)).verdicts).toEqual(["taken", "taken", "taken"]);
    expect(offered(edition(3), edition(2, 2)).verdicts[1]).toBe("other successor");
  });

  it("may differ within one number by being there or not: that is evidence", () => {
    expect(offered(edition(2), edition(2, 2)).verdicts).toEqual(["taken", "taken"]);
    expect(offered(edition(2, 2), edition(2)).verdicts).toEqual(["taken", "taken"]);
  });

  it("alone can hand the slot over, and only where a kept block names it", () => {
    expect(offered(handover(2)).verdicts).toEqual(["other successor"]);
    expect(offered(edition(1), handover(2)).verdicts[1]).toBe("other successor");
    expect(offered(edition(1, 2), handover(2)).verdicts[1]).toBe("taken");
    expect(offered(revocation(2), handover(2)).verdicts[1]).toBe("taken");
  });
});

describe("what a reader is given", () => {
  const fork = [1, 2].map((fill) => edition(5, undefined, fill)).sort(slotRank);

  it("is the newest, or the edition with the number asked for", () => {
    const { kept } = offered(edition(1), edition(2), edition(3));
    expect(slotToServe(kept, 0, false)?.sequence).toBe(3);
    expect(slotToServe(kept, 2, false)?.sequence).toBe(2);
    expect(slotToServe(kept, 4, false)).toBeUndefined();
    expect(slotToServe(kept, 0, true)).toBeUndefined();
    expect(slotToServe([], 0, false)).toBeUndefined();
  });

  it("is the other edition of a fork when asked for the conflict", () => {
    const { kept } = offered(edition(4), ...fork);
    expect(slotToServe(kept, 0, false)).toBe(fork[0]);
    expect(slotToServe(kept, 0, true)).toBe(fork[1]);
    expect(slotToServe(kept, 5, true)).toBe(fork[1]);
    expect(slotToServe(kept, 4, true)).toBeUndefined();
  });

  it("is what a revocation or handover stands above when asked for the conflict", () => {
    const { kept } = offered(edition(1, 2), revocation(2));
    expect(slotToServe(kept, 0, false)?.kind).toBe("revocation");
    expect(slotToServe(kept, 0, true)?.kind).toBe("edition");
  });
});
