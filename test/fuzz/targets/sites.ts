import { BLOCK_BYTES, blindedSigner, concat, LABELS, xchacha20Poly1305 } from "@umbel/core";
import {
  ConfirmedBlocks,
  decodeEvidence,
  decodeOwnerState,
  decodeSiteKeyFile,
  decodeSlot,
  encodeEvidence,
  encodeOwnerState,
  encodeSiteKeyFile,
  encodeSlot,
  encodeSlotHeader,
  openSlotBody,
  openSlotVerifyPart,
  type Slot,
  type SlotContent,
  type SlotHeader,
  sealSlotBody,
  siteKeysOf,
} from "@umbel/storage";
import { blockIdFromBytes } from "../../../packages/storage/src/block/location.ts";
import { SLOT_BODY_BYTES, SLOT_KIND, type SlotKind } from "../../../packages/storage/src/slot/slot.ts";
import { canonicalTarget, decodedOrRefused, type FuzzTarget, must, mustReencode } from "../target.ts";
import { crypto, noise } from "./fixed.ts";

const ownerSeed = noise("site owner", 32);
const nextSeed = noise("site successor", 32);
const site = siteKeysOf(crypto, crypto.ed25519.publicKey(ownerSeed));
const nextKey = crypto.ed25519.publicKey(nextSeed);
const owner = blindedSigner(crypto, ownerSeed, { kind: "slot" });
const next = blindedSigner(crypto, nextSeed, { kind: "successor", of: site.publicKey });
const aead = xchacha20Poly1305(crypto);

const KINDS = Object.keys(SLOT_KIND) as readonly SlotKind[];
const earlier = [8, 7, 2].map((number) => ({
  ...{ number, rootId: blockIdFromBytes(noise(`root ${number}`, 32)), readKey: noise(`key ${number}`, 32) },
  hash: noise(`hash ${number}`, 32),
}));
const CONTENT: Readonly<Record<SlotKind, SlotContent>> = {
  edition: {
    ...{ kind: "edition", rootId: blockIdFromBytes(noise("root", 32)), readKey: noise("read key", 32) },
    ...{ time: 1_700_000_000, title: "ä title", earlier },
  },
  revocation: { kind: "revocation", text: "stolen" },
  handover: { kind: "handover", siteKey: nextKey, text: undefined },
};

function headerOf(kind: SlotKind): SlotHeader {
  return {
    ...{ kind, id: site.slotId, sequence: 9, previous: noise("hash 8", 32) },
    ...{ successor: next.publicKey, nonce: noise("slot nonce", 24) },
  };
}

function sealed(kind: SlotKind): Uint8Array {
  const header = headerOf(kind);
  const body = sealSlotBody(crypto, site, header, CONTENT[kind]);
  return encodeSlot(header, body, kind === "handover" ? next : owner);
}

const BLINDED_KEY_AT = 8;
const SUCCESSOR_AT = 8 + 32 + 8 + 32;

const slot: FuzzTarget = canonicalTarget({
  name: "slot",
  covers: ["decodeSlot"],
  maxBytes: BLOCK_BYTES + 32,
  codes: ["BAD_ENCODING", "CRYPTO_FAILED"],
  seeds: () => KINDS.map(sealed),
  repair(bytes) {
    if (bytes.length < BLOCK_BYTES) return bytes;
    const block = bytes.slice(0, BLOCK_BYTES);
    block.set(owner.publicKey, BLINDED_KEY_AT);
    const isHandover = block[1] === SLOT_KIND.handover;
    if (isHandover) block.set(next.publicKey, SUCCESSOR_AT);
    const signed = block.subarray(0, BLOCK_BYTES - 64);
    const signature = (isHandover ? next : owner).sign(concat(LABELS.slotSignature, signed));
    block.set(signature, BLOCK_BYTES - 64);
    return block;
  },
  decode: (bytes) => decodeSlot(crypto, site.slotId, bytes),
  encode(decoded, input) {
    const signature = input.subarray(BLOCK_BYTES - 64);
    return concat(encodeSlotHeader(decoded), decoded.body, signature);
  },
});

const VERIFY_PART_BYTES = 65;
const READ_PART_BYTES = SLOT_BODY_BYTES - 32 - VERIFY_PART_BYTES;

/** A body of the owner's with these compartments, whatever stands in them: first the kind, then the plain bytes. */
function slotWith(bytes: Uint8Array): Slot {
  const kind = KINDS[(bytes[0] ?? 0) % KINDS.length] as SlotKind;
  const header = headerOf(kind);
  const plain = new Uint8Array(VERIFY_PART_BYTES + READ_PART_BYTES);
  plain.set(bytes.subarray(1, 1 + plain.length));
  const bound = encodeSlotHeader(header);
  const verifyPart = plain.subarray(0, VERIFY_PART_BYTES);
  const readPart = plain.subarray(VERIFY_PART_BYTES);
  const inner = aead.seal(site.readKey, header.nonce, concat(bound, verifyPart), readPart);
  const body = aead.seal(site.verifyKey, header.nonce, bound, concat(verifyPart, inner));
  return { ...header, body, hash: noise("hash", 32), bytes: new Uint8Array(0) };
}

