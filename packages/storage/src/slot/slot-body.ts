import {
  type Aead,
  type BlockId,
  blindedPublicKey,
  type CryptoProvider,
  concat,
  equalBytes,
  isZero,
  Reader,
  UmbelError,
  Writer,
  xchacha20Poly1305,
} from "@umbel/core";
import { verifyKeyOf } from "../block/block.ts";
import { blockIdBytes, blockIdFromBytes } from "../block/location.ts";
import { readUtf8, utf8 } from "../format/utf8.ts";
import { type SiteKeys, siteKeysOf } from "./site-keys.ts";
import { encodeSlotHeader, SLOT_BODY_BYTES, type Slot, type SlotHeader } from "./slot.ts";

/** An edition that came before: enough to read it when no holder has its slot block any more. */
export interface EarlierEdition {
  readonly number: number;
  readonly rootId: BlockId;
  /** Secret: 32 bytes, of the root. */
  readonly readKey: Uint8Array;
  /** Of its slot block. */
  readonly hash: Uint8Array;
}

export interface EditionContent {
  readonly kind: "edition";
  readonly rootId: BlockId;
  /** Secret: 32 bytes, of the root. */
  readonly readKey: Uint8Array;
  /** Seconds since 1970, when the owner says so. */
  readonly time: number | undefined;
  readonly title: string | undefined;
  /** The newest first, at most MAX_LISTED_EDITIONS. */
  readonly earlier: readonly EarlierEdition[];
}

export interface RevocationContent {
  readonly kind: "revocation";
  /** What the owner tells readers. */
  readonly text: string | undefined;
}

export interface HandoverContent {
  readonly kind: "handover";
  /** The public key of the site that goes on: 32 bytes. */
  readonly siteKey: Uint8Array;
  readonly text: string | undefined;
}

/** What the body of a slot block says to who may read the site. */
export type SlotContent = EditionContent | RevocationContent | HandoverContent;

/** What a body says to who may verify the site: what to keep whole, of an edition; where it goes on, of a handover. */
export type SlotVerifyPart =
  | { readonly kind: "edition"; readonly rootId: BlockId; readonly verifyKey: Uint8Array }
  | { readonly kind: "handover"; readonly slotId: BlockId; readonly verifyKey: Uint8Array }
  | { readonly kind: "revocation" };

const TAG_BYTES = 16;
const VERIFY_PART_BYTES = 1 + 32 + 32;
const READ_PART_BYTES = SLOT_BODY_BYTES - 2 * TAG_BYTES - VERIFY_PART_BYTES;
const EARLIER_BYTES = 8 + 32 + 32 + 32;
/** UTF-8 bytes of a title or text. */
export const MAX_SLOT_TEXT_BYTES = 255;
/** Editions before that a body lists: what fits beside the longest title. */
export const MAX_LISTED_EDITIONS = Math.floor(
  (READ_PART_BYTES - (1 + 32 + 8 + 1 + MAX_SLOT_TEXT_BYTES + 2)) / EARLIER_BYTES,
);

/**
 * The sealed body of a slot block, SLOT_BODY_BYTES whatever it says: two compartments, the inner one under the site's read key, both
 * bound to the header (docs/spec/13-sites.md). Throws BAD_INPUT for a text that is too long or unprintable.
 */
export function sealSlotBody(
  crypto: CryptoProvider,
  keys: SiteKeys,
  header: SlotHeader,
  content: SlotContent,
): Uint8Array {
  checkContent(crypto, keys, header, content);
  const aead = xchacha20Poly1305(crypto);
  const bound = encodeSlotHeader(header);
  const verifyPart = encodeVerifyPart(crypto, content);
  const inner = aead.seal(keys.readKey, header.nonce, concat(bound, verifyPart), encodeReadPart(content));
  return aead.seal(keys.verifyKey, header.nonce, bound, concat(verifyPart, inner));
}

/**
 * Opens a body with the keys of the site. Throws CRYPTO_FAILED when it is not of this site, BAD_ENCODING when the owner broke the
 * format, also by compartments that do not say the same.
 */
