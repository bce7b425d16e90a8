import { LABELS } from "../crypto/labels.ts";
import {
  openWithPassphrase,
  type PassphrasePorts,
  type ScryptCost,
  sealWithPassphrase,
} from "../crypto/passphrase.ts";
import { isUmbelError, UmbelError } from "../errors.ts";
import type { RandomSource } from "../ports/random.ts";
import { decodeInner, encodeInner } from "./inner.ts";
import type { InnerReference, LockedReference } from "./kinds.ts";

/**
 * A reference that opens with a passphrase (docs/spec/12-references.md, Locked). It shows that it is locked, how much
 * work a guess takes, and nothing of what is inside. Throws BAD_INPUT for a passphrase or path that cannot be used.
 */
export async function lockReference(
  ports: PassphrasePorts & { readonly random: RandomSource },
  passphrase: string,
  reference: InnerReference,
  cost?: ScryptCost,
): Promise<LockedReference> {
  const inner = encodeInner(reference);
  try {
    const box = await sealWithPassphrase(ports, passphrase, LABELS.lockedReference, inner, cost);
    return { kind: "locked", box, path: [] };
  } finally {
    inner.fill(0);
  }
}

/**
 * Undoes `lockReference`. Takes about a second. Throws CRYPTO_FAILED when the passphrase is wrong, BAD_REFERENCE when
 * whoever made it broke the format or asks for more work than anybody should do.
 */
export async function unlockReference(
  ports: PassphrasePorts,
  passphrase: string,
  { box, path }: LockedReference,
): Promise<InnerReference> {
  const inner = await opened(ports, passphrase, box);
  if (inner === undefined) throw new UmbelError("CRYPTO_FAILED", "the passphrase is wrong");
  try {
    return decodeInner(inner, path);
  } finally {
    inner.fill(0);
  }
}

async function opened(
  ports: PassphrasePorts,
  passphrase: string,
  box: Uint8Array,
): Promise<Uint8Array | undefined> {
  try {
    return await openWithPassphrase(ports, passphrase, LABELS.lockedReference, box);
  } catch (cause) {
    if (!isUmbelError(cause, "BAD_ENCODING")) throw cause;
    const message = "the locked reference asks for more or less work than umbel ever does";
    throw new UmbelError("BAD_REFERENCE", message, { cause });
  }
}