function plainOf(kind: SlotKind): Uint8Array {
  const header = headerOf(kind);
  const bound = encodeSlotHeader(header);
  const body = sealSlotBody(crypto, site, header, CONTENT[kind]);
  const outer = aead.open(site.verifyKey, header.nonce, bound, body) as Uint8Array;
  const verifyPart = outer.subarray(0, VERIFY_PART_BYTES);
  const inner = outer.subarray(VERIFY_PART_BYTES);
  const readPart = aead.open(site.readKey, header.nonce, concat(bound, verifyPart), inner) as Uint8Array;
  const end = readPart.findLastIndex((byte) => byte !== 0) + 1;
  return concat(Uint8Array.of(KINDS.indexOf(kind)), verifyPart, readPart.subarray(0, end));
}

const slotBody: FuzzTarget = {
  name: "slot-body",
  covers: ["openSlotBody", "openSlotVerifyPart", "decodeReadPart"],
  maxBytes: 1 + VERIFY_PART_BYTES + READ_PART_BYTES,
  seeds: () => KINDS.map(plainOf),
  run(bytes) {
    const decoded = slotWith(bytes);
    const codes = ["BAD_ENCODING", "CRYPTO_FAILED"] as const;
    const content = decodedOrRefused(codes, () => openSlotBody(crypto, site, decoded));
    const part = decodedOrRefused(codes, () => openSlotVerifyPart(crypto, site.verifyKey, decoded));
    if (content === undefined) return;
    must(content.kind === decoded.kind && part?.kind === decoded.kind, "the parts are of different kinds");
    mustReencode(decoded.body, sealSlotBody(crypto, site, decoded, content));
  },
};

const evidence = canonicalTarget({
  name: "site-evidence",
  covers: ["decodeEvidence"],
  maxBytes: 19 + 2 * BLOCK_BYTES + 32,
  codes: ["BAD_ENCODING", "CRYPTO_FAILED"],
  seeds: () => {
    const slots = KINDS.map((kind) => decodeSlot(crypto, site.slotId, sealed(kind)));
    return [encodeEvidence({ kind: "fork", slots: slots.slice(0, 2) })];
  },
  decode: (bytes) => decodeEvidence(crypto, bytes),
  encode: (decoded) => encodeEvidence(decoded),
});

const ownerState = canonicalTarget({
  name: "site-owner-state",
  covers: ["decodeOwnerState"],
  maxBytes: 2 + 2 * BLOCK_BYTES + 32,
  codes: ["BAD_CONFIG"],
  seeds: () => {
    const block = noise("last", BLOCK_BYTES);
    return [
      encodeOwnerState({ isFresh: true, last: undefined, pending: undefined }),
      encodeOwnerState({ isFresh: false, last: block, pending: undefined }),
      encodeOwnerState({ isFresh: false, last: block, pending: block }),
    ];
  },
  decode: decodeOwnerState,
  encode: encodeOwnerState,
});

const siteKeyFile = canonicalTarget({
  name: "site-key-file",
  covers: ["decodeSiteKeyFile"],
  maxBytes: 400,
  codes: ["BAD_CONFIG", "BAD_ENCODING"],
  seeds: () => [
    encodeSiteKeyFile(crypto, { kind: "plain", publicKey: site.publicKey, seed: ownerSeed }),
    encodeSiteKeyFile(crypto, { kind: "locked", publicKey: site.publicKey, box: noise("box", 67) }),
  ],
  repair(bytes) {
    if (bytes.length < 8) return bytes;
    const content = bytes.subarray(0, -8);
    return concat(content, crypto.sha256(content).subarray(0, 8));
  },
  decode: (bytes) => decodeSiteKeyFile(crypto, bytes),
  encode: (file) => encodeSiteKeyFile(crypto, file),
});

const confirmedBlocks: FuzzTarget = {
  name: "confirmed-blocks",
  covers: [],
  maxBytes: 400,
  seeds: () => [
    Uint8Array.of(1),
    concat(Uint8Array.of(1, 78, 32), noise("tag", 8), Uint8Array.of(78, 33), noise("other", 8)),
  ],
  run(file) {
    const options = { crypto, secret: ownerSeed, today: 20_000 };
    const read = (bytes: Uint8Array) =>
      decodedOrRefused(["BAD_CONFIG"], () => new ConfirmedBlocks({ ...options, file: bytes }));
    const first = read(file);
    if (first === undefined) return;
    must(first.size <= file.length / 10, "more puts are known than the file has");
    const again = first.encode();
    mustReencode(again, read(again)?.encode() ?? new Uint8Array(0));
  },
};

export const SITE_TARGETS: readonly FuzzTarget[] = [
  slot,
  slotBody,
  evidence,
  ownerState,
  siteKeyFile,
  confirmedBlocks,
];
