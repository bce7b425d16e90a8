import type { BlockId } from "../brand.ts";
import { encodeBase32 } from "../bytes/base32.ts";
import { blindedPublicKey } from "../crypto/blinding.ts";
import { hkdfExpand } from "../crypto/kdf.ts";
import { LABELS } from "../crypto/labels.ts";
import { isUmbelError, UmbelError } from "../errors.ts";
import type { CryptoProvider } from "../ports/crypto.ts";
import {
  type ContentVerifyReference,
  type PrintableReference,
  type Reference,
  type SiteReference,
  type SiteVerifyReference,
  VERIFY_KEY_BYTES,
  type VerifyReference,
} from "./kinds.ts";

/**
 * The verify key of a read key: what lets one check and repair blocks without reading them. 32 bytes. A one-way
 * function: the read key does not follow from it (docs/spec/12-references.md, Attenuation).
 */
export function verifyKeyOf(crypto: CryptoProvider, readKey: Uint8Array): Uint8Array {
  return hkdfExpand(crypto, readKey, [LABELS.verifyKey], VERIFY_KEY_BYTES);
}

/** The verify key of a site: opens the part of each edition that names the root and its verify key. 32 bytes. */
export function siteVerifyKeyOf(crypto: CryptoProvider, siteKey: Uint8Array): Uint8Array {
  return hkdfExpand(crypto, siteKey, [LABELS.siteVerifyKey], VERIFY_KEY_BYTES);
}

/** The name of a site's slot: its blinded key. Throws BAD_REFERENCE when `siteKey` is not a sound Ed25519 key. */
export function siteSlotIdOf(crypto: CryptoProvider, siteKey: Uint8Array): BlockId {
  try {
    return encodeBase32(blindedPublicKey(crypto, siteKey, { kind: "slot" })) as BlockId;
  } catch (cause) {
    if (!isUmbelError(cause, "CRYPTO_FAILED")) throw cause;
    throw new UmbelError("BAD_REFERENCE", "the reference holds no key that a site can have", { cause });
  }
}

/**
 * The verify reference that follows from a stronger one, without the network. Of an edition it is that of its whole
 * site. Throws BAD_INPUT where none follows, and says why.
 */
export function verifyReferenceOf(crypto: CryptoProvider, reference: Reference): VerifyReference {
  switch (reference.kind) {
    case "verify":
      return reference;
    case "file":
      return verifyOfContent(crypto, reference.rootId, reference.readKey);
    case "site":
    case "edition":
      return verifyOfSite(crypto, reference.siteKey);
    case "owner":
      return verifyOfSite(crypto, siteReferenceOf(crypto, reference).siteKey);
    case "piece":
      throw noneFollows(
        "it names one small file within a block that it shares: the verify reference of its folder covers it",
      );
    default:
      throw noneFollows(whyNothing(reference.kind));
  }
}

/**
 * The site of an owner's secret or of an edition, without the network. Throws BAD_INPUT where none follows, and says
 * why.
 */
export function siteReferenceOf(crypto: CryptoProvider, reference: Reference): SiteReference {
  switch (reference.kind) {
    case "site":
      return reference;
    case "edition":
      return { kind: "site", siteKey: reference.siteKey, path: reference.path };
    case "owner":
      return { kind: "site", siteKey: crypto.ed25519.publicKey(reference.seed.expose()), path: [] };
    case "file":
    case "piece":
    case "verify":
      throw noneFollows(
        `a ${reference.kind === "verify" ? "verify" : "file"} reference does not name a site`,
      );
    default:
      throw noneFollows(whyNothing(reference.kind));
  }
}

/** All references that follow from one without the network, the stronger first. */
export function weakerReferences(
  crypto: CryptoProvider,
  reference: Reference,
): readonly PrintableReference[] {
  switch (reference.kind) {
    case "file":
    case "site":
      return [verifyReferenceOf(crypto, reference)];
    case "edition":
    case "owner":
      return [siteReferenceOf(crypto, reference), verifyReferenceOf(crypto, reference)];
    default:
      return [];
  }
}

function verifyOfContent(
  crypto: CryptoProvider,
  rootId: BlockId,
  readKey: Uint8Array,
): ContentVerifyReference {
  return { kind: "verify", of: "content", rootId, verifyKey: verifyKeyOf(crypto, readKey) };
}

function verifyOfSite(crypto: CryptoProvider, siteKey: Uint8Array): SiteVerifyReference {
  const verifyKey = siteVerifyKeyOf(crypto, siteKey);
  return { kind: "verify", of: "site", slotId: siteSlotIdOf(crypto, siteKey), verifyKey };
}

function whyNothing(kind: "locked" | "sealed" | "recipient"): string {
  if (kind === "recipient") return "a recipient names somebody, not content";
  return `the reference is ${kind}: nothing follows from it until it is opened`;
}

function noneFollows(why: string): UmbelError {
  return new UmbelError("BAD_INPUT", why);
}
