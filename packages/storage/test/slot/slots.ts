import { type BlockId, blindedSigner, type Ed25519 } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { blockIdFromBytes } from "../../src/block/location.ts";
import { decodeSlot, encodeSlot, SLOT_BODY_BYTES, type Slot, type SlotHeader } from "../../src/slot/slot.ts";

/** A site's key made from one number. */
export function siteSeed(number: number): Uint8Array {
  return new Uint8Array(32).fill(number);
}

/** The public key of `siteSeed`. */
export function sitePublicKey(number: number, ed25519: Ed25519 = nodeProvider.ed25519): Uint8Array {
  return ed25519.publicKey(siteSeed(number));
}

/** The slot of site `number`. */
export function slotIdOf(number: number): BlockId {
  return blockIdFromBytes(blindedSigner(nodeProvider, siteSeed(number), { kind: "slot" }).publicKey);
}

/** The blinded key of site `number` as successor of site `of`. */
export function successorKeyOf(number: number, of: number): Uint8Array {
  const use = { kind: "successor", of: sitePublicKey(of) } as const;
  return blindedSigner(nodeProvider, siteSeed(number), use).publicKey;
}

/** A signed block of site 1 with a body of one repeated byte; `successor` is a site's number. */
export function slotBlock(
  fields: Partial<Omit<SlotHeader, "successor">> & { readonly successor?: number; readonly fill?: number },
): Uint8Array {
  const { successor, fill = 0, kind = "edition", sequence = 1 } = fields;
  const header: SlotHeader = {
    ...{ kind, sequence, id: slotIdOf(1) },
    previous:
      "previous" in fields ? fields.previous : sequence > 1 ? new Uint8Array(32).fill(sequence) : undefined,
    successor: successor === undefined ? undefined : successorKeyOf(successor, 1),
    nonce: fields.nonce ?? new Uint8Array(24).fill(3),
  };
  const signer =
    kind === "handover" && successor !== undefined
      ? blindedSigner(nodeProvider, siteSeed(successor), { kind: "successor", of: sitePublicKey(1) })
      : blindedSigner(nodeProvider, siteSeed(1), { kind: "slot" });
  return encodeSlot(header, new Uint8Array(SLOT_BODY_BYTES).fill(fill), signer);
}

/** `slotBlock`, decoded. */
export function slot(fields: Parameters<typeof slotBlock>[0]): Slot {
  return decodeSlot(nodeProvider, slotIdOf(1), slotBlock(fields));
}