export function openSlotBody(crypto: CryptoProvider, keys: SiteKeys, slot: Slot): SlotContent {
  const aead = xchacha20Poly1305(crypto);
  const bound = encodeSlotHeader(slot);
  const outer = openOuter(aead, keys.verifyKey, slot);
  const verifyPart = outer.subarray(0, VERIFY_PART_BYTES);
  const opened = aead.open(
    keys.readKey,
    slot.nonce,
    concat(bound, verifyPart),
    outer.subarray(VERIFY_PART_BYTES),
  );
  if (opened === undefined) throw new UmbelError("CRYPTO_FAILED", "the body of a slot does not open");
  const content = decodeReadPart(crypto, keys, slot, verifyPart.subarray(1, 33), opened);
  opened.fill(0);
  if (!equalBytes(encodeVerifyPart(crypto, content), verifyPart))
    throw new UmbelError("BAD_ENCODING", "slot body: verify part: it does not say what the read part says");
  return content;
}

/** Opens the part of a body that the site's verify key shows. Throws CRYPTO_FAILED, BAD_ENCODING. */
export function openSlotVerifyPart(
  crypto: CryptoProvider,
  verifyKey: Uint8Array,
  slot: Slot,
): SlotVerifyPart {
  const outer = openOuter(xchacha20Poly1305(crypto), verifyKey, slot);
  const reader = new Reader(outer.subarray(0, VERIFY_PART_BYTES), "slot body");
  checkVersion(reader);
  const id = reader.bytes(32, "id");
  const key = reader.bytes(32, "key").slice();
  if (slot.kind === "revocation") {
    if (!isZero(id) || !isZero(key)) throw reader.fault("id", "a revocation has none");
    return { kind: "revocation" };
  }
  return slot.kind === "edition"
    ? { kind: "edition", rootId: blockIdFromBytes(id), verifyKey: key }
    : { kind: "handover", slotId: blockIdFromBytes(id), verifyKey: key };
}

/** Why a title or text cannot stand in a slot; undefined when it can. It is shown on terminals and in pages. */
export function slotTextFault(text: string): string | undefined {
  if (/\p{Surrogate}/u.test(text)) return "it is not well-formed";
  // Control characters, and those that turn the direction of what follows.
  if (/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.test(text)) return "it has control characters";
  if (utf8(text).length > MAX_SLOT_TEXT_BYTES) return `it has more than ${MAX_SLOT_TEXT_BYTES} bytes`;
  return undefined;
}

const BODY_VERSION = 1;
const NOTHING = new Uint8Array(32);

function openOuter(aead: Aead, verifyKey: Uint8Array, slot: Slot): Uint8Array {
  const outer = aead.open(verifyKey, slot.nonce, encodeSlotHeader(slot), slot.body);
  if (outer === undefined) throw new UmbelError("CRYPTO_FAILED", "the body of a slot does not open");
  return outer;
}

/** version u8 = 1 | root id or next slot id 32 | its verify key 32; zeros in a revocation */
function encodeVerifyPart(crypto: CryptoProvider, content: SlotContent): Uint8Array {
  const version = Uint8Array.of(BODY_VERSION);
  if (content.kind === "revocation") return concat(version, NOTHING, NOTHING);
  if (content.kind === "edition")
    return concat(version, blockIdBytes(content.rootId), verifyKeyOf(crypto, content.readKey));
  const next = siteKeysOf(crypto, content.siteKey);
  return concat(version, blockIdBytes(next.slotId), next.verifyKey);
}

/**
 * version u8 = 1 | edition: read key 32, time u64, title length u8, title, count u16, editions before (number u64, root id 32,
 * read key 32, hash 32) | handover: site public key 32, text length u8, text | revocation: text length u8, text | zeros
 */
function encodeReadPart(content: SlotContent): Uint8Array {
  const writer = new Writer(READ_PART_BYTES).u8(BODY_VERSION);
  const text = utf8((content.kind === "edition" ? content.title : content.text) ?? "");
  if (content.kind === "handover") writer.bytes(content.siteKey);
  if (content.kind === "edition") writer.bytes(content.readKey).u64(content.time ?? 0);
  writer.u8(text.length).bytes(text);
  if (content.kind === "edition") {
    writer.u16(content.earlier.length);
    for (const { number, rootId, readKey, hash } of content.earlier)
      writer.u64(number).bytes(blockIdBytes(rootId)).bytes(readKey).bytes(hash);
  }
  return writer.zeros().finish();
}

