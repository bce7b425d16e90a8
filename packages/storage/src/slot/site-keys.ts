import {
  type BlockId,
  blindedPublicKey,
  type CryptoProvider,
  hkdfExpand,
  LABELS,
  siteVerifyKeyOf,
} from "@umbel/core";
import { blockIdFromBytes } from "../block/location.ts";

/** What follows from a site's public key: who has it can find the slot, check it and read it. */
export interface SiteKeys {
  /** 32 bytes. Not public in the usual sense: it is what a `site` reference carries, and opens every edition. */
  readonly publicKey: Uint8Array;
  /** The name of the site's slot: its blinded key. */
  readonly slotId: BlockId;
  /** Opens the part of a body that names the root: for repair. */
  readonly verifyKey: Uint8Array;
  /** Opens the part of a body that says how to read it. */
  readonly readKey: Uint8Array;
}

/** Throws CRYPTO_FAILED when the public key is not a sound Ed25519 key. */
export function siteKeysOf(crypto: CryptoProvider, publicKey: Uint8Array): SiteKeys {
  return {
    publicKey,
    slotId: blockIdFromBytes(blindedPublicKey(crypto, publicKey, { kind: "slot" })),
    verifyKey: siteVerifyKeyOf(crypto, publicKey),
    readKey: hkdfExpand(crypto, publicKey, [LABELS.siteReadKey], 32),
  };
}
