import {
  type BlockId,
  blindedPublicKey,
  blindedSigner,
  type CryptoProvider,
  equalBytes,
  formatReference,
  hkdfExpand,
  LABELS,
  UmbelError,
  XCHACHA_NONCE_BYTES,
} from "@umbel/core";
import { type SiteKeys, siteKeysOf } from "../slot/site-keys.ts";
import { decodeSlot, type Slot, type SlotHeader } from "../slot/slot.ts";
import { MAX_LISTED_EDITIONS } from "../slot/slot-content.ts";
import type { OwnerContext, OwnerState } from "./owner-state.ts";
import { putAsBlock, putEverywhere, signed } from "./put-slot.ts";
import { editionOf, type SiteEdition, throwIfAlarmed } from "./read-site.ts";
import { type SiteView, viewSite } from "./site-view.ts";

/** What a new edition shows. */
export interface NewEdition {
  readonly rootId: BlockId;
  /** Secret: 32 bytes. */
  readonly readKey: Uint8Array;
  readonly title: string | undefined;
  /** Seconds since 1970, to be told to readers; undefined to say nothing. */
  readonly time: number | undefined;
}

export interface EditionOptions {
  /** Go on from the network's newest edition although it is not known here: the site was published elsewhere, or restored. */
  readonly adopt?: boolean | undefined;
  /** The public key of a successor to name, if none is named yet. It stays for ever. */
  readonly successor?: Uint8Array | undefined;
  /** List no editions before: they stay in the network for who knows where, and are named no more. */
  readonly forget?: boolean | undefined;
}

export interface PublishedEdition extends SiteEdition {
  /** False when the newest edition shows the same: then nothing was published. */
  readonly isNew: boolean;
  /** Holders that keep the slot block, over its three locations. */
  readonly confirmations: number;
}

/** The secret that keys of a site's content come from, so that unchanged files keep their blocks. 32 bytes. */
export function siteContentSecret(crypto: CryptoProvider, seed: Uint8Array): Uint8Array {
  return hkdfExpand(crypto, seed, [LABELS.siteContentSecret], 32);
}

/**
 * Publishes the next edition: asks all locations for the newest, signs number + 1 with its hash, keeps the block, puts it, and looks
 * again. Throws SITE_FORK when the network's newest is not the one published from here last, SITE_REVOKED for a site that ended,
 * NOT_STORED when too few holders keep it, BAD_INPUT for a successor that is not the one named, and as `viewSite`.
 */
export async function publishEdition(
  context: OwnerContext,
  edition: NewEdition,
  options: EditionOptions = {},
): Promise<PublishedEdition> {
  const { crypto, seed } = context;
  const keys = siteKeysOf(crypto, crypto.ed25519.publicKey(seed));
  if (options.adopt === true) await dropOvertaken(context, keys);
  await finishPending(context, keys);
  const base = await baseOf(context, keys, options.adopt === true);
  const successor = successorFor(crypto, keys, base, options.successor);
  const before = base && editionOf(context, keys, base);
  if (before !== undefined && isSame(before, edition) && !namesNew(base, successor))
    return { ...before, isNew: false, confirmations: 0 };
  const header: SlotHeader = {
    ...{
      kind: "edition",
      id: keys.slotId,
      sequence: (base?.sequence ?? 0) + 1,
      previous: base?.hash,
      successor,
    },
    nonce: context.random.bytes(XCHACHA_NONCE_BYTES),
  };
  const earlier = before === undefined || options.forget ? [] : [before, ...before.earlier];
  const content = { kind: "edition", ...edition, earlier: earlier.slice(0, MAX_LISTED_EDITIONS) } as const;
  const slot = signed(context, keys, header, content, blindedSigner(crypto, seed, { kind: "slot" }));
  const state = await context.state.load();
  await context.state.save({ ...state, pending: slot.bytes });
  const confirmations = await finishPending(context, keys);
  throwIfAlarmed(await viewSite(context, keys, true));
  return { ...editionOf(context, keys, slot), isNew: true, confirmations };
}

/** Throws what `publishEdition` would throw for the state of the site, before anything is put. */
export async function checkPublishable(context: OwnerContext, adopt: boolean): Promise<void> {
  const { crypto, seed } = context;
  const { pending } = await context.state.load();
  if (pending === undefined) await baseOf(context, siteKeysOf(crypto, crypto.ed25519.publicKey(seed)), adopt);
}

