import { blindedSigner, equalBytes, UmbelError, XCHACHA_NONCE_BYTES } from "@umbel/core";
import { type SiteKeys, siteKeysOf } from "../slot/site-keys.ts";
import type { Slot, SlotHeader } from "../slot/slot.ts";
import { successorOf } from "../slot/slot-rules.ts";
import type { OwnerContext } from "./owner-state.ts";
import { putWhereverTaken, signed } from "./put-slot.ts";
import { viewSite } from "./site-view.ts";

/**
 * Tells the network that the site's key is not to be trusted any more: for ever, and above every edition. Throws as
 * `publishEdition`; alarms do not keep it back.
 */
export async function revokeSite(context: OwnerContext, text: string | undefined): Promise<number> {
  const { crypto, seed } = context;
  const keys = siteKeysOf(crypto, crypto.ed25519.publicKey(seed));
  const { newest, slots } = await viewSite(context, keys, true);
  const header = headerAfter(context, keys, "revocation", newest, successorOf(slots));
  const signer = blindedSigner(crypto, seed, { kind: "slot" });
  const slot = signed(context, keys, header, { kind: "revocation", text }, signer);
  return putWhereverTaken(context, slot);
}

/**
 * Takes over the site `siteKey` with the key of `context`, which one of its editions must name as successor: readers are led to the
 * site of that key. Throws BAD_INPUT when no edition names it, NOT_STORED, and as `viewSite`.
 */
export async function takeOverSite(
  context: OwnerContext,
  siteKey: Uint8Array,
  text: string | undefined,
): Promise<number> {
  const { crypto, seed } = context;
  const keys = siteKeysOf(crypto, siteKey);
  const signer = blindedSigner(crypto, seed, { kind: "successor", of: siteKey });
  const view = await viewSite(context, keys, true);
  const isNamed = view.slots.some(({ successor }) => successor && equalBytes(successor, signer.publicKey));
  if (!isNamed) {
    const what = view.isAnswered
      ? "no edition of that site names this one as its successor"
      : "that site was not found";
    throw new UmbelError(view.isAnswered ? "BAD_INPUT" : "NOT_FOUND", what);
  }
  const header = headerAfter(context, keys, "handover", view.newest, signer.publicKey);
  const own = crypto.ed25519.publicKey(seed);
  const slot = signed(context, keys, header, { kind: "handover", siteKey: own, text }, signer);
  return putWhereverTaken(context, slot);
}

function headerAfter(
  { random }: OwnerContext,
  keys: SiteKeys,
  kind: "revocation" | "handover",
  newest: Slot | undefined,
  successor: Uint8Array | undefined,
): SlotHeader {
  return {
    ...{ kind, id: keys.slotId, sequence: newest?.sequence ?? 0, previous: newest?.hash, successor },
    nonce: random.bytes(XCHACHA_NONCE_BYTES),
  };
}
