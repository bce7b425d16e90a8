import {
  AEAD_TAG_BYTES,
  type Aead,
  type BlockId,
  type CryptoProvider,
  concat,
  equalBytes,
  isZero,
  Reader,
  UmbelError,
  xchacha20Poly1305,
} from "@umbel/core";
import { verifyKeyOf } from "../block/block.ts";
import { blockIdBytes, blockIdFromBytes } from "../block/location.ts";
import { type SiteKeys, siteKeysOf } from "./site-keys.ts";
import { encodeSlotHeader, SLOT_BODY_BYTES, type Slot, type SlotHeader } from "./slot.ts";
import {
  BODY_VERSION,
  checkBodyVersion,
  checkSlotContent,
  decodeReadPart,
  encodeReadPart,
  READ_PART_BYTES,
  type SlotContent,
} from "./slot-content.ts";

/** What a body says to who may verify the site: what to keep whole, of an edition; where it goes on, of a handover. */
export type SlotVerifyPart =
  | { readonly kind: "edition"; readonly rootId: BlockId; readonly verifyKey: Uint8Array }
  | { readonly kind: "handover"; readonly slotId: BlockId; readonly verifyKey: Uint8Array }
  | { readonly kind: "revocation" };

const VERIFY_PART_BYTES = SLOT_BODY_BYTES - 2 * AEAD_TAG_BYTES - READ_PART_BYTES;
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
  checkSlotContent(crypto, keys, header, content);
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
  checkBodyVersion(reader);
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