function decodeReadPart(
  crypto: CryptoProvider,
  keys: SiteKeys,
  slot: Slot,
  rootId: Uint8Array,
  bytes: Uint8Array,
): SlotContent {
  const reader = new Reader(bytes, "slot body");
  checkVersion(reader);
  const content = decodeFields(reader, slot.kind, rootId);
  reader.zeros("padding");
  const fault = faultOf(crypto, keys, slot, content);
  if (fault !== undefined) throw reader.fault(slot.kind, fault);
  return content;
}

function decodeFields(reader: Reader, kind: SlotContent["kind"], rootId: Uint8Array): SlotContent {
  if (kind === "revocation") return { kind, text: decodeText(reader) };
  if (kind === "handover") {
    const siteKey = reader.bytes(32, "site key").slice();
    return { kind, siteKey, text: decodeText(reader) };
  }
  const readKey = reader.bytes(32, "read key").slice();
  const time = reader.u64("time");
  const title = decodeText(reader);
  const count = reader.u16("count");
  if (count > MAX_LISTED_EDITIONS) throw reader.fault("count", `${count}, more than ${MAX_LISTED_EDITIONS}`);
  const earlier = Array.from({ length: count }, () => decodeEarlier(reader));
  return {
    ...{ kind, rootId: blockIdFromBytes(rootId), readKey, title, earlier },
    time: time === 0 ? undefined : time,
  };
}

function decodeEarlier(reader: Reader): EarlierEdition {
  return {
    number: reader.u64("number"),
    rootId: blockIdFromBytes(reader.bytes(32, "root id")),
    readKey: reader.bytes(32, "read key").slice(),
    hash: reader.bytes(32, "hash").slice(),
  };
}

function decodeText(reader: Reader): string | undefined {
  const length = reader.u8("text length");
  if (length === 0) return undefined;
  const text = readUtf8(reader, length, "text");
  const fault = slotTextFault(text);
  if (fault !== undefined) throw reader.fault("text", fault);
  return text;
}

/** What header and body must agree on. */
function faultOf(
  crypto: CryptoProvider,
  keys: SiteKeys,
  header: SlotHeader,
  content: SlotContent,
): string | undefined {
  if (content.kind !== header.kind) return "it is of another kind than the header says";
  if (content.kind === "edition") return earlierFault(header, content.earlier);
  if (content.kind === "revocation") return undefined;
  const named = blindedPublicKey(crypto, content.siteKey, { kind: "successor", of: keys.publicKey });
  const isSigner = header.successor !== undefined && equalBytes(named, header.successor);
  return isSigner ? undefined : "it leads to another site than its signer's";
}

/** The list begins with the edition that the header names, and goes down. It may be empty: an owner may forget. */
function earlierFault(header: SlotHeader, earlier: readonly EarlierEdition[]): string | undefined {
  const [newest] = earlier;
  if (newest === undefined) return undefined;
  if (header.previous === undefined || !equalBytes(newest.hash, header.previous))
    return "the first edition listed is not the one before";
  let above = header.sequence;
  for (const { number } of earlier) {
    if (number >= above || number < 1) return "the editions listed do not go down";
    above = number;
  }
  return undefined;
}

function checkVersion(reader: Reader): void {
  const version = reader.u8("version");
  if (version !== BODY_VERSION) throw reader.fault("version", `${version} is not known to this umbel`);
}

/** Throws BAD_INPUT for a text that readers would refuse, INTERNAL for fields that only our own code can get wrong. */
function checkContent(
  crypto: CryptoProvider,
  keys: SiteKeys,
  header: SlotHeader,
  content: SlotContent,
): void {
  const text = content.kind === "edition" ? content.title : content.text;
  const textFault = text === undefined ? undefined : slotTextFault(text);
  if (textFault !== undefined)
    throw new UmbelError("BAD_INPUT", `the text cannot be published: ${textFault}`);
  const fault = faultOf(crypto, keys, header, content);
  if (fault !== undefined) throw new UmbelError("INTERNAL", `a slot that readers would refuse: ${fault}`);
}
