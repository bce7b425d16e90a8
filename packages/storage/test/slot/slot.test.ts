import { BLOCK_BYTES, blindedSigner } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeSlot,
  encodeSlot,
  SLOT_BODY_BYTES,
  SLOT_HEADER_BYTES,
  slotHash,
  slotRank,
} from "../../src/slot/slot.ts";
import { siteSeed, slot, slotBlock, slotIdOf, successorKeyOf } from "./slots.ts";

const failure = (use: () => unknown): unknown => {
  try {
    use();
  } catch (error) {
    return (error as { code?: string }).code;
  }
  return undefined;
};
const open = (bytes: Uint8Array, site = 1) => decodeSlot(nodeProvider, slotIdOf(site), bytes);

describe("a slot block", () => {
  it("is one block, and comes back with all its fields", () => {
    expect(SLOT_HEADER_BYTES + SLOT_BODY_BYTES + 64).toBe(BLOCK_BYTES);
    const previous = new Uint8Array(32).fill(9);
    const bytes = slotBlock({ sequence: 2 ** 53 - 1, previous, successor: 2, fill: 7 });
    const decoded = open(bytes);
    expect(decoded).toMatchObject({ kind: "edition", id: slotIdOf(1), sequence: 2 ** 53 - 1, previous });
    expect(decoded.successor).toEqual(successorKeyOf(2, 1));
    expect(decoded.nonce).toEqual(new Uint8Array(24).fill(3));
    expect(decoded.body).toEqual(new Uint8Array(SLOT_BODY_BYTES).fill(7));
    expect(decoded.hash).toEqual(slotHash(nodeProvider, bytes));
    expect(decoded.bytes).toBe(bytes);
  });

  it("is refused when any byte is another", () => {
    const bytes = slotBlock({ successor: 2 });
    fc.assert(
      fc.property(fc.nat(BLOCK_BYTES - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const altered = bytes.slice();
        altered[at]! ^= flip;
        expect(["BAD_ENCODING", "CRYPTO_FAILED"]).toContain(failure(() => open(altered)));
      }),
      { numRuns: 60 },
    );
    for (let at = 0; at < 8; at++) {
      const altered = bytes.slice();
      altered[at]! ^= 4;
      expect(failure(() => open(altered))).toBe("BAD_ENCODING");
    }
  });

  it("is refused under another slot's name, one byte short, and one too long", () => {
    const bytes = slotBlock({});
    expect(failure(() => open(bytes, 2))).toBe("BAD_ENCODING");
    expect(failure(() => open(bytes.subarray(1)))).toBe("BAD_ENCODING");
    expect(failure(() => open(Uint8Array.from([...bytes, 0])))).toBe("BAD_ENCODING");
  });

  it("is refused for edition 0, a first edition with one before it, and a later one without", () => {
    for (const fields of [
      { sequence: 0 },
      { sequence: 1, previous: new Uint8Array(32).fill(1) },
      { sequence: 2, previous: undefined },
    ])
      expect(failure(() => slot(fields))).toBe("BAD_ENCODING");
  });

  it("as a handover is signed by the successor's key alone, and names it", () => {
    const handover = slot({ kind: "handover", sequence: 3, successor: 2 });
    expect(handover.successor).toEqual(successorKeyOf(2, 1));
    expect(failure(() => slot({ kind: "handover", sequence: 3 }))).toBe("BAD_ENCODING");
    const owner = blindedSigner(nodeProvider, siteSeed(1), { kind: "slot" });
    expect(failure(() => encodeSlot(handover, handover.body, owner))).toBe("INTERNAL");
    const forged = handover.bytes.slice();
    forged.set(owner.sign(forged.subarray(0, BLOCK_BYTES - 64)), BLOCK_BYTES - 64);
    expect(failure(() => open(forged))).toBe("CRYPTO_FAILED");
  });
});

describe("the rank of slot blocks", () => {
  it("is handover, revocation, higher number, lower hash", () => {
    const [one, other] = [slot({ sequence: 7, fill: 1 }), slot({ sequence: 7, fill: 2 })].sort((a, b) =>
      Buffer.compare(a.hash, b.hash),
    );
    const ranked = [
      slot({ kind: "handover", sequence: 1, successor: 2 }),
      slot({ kind: "revocation", sequence: 2 }),
      slot({ sequence: 8 }),
      one!,
      other!,
      slot({ sequence: 6 }),
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray(ranked, { minLength: 6 }), (shuffled) => {
        expect([...shuffled].sort(slotRank)).toEqual(ranked);
      }),
    );
    expect(slotRank(one!, { ...one! })).toBe(0);
  });
});
