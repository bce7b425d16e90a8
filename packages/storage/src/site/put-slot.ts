import { type BlindedSigner, UmbelError } from "@umbel/core";
import { blockIdOf } from "../block/location.ts";
import { PUT_TRIES } from "../limits.ts";
import type { SiteKeys } from "../slot/site-keys.ts";
import { decodeSlot, encodeSlot, type Slot, type SlotHeader } from "../slot/slot.ts";
import { openSlotBody, sealSlotBody } from "../slot/slot-body.ts";
import type { SlotContent } from "../slot/slot-content.ts";
import type { OwnerContext } from "./owner-state.ts";

/** A signed block as readers will see it: opened again, so that nothing is put that they would refuse. */
export function signed(
  { crypto }: OwnerContext,
  keys: SiteKeys,
  header: SlotHeader,
  content: SlotContent,
  signer: BlindedSigner,
): Slot {
  const body = sealSlotBody(crypto, keys, header, content);
  const slot = decodeSlot(crypto, keys.slotId, encodeSlot(header, body, signer));
  openSlotBody(crypto, keys, slot);
  return slot;
}

/** An edition is an ordinary block, too: so its reference finds it when holders keep newer editions alone. */
export async function putAsBlock(
  { crypto, networks, wanted, signal }: OwnerContext,
  slot: Slot,
): Promise<void> {
  const id = blockIdOf(crypto, slot.bytes);
  const puts = ([0, 1, 2] as const).map(
    (copy) => () => networks[0].put({ id, block: slot.bytes, copy, lane: "roots" }, { signal }),
  );
  await Promise.all(puts.map((put) => enough(put, wanted)));
}

/** Puts an edition at its three locations; how many holders keep it. Throws NOT_STORED when one location has too few. */
export async function putEverywhere({ networks, wanted, signal }: OwnerContext, slot: Slot): Promise<number> {
  const puts = ([0, 1, 2] as const).map(
    (copy) => () => networks[0].putSlot({ id: slot.id, slot: slot.bytes, copy }, { signal }),
  );
  const confirmed = await Promise.all(puts.map((put) => enough(put, wanted)));
  return confirmed.reduce((sum, count) => sum + count, 0);
}

/** Holders that a thief came to first may refuse for ever: what counts is that others do not. Throws NOT_STORED when all do. */
export async function putWhereverTaken(
  { networks, wanted, signal }: OwnerContext,
  slot: Slot,
): Promise<number> {
  const confirmed = await Promise.all(
    ([0, 1, 2] as const).map((copy) =>
      most(() => networks[0].putSlot({ id: slot.id, slot: slot.bytes, copy }, { signal }), wanted),
    ),
  );
  const sum = confirmed.reduce((total, count) => total + count, 0);
  if (sum > 0) return sum;
  throw new UmbelError(
    "NOT_STORED",
    "no node keeps it: all refuse it, or cannot be reached; try again later",
  );
}

/** The most confirmations of several tries, which end when there are as many as wanted. */
async function most(put: () => Promise<number>, wanted: number): Promise<number> {
  let best = 0;
  for (let attempt = 0; attempt < PUT_TRIES && best < wanted; attempt++) best = Math.max(best, await put());
  return best;
}

async function enough(put: () => Promise<number>, wanted: number): Promise<number> {
  const confirmed = await most(put, wanted);
  if (confirmed >= wanted) return confirmed;
  const what = `a location of the site's slot was confirmed by ${confirmed} of the ${wanted} nodes wanted`;
  throw new UmbelError("NOT_STORED", `${what}; publish again to go on`);
}
