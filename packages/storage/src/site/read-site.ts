import {
  type BlockId,
  type EditionReference,
  equalBytes,
  formatReference,
  randomBelow,
  UmbelError,
} from "@umbel/core";
import type { BlockCopy } from "../block/block-network.ts";
import { blockIdFromBytes } from "../block/location.ts";
import { MAX_HANDOVERS } from "../limits.ts";
import { type SiteKeys, siteKeysOf } from "../slot/site-keys.ts";
import { decodeSlot, type Slot } from "../slot/slot.ts";
import { openSlotBody } from "../slot/slot-body.ts";
import type { EarlierEdition } from "../slot/slot-content.ts";
import { editionsOf, type SiteAlarm } from "./judgement.ts";
import { askEdition, keepProof, type SiteContext, type SiteView, viewSite } from "./site-view.ts";

/** An edition of a site, ready to be read. */
export interface SiteEdition {
  /** The public key of the site that it is of: another than was asked for after a handover. */
  readonly siteKey: Uint8Array;
  readonly number: number;
  /** Of its slot block: what an edition reference binds. */
  readonly hash: Uint8Array;
  readonly rootId: BlockId;
  /** Secret: 32 bytes. */
  readonly readKey: Uint8Array;
  readonly time: number | undefined;
  readonly title: string | undefined;
  /** Editions before it, the newest first. */
  readonly earlier: readonly EarlierEdition[];
}

/**
 * The newest edition of a site, after any handover. Throws SITE_ROLLBACK, SITE_FORK and SITE_REVOKED, with what a person can do;
 * NOT_FOUND, CRYPTO_FAILED for a key that is none, BAD_ENCODING when the owner broke the format, what `viewSite` throws.
 */
export async function readSite(context: SiteContext, siteKey: Uint8Array): Promise<SiteEdition> {
  let keys = siteKeysOf(context.crypto, siteKey);
  for (let handovers = 0; handovers <= MAX_HANDOVERS; handovers++) {
    const view = await viewSite(context, keys);
    const isHandedOver = view.handover !== undefined && view.alarms.every(({ kind }) => kind !== "successor");
    if (!isHandedOver) throwIfAlarmed(view);
    if (view.handover === undefined) return newestOf(context, view);
    const content = openSlotBody(context.crypto, keys, view.handover);
    if (content.kind !== "handover") throw new UmbelError("INTERNAL", "a handover without a site");
    const next = formatReference({ kind: "site", siteKey: content.siteKey, path: [] });
    context.notice(`the site was handed over to ${next}${said(content.text)}; use that from now on`);
    keys = siteKeysOf(context.crypto, content.siteKey);
  }
  throw new UmbelError("BAD_ENCODING", `the site was handed over more than ${MAX_HANDOVERS} times in a row`);
}

/**
 * One edition of a site by number, also of one that was rolled back, revoked or handed over: that the person asked for it is
 * enough. When no holder has its slot block any more, the list in the newest edition says where it is. Throws as `readSite`.
 */
export async function readNumber(
  context: SiteContext,
  siteKey: Uint8Array,
  number: number,
): Promise<SiteEdition> {
  const keys = siteKeysOf(context.crypto, siteKey);
  const view = await viewSite(context, keys);
  for (const alarm of view.alarms) context.notice(describeAlarm(keys, alarm));
  const known = editionsOf(view.slots).filter(({ sequence }) => sequence === number);
  const found = known.length > 0 ? known : await askEdition(context, keys, number);
  const [slot, other] = found;
  if (slot !== undefined && other !== undefined)
    throw alarmed(keys, await keepProof(context, { kind: "fork", slots: [slot, other] }));
  if (slot !== undefined) return editionOf(context, keys, slot);
  const listed = view.newest && editionOf(context, keys, view.newest).earlier;
  const entry = listed?.find((edition) => edition.number === number);
  if (entry === undefined) throw new UmbelError("NOT_FOUND", `edition ${number} of the site was not found`);
  context.notice(`edition ${number} is read as edition ${view.newest?.sequence} lists it`);
  return { siteKey, ...entry, time: undefined, title: undefined, earlier: [] };
}

/**
 * The edition that a reference binds by its hash, whatever its owner did since. Throws NOT_FOUND, and as `readSite` but for alarms.
 */
