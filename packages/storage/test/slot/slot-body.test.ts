import { BLOCK_BYTES, blindedSigner, xchacha20Poly1305 } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { verifyKeyOf } from "../../src/block/block.ts";
import { blockIdFromBytes } from "../../src/block/location.ts";
import { siteKeysOf } from "../../src/slot/site-keys.ts";
import { decodeSlot, encodeSlot, encodeSlotHeader, type SlotHeader } from "../../src/slot/slot.ts";
import { openSlotBody, openSlotVerifyPart, sealSlotBody } from "../../src/slot/slot-body.ts";
import {
  type EarlierEdition,
  type EditionContent,
  MAX_LISTED_EDITIONS,
  MAX_SLOT_TEXT_BYTES,
  type SlotContent,
  slotTextFault,
} from "../../src/slot/slot-content.ts";
import { sitePublicKey, siteSeed, successorKeyOf } from "./slots.ts";

const keys = siteKeysOf(nodeProvider, sitePublicKey(1));
const bytes = (length: number, fill: number) => new Uint8Array(length).fill(fill);
const owner = blindedSigner(nodeProvider, siteSeed(1), { kind: "slot" });

const header = (fields: Partial<SlotHeader> = {}): SlotHeader => ({
  ...{ kind: "edition", id: keys.slotId, sequence: 1, previous: undefined, successor: undefined },
  nonce: bytes(24, 5),
  ...fields,
});
const edition = (fields: Partial<EditionContent> = {}): EditionContent => ({
  ...{ kind: "edition", rootId: blockIdFromBytes(bytes(32, 6)), readKey: bytes(32, 7) },
  ...{ time: undefined, title: undefined, earlier: [] },
  ...fields,
});
const earlier = (number: number): EarlierEdition => ({
  ...{ number, rootId: blockIdFromBytes(bytes(32, number)), readKey: bytes(32, number + 1) },
  hash: bytes(32, number + 2),
});
const slotOf = (head: SlotHeader, content: SlotContent, signer = owner) =>
  decodeSlot(
    nodeProvider,
    keys.slotId,
    encodeSlot(head, sealSlotBody(nodeProvider, keys, head, content), signer),
  );
const failure = (use: () => unknown): unknown => {
  try {
    use();
  } catch (error) {
    return (error as { code?: string }).code;
  }
  return undefined;
};

