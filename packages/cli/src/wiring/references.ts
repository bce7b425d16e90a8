import {
  formatReference,
  type InnerReference,
  lockReference,
  type PrintableReference,
  parseReference,
  type RecipientReference,
  type Reference,
  type SealedReference,
  sealReference,
  siteReferenceOf,
  UmbelError,
  unlockReference,
  unsealReference,
  verifyReferenceOf,
  weakerReferences,
} from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { nodeScrypt } from "@umbel/core/platform/node-scrypt";
import { ownRecipients, recipientNamed } from "./recipients.ts";

/** What opens locked and sealed references. */
export interface ReferenceKeys {
  /** The data folder whose recipients' keys are tried. */
  readonly dataDir?: string | undefined;
  /** Asks for a passphrase; called only when one is needed. Throws BAD_INPUT, ABORTED. */
  readonly passphrase?: (() => Promise<string>) | undefined;
}

/** A reference that is neither locked nor sealed. */
export type OpenedReference = InnerReference | RecipientReference;

/**
 * What a person gave, opened where it is locked or sealed. Throws BAD_REFERENCE, CRYPTO_FAILED for a wrong passphrase, NOT_FOUND
 * when it is sealed to nobody of this data folder.
 */
export async function openInner(text: string, keys: ReferenceKeys): Promise<OpenedReference> {
  const reference = parseReference(text);
  switch (reference.kind) {
    case "locked":
      if (keys.passphrase === undefined)
        throw new UmbelError("BAD_INPUT", "the reference is locked: umbel ref open opens it");
      return unlockReference(
        { crypto: nodeProvider, scrypt: nodeScrypt },
        await keys.passphrase(),
        reference,
      );
    case "sealed":
      if (keys.dataDir === undefined)
        throw new UmbelError("BAD_INPUT", "the reference is sealed: umbel ref open opens it");
      return unseal(keys.dataDir, reference);
    default:
      return reference;
  }
}

async function unseal(dataDir: string, sealed: SealedReference): Promise<InnerReference> {
  const own = await ownRecipients(dataDir);
  try {
    for (const { secret } of own) {
      const inner = unsealReference(nodeProvider, secret, sealed);
      if (inner !== undefined) return inner;
    }
  } finally {
    for (const { secret } of own) secret.fill(0);
  }
  throw new UmbelError(
    "NOT_FOUND",
    "the reference is sealed to somebody whose key is not in this data folder",
  );
}

/** What makes a text that only some can read of a reference, as a publish prints it. */
export type Wrapping =
  | { readonly kind: "passphrase"; readonly passphrase: string }
  | { readonly kind: "recipient"; readonly recipient: RecipientReference };

/** Whom `--to` names. Throws as `recipientNamed`. */
export async function wrappingFor(dataDir: string, to: string): Promise<Wrapping> {
  return { kind: "recipient", recipient: await recipientNamed(dataDir, to) };
}

/** The reference that `text` is, if it can be locked or sealed. Throws BAD_INPUT for one that is already, BAD_REFERENCE. */
export function checkWrappable(text: string): InnerReference {
  const reference = parseReference(text);
  if (reference.kind === "locked" || reference.kind === "sealed" || reference.kind === "recipient") {
    throw new UmbelError("BAD_INPUT", `a ${reference.kind} reference cannot be locked or sealed`);
  }
  return reference;
}

/** Locks or seals the reference that `text` is. Throws as `checkWrappable`. */
export async function wrapReference(text: string, wrapping: Wrapping): Promise<string> {
  const reference = checkWrappable(text);
  const wrapped =
    wrapping.kind === "passphrase"
      ? await lockReference(
          { crypto: nodeProvider, random: nodeRandom, scrypt: nodeScrypt },
          wrapping.passphrase,
          reference,
        )
      : sealReference(nodeProvider, nodeRandom, wrapping.recipient, reference);
  return formatReference(wrapped);
}

/** The verify reference that follows. Throws BAD_INPUT where none does, BAD_REFERENCE. */
export function verifyText(reference: Reference): string {
  return formatReference(verifyReferenceOf(nodeProvider, reference));
}

/** The site that follows from an owner's secret or an edition. Throws BAD_INPUT where none does. */
export function siteText(reference: Reference): string {
  return formatReference(siteReferenceOf(nodeProvider, reference));
}

/** Texts of all references that follow from one. Throws BAD_REFERENCE. */
export function weakerTexts(reference: Reference): readonly string[] {
  return weakerReferences(nodeProvider, reference).map(formatReference);
}

/** The text of a reference that was opened; an owner's secret is refused with BAD_INPUT. */
export function openedText(reference: OpenedReference): string {
  if (reference.kind === "owner") {
    throw new UmbelError(
      "BAD_INPUT",
      "it is the owner's secret of a site, which is not printed: umbel site restore takes it",
    );
  }
  return formatReference(reference satisfies PrintableReference);
}