export async function readEdition(
  context: SiteContext,
  reference: Pick<EditionReference, "siteKey" | "number" | "hash">,
): Promise<SiteEdition> {
  const { crypto, random, networks, signal } = context;
  const { siteKey, number, hash } = reference;
  const keys = siteKeysOf(crypto, siteKey);
  const id = blockIdFromBytes(hash);
  const start = randomBelow(random, 3);
  for (let at = 0; at < 3; at++) {
    const copy = ((start + at) % 3) as BlockCopy;
    const block = await networks[0].get({ id, copy, lane: "roots" }, { signal });
    if (block === undefined) continue;
    const slot = decodeSlot(crypto, keys.slotId, block);
    if (slot.kind === "edition" && slot.sequence === number) return editionOf(context, keys, slot);
    throw new UmbelError("BAD_ENCODING", `the edition reference binds no edition with number ${number}`);
  }
  const slot = (await askEdition(context, keys, number)).find((each) => equalBytes(each.hash, hash));
  if (slot !== undefined) return editionOf(context, keys, slot);
  const site = formatReference({ kind: "site", siteKey, path: [] });
  const advice = `umbel fetch ${site} --edition ${number} trusts the site's list of editions instead`;
  throw new UmbelError("NOT_FOUND", `edition ${number} was not found as it was signed; ${advice}`);
}

/** The edition of a slot block. Throws as `openSlotBody`, INTERNAL when it is none. */
export function editionOf(context: Pick<SiteContext, "crypto">, keys: SiteKeys, slot: Slot): SiteEdition {
  const content = openSlotBody(context.crypto, keys, slot);
  if (content.kind !== "edition") throw new UmbelError("INTERNAL", "a slot block that is no edition");
  const { rootId, readKey, time, title, earlier } = content;
  return {
    ...{ siteKey: keys.publicKey, number: slot.sequence, hash: slot.hash },
    ...{ rootId, readKey, time, title, earlier },
  };
}

/** Throws the first alarm. */
export function throwIfAlarmed(view: SiteView): void {
  const [alarm] = view.alarms;
  if (alarm !== undefined) throw alarmed(view.keys, alarm);
}

function newestOf(context: SiteContext, view: SiteView): SiteEdition {
  const { keys, newest, revocation, isAnswered } = view;
  if (revocation !== undefined) {
    const content = openSlotBody(context.crypto, keys, revocation);
    const words = content.kind === "revocation" ? said(content.text) : "";
    const advice = newest && `; --edition ${newest.sequence} reads the last one anyway`;
    throw new UmbelError("SITE_REVOKED", `the owner revoked the site's key${words}${advice ?? ""}`);
  }
  if (isAnswered && newest !== undefined) return editionOf(context, keys, newest);
  const before = newest && `, although edition ${newest.sequence} was seen before`;
  throw new UmbelError("NOT_FOUND", `no location has the site${before ?? ""}`);
}

function alarmed(keys: SiteKeys, alarm: SiteAlarm): UmbelError {
  return new UmbelError(
    alarm.kind === "rollback" ? "SITE_ROLLBACK" : "SITE_FORK",
    describeAlarm(keys, alarm),
  );
}

/** One line for a person: what is wrong, where the proof is, what can be done. */
function describeAlarm(keys: SiteKeys, alarm: SiteAlarm): string {
  const [one, other] = alarm.slots;
  const proof = alarm.place === undefined ? "" : `; the proof is kept in ${alarm.place}`;
  if (alarm.kind === "rollback") {
    const what = `the network offers edition ${other?.sequence} of the site, and edition ${one?.sequence} was seen before`;
    return `${what}${proof}; --edition ${one?.sequence} reads that one, --edition ${other?.sequence} the older`;
  }
  if (alarm.kind === "successor") {
    return `the site's editions do not agree on who may take it over: its key may be stolen${proof}; ask the owner`;
  }
  const choices = alarm.slots.map((slot) => editionText(keys, slot)).join(" or ");
  const what =
    one?.sequence === other?.sequence
      ? `two editions of the site have the number ${one?.sequence}`
      : `edition ${one?.sequence} of the site does not follow edition ${other?.sequence}`;
  return `${what}: two have its key, or its owner made a mistake${proof}; ask the owner, then fetch ${choices}`;
}

function editionText(keys: SiteKeys, { sequence, hash }: Slot): string {
  return formatReference({ kind: "edition", siteKey: keys.publicKey, number: sequence, hash, path: [] });
}

function said(text: string | undefined): string {
  return text === undefined ? "" : ` ("${text}")`;
}