describe("the body of a slot", () => {
  it("says to readers what the owner wrote, for any title, time and list", () => {
    const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 200 }), { maxLength: 30 });
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 30 }), numbers, fc.nat(), (text, list, time) => {
        if (slotTextFault(text) !== undefined) return;
        const listed = list.sort((a, b) => b - a).map(earlier);
        const head = header({ sequence: 201, previous: listed[0]?.hash ?? bytes(32, 1) });
        const content = edition({ title: text || undefined, time: time || undefined, earlier: listed });
        expect(openSlotBody(nodeProvider, keys, slotOf(head, content))).toEqual(content);
      }),
      { numRuns: 20 },
    );
  });

  it("shows with the verify key the root and its verify key, and nothing to read with", () => {
    const slot = slotOf(header(), edition());
    expect(openSlotVerifyPart(nodeProvider, keys.verifyKey, slot)).toEqual({
      ...{ kind: "edition", rootId: edition().rootId },
      verifyKey: verifyKeyOf(nodeProvider, edition().readKey),
    });
    const attenuated = { ...keys, readKey: keys.verifyKey };
    expect(failure(() => openSlotBody(nodeProvider, attenuated, slot))).toBe("CRYPTO_FAILED");
  });

  it("does not open for another site, and says nothing to who knows the slot's name alone", () => {
    const slot = slotOf(header(), edition());
    const other = siteKeysOf(nodeProvider, sitePublicKey(2));
    expect(failure(() => openSlotBody(nodeProvider, other, slot))).toBe("CRYPTO_FAILED");
    expect(failure(() => openSlotVerifyPart(nodeProvider, bytes(32, 0), slot))).toBe("CRYPTO_FAILED");
    expect(new Set([keys.slotId, other.slotId]).size).toBe(2);
  });

  it("is bound to its header: it does not open under another number, hash, successor or nonce", () => {
    const head = header({ sequence: 3, previous: bytes(32, 4) });
    const body = sealSlotBody(nodeProvider, keys, head, edition());
    for (const change of [
      { sequence: 4 },
      { previous: bytes(32, 5) },
      { successor: successorKeyOf(2, 1) },
      { nonce: bytes(24, 6) },
    ]) {
      const moved = decodeSlot(nodeProvider, keys.slotId, encodeSlot({ ...head, ...change }, body, owner));
      expect(failure(() => openSlotBody(nodeProvider, keys, moved))).toBe("CRYPTO_FAILED");
    }
  });

  it("takes the longest list beside the longest title, and refuses one more", () => {
    const listed = Array.from({ length: MAX_LISTED_EDITIONS + 1 }, (_, at) => ({
      ...earlier(1),
      number: 1000 - at,
    }));
    const head = header({ sequence: 1001, previous: earlier(1).hash });
    const title = "t".repeat(MAX_SLOT_TEXT_BYTES);
    const most = edition({ title, earlier: listed.slice(1) });
    const longest = slotOf(header({ sequence: 1000, previous: earlier(1).hash }), most);
    expect(openSlotBody(nodeProvider, keys, longest)).toEqual(most);
    expect(MAX_LISTED_EDITIONS).toBe(306);
    expect(() => slotOf(head, edition({ title, earlier: listed }))).toThrow();
  });

  it("refuses a list that does not begin with the edition before, or does not go down", () => {
    const head = header({ sequence: 9, previous: earlier(8).hash });
    for (const list of [[earlier(7)], [earlier(8), earlier(8)], [earlier(8), { ...earlier(7), number: 8 }]])
      expect(failure(() => slotOf(head, edition({ earlier: list })))).toBe("INTERNAL");
    expect(failure(() => slotOf(header(), edition({ earlier: [earlier(1)] })))).toBe("INTERNAL");
  });

  it("refuses texts that cannot be shown on a terminal, and those above the cap", () => {
    for (const text of ["a\nb", "\u001b[2J", "\u202eabc", "\ud800", "x".repeat(MAX_SLOT_TEXT_BYTES + 1)]) {
      expect(failure(() => slotOf(header(), edition({ title: text })))).toBe("BAD_INPUT");
    }
    expect(slotTextFault("x".repeat(MAX_SLOT_TEXT_BYTES))).toBeUndefined();
  });

  it("is refused when its compartments do not say the same, or the padding is not zero", () => {
    const aead = xchacha20Poly1305(nodeProvider);
    const head = header();
    const bound = encodeSlotHeader(head);
    const body = sealSlotBody(nodeProvider, keys, head, edition());
    const outer = aead.open(keys.verifyKey, head.nonce, bound, body)!;
    const forged = (change: (verifyPart: Uint8Array, readPart: Uint8Array) => void) => {
      const verifyPart = outer.slice(0, 65);
      const associated = () => Uint8Array.from([...bound, ...verifyPart]);
      const readPart = aead.open(keys.readKey, head.nonce, associated(), outer.subarray(65))!;
      change(verifyPart, readPart);
      const inner = aead.seal(keys.readKey, head.nonce, associated(), readPart);
      const whole = Uint8Array.from([...verifyPart, ...inner]);
      const sealed = aead.seal(keys.verifyKey, head.nonce, bound, whole);
      const slot = decodeSlot(nodeProvider, keys.slotId, encodeSlot(head, sealed, owner));
      return failure(() => openSlotBody(nodeProvider, keys, slot));
    };
    expect(forged(() => {})).toBeUndefined();
    const changes: readonly ((verifyPart: Uint8Array, readPart: Uint8Array) => void)[] = [
      (verifyPart) => void verifyPart.fill(2, 0, 1),
      (verifyPart) => void verifyPart.fill(9, 33, 34),
      (_, readPart) => void readPart.fill(2, 0, 1),
      (_, readPart) => void readPart.fill(1, readPart.length - 1),
      (_, readPart) => void readPart.fill(255, 33, 41),
      (_, readPart) => void readPart.fill(1, 42, 44),
      (_, readPart) => void readPart.fill(255, 42, 44),
    ];
    for (const change of changes) expect(forged(change)).toBe("BAD_ENCODING");
  });
});

describe("revocation and handover", () => {
  const successor = successorKeyOf(2, 1);
  const head = header({ kind: "handover", sequence: 4, previous: bytes(32, 4), successor });
  const use = { kind: "successor", of: keys.publicKey } as const;
  const content = { kind: "handover", siteKey: sitePublicKey(2), text: "moved" } as const;

  it("tell readers the owner's words, and repairers nothing or the next slot", () => {
    const revoked = { kind: "revocation", text: "the key was stolen" } as const;
    const revocation = slotOf(header({ kind: "revocation", sequence: 0 }), revoked);
    expect(openSlotBody(nodeProvider, keys, revocation)).toEqual(revoked);
    expect(openSlotVerifyPart(nodeProvider, keys.verifyKey, revocation)).toEqual({ kind: "revocation" });
    const handover = slotOf(head, content, blindedSigner(nodeProvider, siteSeed(2), use));
    expect(openSlotBody(nodeProvider, keys, handover)).toEqual(content);
    const next = siteKeysOf(nodeProvider, sitePublicKey(2));
    expect(openSlotVerifyPart(nodeProvider, keys.verifyKey, handover)).toEqual({
      ...{ kind: "handover", slotId: next.slotId, verifyKey: next.verifyKey },
    });
  });

  it("lead nowhere but to the signer's own site", () => {
    const elsewhere = { ...content, siteKey: sitePublicKey(3) };
    expect(failure(() => sealSlotBody(nodeProvider, keys, head, elsewhere))).toBe("INTERNAL");
  });

  it("are one block, as an edition is, and their bodies cannot be told apart by length", () => {
    const lengths = [
      slotOf(header(), edition()),
      slotOf(header({ kind: "revocation" }), { kind: "revocation", text: undefined }),
    ].map((slot) => slot.bytes.length);
    expect(lengths).toEqual([BLOCK_BYTES, BLOCK_BYTES]);
  });
});
