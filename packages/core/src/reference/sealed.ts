import { hpkeOpen, hpkeSeal } from "../crypto/hpke.ts";
import { LABELS } from "../crypto/labels.ts";
import { isUmbelError, UmbelError } from "../errors.ts";
import type { CryptoProvider } from "../ports/crypto.ts";
import type { RandomSource } from "../ports/random.ts";
import { decodeInner, encodeInner } from "./inner.ts";
import type { InnerReference, RecipientReference, SealedReference } from "./kinds.ts";

/**
 * A reference that only a recipient opens (docs/spec/12-references.md, Sealed). It shows neither whose it is nor what is
 * inside; nor does it prove who sealed it. Throws BAD_REFERENCE for a recipient that nobody can be, BAD_INPUT for a path
 * that is too long.
 */
export function sealReference(
  crypto: CryptoProvider,
  random: RandomSource,
  recipient: RecipientReference,
  reference: InnerReference,
): SealedReference {
  const inner = encodeInner(reference);
  try {
    const box = hpkeSeal(crypto, random, {
      ...{ recipientPublicKey: recipient.publicKey, info: LABELS.sealedReference },
      ...{ associated: NOTHING, plaintext: inner },
    });
    return { kind: "sealed", box, path: [] };
  } catch (cause) {
    if (!isUmbelError(cause, "CRYPTO_FAILED")) throw cause;
    throw new UmbelError("BAD_REFERENCE", "nobody can have this recipient's key", { cause });
  } finally {
    inner.fill(0);
  }
}

/**
 * Undoes `sealReference` with a recipient's 32-byte X25519 secret; undefined when it is sealed to another. Throws
 * BAD_REFERENCE when whoever sealed it broke the format.
 */
export function unsealReference(
  crypto: CryptoProvider,
  secret: Uint8Array,
  { box, path }: SealedReference,
): InnerReference | undefined {
  const inner = hpkeOpen(crypto, secret, LABELS.sealedReference, NOTHING, box);
  if (inner === undefined) return undefined;
  try {
    return decodeInner(inner, path);
  } finally {
    inner.fill(0);
  }
}

const NOTHING = new Uint8Array(0);
