import {
  AEAD_TAG_BYTES,
  type BlockId,
  blindedPublicKey,
  type CryptoProvider,
  equalBytes,
  Reader,
  UmbelError,
  Writer,
} from "@umbel/core";
import { blockIdBytes, blockIdFromBytes } from "../block/location.ts";
import { hidesCharacters } from "../format/path.ts";
import { readUtf8, utf8 } from "../format/utf8.ts";
import type { SiteKeys } from "./site-keys.ts";
import { SLOT_BODY_BYTES, type Slot, type SlotHeader } from "./slot.ts";

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

/** Version of both compartments. */
export const BODY_VERSION = 1;
/** Bytes of the part under the read key: the body without two tags and the part under the verify key (version, id, key). */
export const READ_PART_BYTES = SLOT_BODY_BYTES - 2 * AEAD_TAG_BYTES - (1 + 32 + 32);
const EARLIER_BYTES = 8 + 32 + 32 + 32;
/** UTF-8 bytes of a title or text. */
export const MAX_SLOT_TEXT_BYTES = 255;
/** Editions before that a body lists: what fits beside the longest title. */
export const MAX_LISTED_EDITIONS = Math.floor(
  (READ_PART_BYTES - (1 + 32 + 8 + 1 + MAX_SLOT_TEXT_BYTES + 2)) / EARLIER_BYTES,
);

/** Why a title or text cannot stand in a slot; undefined when it can. It is shown on terminals and in pages. */
export function slotTextFault(text: string): string | undefined {
  if (/\p{Surrogate}/u.test(text)) return "it is not well-formed";
  if (hidesCharacters(text)) return "it has control characters";
  if (utf8(text).length > MAX_SLOT_TEXT_BYTES) return `it has more than ${MAX_SLOT_TEXT_BYTES} bytes`;
  return undefined;
}

/**
 * version u8 = 1 | edition: read key 32, time u64, title length u8, title, count u16, editions before (number u64, root id 32,
 * read key 32, hash 32) | handover: site public key 32, text length u8, text | revocation: text length u8, text | zeros
 */
export function encodeReadPart(content: SlotContent): Uint8Array {
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

/** Undoes `encodeReadPart` of the block `slot`, whose verify part has `rootId`. Throws BAD_ENCODING, CRYPTO_FAILED for a key that is none. */
export function decodeReadPart(
  crypto: CryptoProvider,
  keys: SiteKeys,
  slot: Slot,
  rootId: Uint8Array,
  bytes: Uint8Array,
): SlotContent {
  const reader = new Reader(bytes, "slot body");
  checkBodyVersion(reader);
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

/** Reads the version of a compartment. Throws BAD_ENCODING for another. */
export function checkBodyVersion(reader: Reader): void {
  const version = reader.u8("version");
  if (version !== BODY_VERSION) throw reader.fault("version", `${version} is not known to this umbel`);
}

/** Throws BAD_INPUT for a text that readers would refuse, INTERNAL for fields that only our own code can get wrong. */
export function checkSlotContent(
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