/** The edition that the next one follows. Throws SITE_FORK when it is not known here and not to be adopted. */
async function baseOf(context: OwnerContext, keys: SiteKeys, adopt: boolean): Promise<Slot | undefined> {
  const view = await viewSite(context, keys, true);
  const { isFresh, last } = await context.state.load();
  const known = last && decodeSlot(context.crypto, keys.slotId, last);
  if (view.handover !== undefined || view.revocation !== undefined) {
    const what = view.handover ? "handed over to its successor" : "revoked";
    throw new UmbelError(
      "SITE_REVOKED",
      `the site was ${what}: nothing can be published under its key any more`,
    );
  }
  // Holders that are behind are no reason to stop who brings them the next edition; a fork ends by the edition that goes on.
  const isFork = view.alarms.some(({ kind }) => kind === "fork");
  const serious = view.alarms.filter(({ kind }) => kind === "successor" || (kind === "fork" && !adopt));
  throwIfAlarmed({ ...view, alarms: serious });
  if (view.newest === undefined) {
    if (isFresh || known !== undefined) return known;
    if (adopt) return undefined;
    throw notFoundBefore();
  }
  const isOurs = known !== undefined && equalBytes(known.hash, view.newest.hash);
  if (isOurs) return view.newest;
  if (!adopt) throw publishedElsewhere(view, known);
  return isFork && known?.sequence === view.newest.sequence ? known : view.newest;
}

function notFoundBefore(): UmbelError {
  const what = "no edition of the site was found, and whether there is one is not known here";
  return new UmbelError("NOT_FOUND", `${what}; --adopt begins with edition 1, which is a fork if there is`);
}

function publishedElsewhere({ keys, newest }: SiteView, known: Slot | undefined): UmbelError {
  const place = newest as Slot;
  const text = formatReference({
    ...{ kind: "edition", siteKey: keys.publicKey, number: place.sequence, hash: place.hash, path: [] },
  });
  const from =
    known === undefined ? "not known here" : `not what was published here last (${known.sequence})`;
  return new UmbelError(
    "SITE_FORK",
    `the network's newest edition, ${place.sequence}, is ${from}: see ${text}; if it is yours, --adopt goes on from it`,
  );
}

/** Puts what an interrupted publish signed: another block with its number would be a fork. Confirmations, 0 when nothing waits. */
async function finishPending(context: OwnerContext, keys: SiteKeys): Promise<number> {
  const state = await context.state.load();
  if (state.pending === undefined) return 0;
  const slot = decodeSlot(context.crypto, keys.slotId, state.pending);
  await putAsBlock(context, slot);
  const confirmations = await putEverywhere(context, slot);
  const done: OwnerState = { isFresh: false, last: slot.bytes, pending: undefined };
  await context.state.save(done);
  return confirmations;
}

/** Who goes on from another edition gives up the one that waits, if its number is taken: holders may have no room for it. */
async function dropOvertaken(context: OwnerContext, keys: SiteKeys): Promise<void> {
  const { isFresh, last, pending } = await context.state.load();
  if (pending === undefined) return;
  const waiting = decodeSlot(context.crypto, keys.slotId, pending);
  const { newest } = await viewSite(context, keys, true);
  const isTaken = newest !== undefined && newest.sequence >= waiting.sequence;
  if (isTaken && !equalBytes(newest.hash, waiting.hash))
    await context.state.save({ isFresh, last, pending: undefined });
}

/** The blinded key that the next edition names. Throws BAD_INPUT when another is named already. */
function successorFor(
  crypto: CryptoProvider,
  keys: SiteKeys,
  base: Slot | undefined,
  wanted: Uint8Array | undefined,
): Uint8Array | undefined {
  if (wanted === undefined) return base?.successor;
  if (equalBytes(wanted, keys.publicKey))
    throw new UmbelError("BAD_INPUT", "a site cannot be its own successor: the key would be stolen with it");
  const blinded = blindedPublicKey(crypto, wanted, { kind: "successor", of: keys.publicKey });
  if (base?.successor !== undefined && !equalBytes(base.successor, blinded))
    throw new UmbelError(
      "BAD_INPUT",
      "the site names another successor already, and a successor stays for ever",
    );
  return blinded;
}

function namesNew(base: Slot | undefined, successor: Uint8Array | undefined): boolean {
  return successor !== undefined && base?.successor === undefined;
}

function isSame(before: SiteEdition, edition: NewEdition): boolean {
  const isContent = before.rootId === edition.rootId && equalBytes(before.readKey, edition.readKey);
  return isContent && before.title === edition.title;
}
