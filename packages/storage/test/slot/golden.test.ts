import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { blindedSigner } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import { blockIdFromBytes } from "../../src/block/location.ts";
import { siteKeysOf } from "../../src/slot/site-keys.ts";
import { decodeSlot, encodeSlot, type SlotHeader } from "../../src/slot/slot.ts";
import { openSlotBody, sealSlotBody } from "../../src/slot/slot-body.ts";
import type { SlotContent } from "../../src/slot/slot-content.ts";
import { sitePublicKey, siteSeed, successorKeyOf } from "./slots.ts";

/*
 * The encoders are frozen: a change of any byte fails here. Inputs: bytes(n, s) is the byte i -> (i * 7 + s) mod 256; site n has the
 * seed of 32 bytes n. If a format must change, it gets a new version or kind, and these vectors stay.
 */
const bytes = (length: number, start: number) =>
  Uint8Array.from({ length }, (_, i) => (i * 7 + start) & 0xff);
const hex = (value: Uint8Array) => Buffer.from(value).toString("hex");
const keys = siteKeysOf(nodeProvider, sitePublicKey(1));

const header = (fields: Partial<SlotHeader>): SlotHeader => ({
  ...{ kind: "edition", id: keys.slotId, sequence: 1, previous: undefined, successor: undefined },
  nonce: bytes(24, 1),
  ...fields,
});
const edition: SlotContent = {
  ...{ kind: "edition", rootId: blockIdFromBytes(bytes(32, 2)), readKey: bytes(32, 3) },
  ...{ time: undefined, title: undefined, earlier: [] },
};
const earlier = [9, 7, 1].map((number) => ({
  ...{ number, rootId: blockIdFromBytes(bytes(32, number)), readKey: bytes(32, number + 1) },
  hash: bytes(32, number + 2),
}));
const successor = successorKeyOf(2, 1);
const owner = blindedSigner(nodeProvider, siteSeed(1), { kind: "slot" });
const next = blindedSigner(nodeProvider, siteSeed(2), { kind: "successor", of: keys.publicKey });

const SLOTS: readonly (readonly [string, SlotHeader, SlotContent, typeof owner])[] = [
  ["first edition", header({}), edition, owner],
  [
    "tenth edition",
    header({ sequence: 10, previous: bytes(32, 11), successor }),
    { ...edition, time: 1_700_000_000, title: "ä site", earlier },
    owner,
  ],
  [
    "revocation",
    header({ kind: "revocation", sequence: 10, previous: bytes(32, 12), successor }),
    { kind: "revocation", text: "stolen" },
    owner,
  ],
  [
    "handover",
    header({ kind: "handover", sequence: 10, previous: bytes(32, 12), successor }),
    { kind: "handover", siteKey: sitePublicKey(2), text: undefined },
    next,
  ],
];

const slotVector = (head: SlotHeader, content: SlotContent, signer: typeof owner) => {
  const block = encodeSlot(head, sealSlotBody(nodeProvider, keys, head, content), signer);
  const slot = decodeSlot(nodeProvider, keys.slotId, block);
  expect(openSlotBody(nodeProvider, keys, slot)).toEqual(content);
  return {
    header: hex(block.subarray(0, 136)),
    last16: hex(block.subarray(-16)),
    sha256: createHash("sha256").update(block).digest("hex"),
    hash: hex(slot.hash),
  };
};

const MADE: Readonly<Record<string, unknown>> = {
  keys: {
    ...keys,
    ...{ publicKey: hex(keys.publicKey), verifyKey: hex(keys.verifyKey) },
    readKey: hex(keys.readKey),
  },
  ...Object.fromEntries(SLOTS.map(([name, ...parts]) => [name, slotVector(...parts)])),
};

describe("the encoders of slots write what they wrote when they were frozen", () => {
  const frozen = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8"));
  for (const [name, made] of Object.entries(MADE)) it(name, () => expect(made).toEqual(frozen[name]));
  it("and every vector is made", () => expect(Object.keys(frozen)).toEqual(Object.keys(MADE)));
});
