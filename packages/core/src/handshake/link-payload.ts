import { concatBytes } from "@noble/hashes/utils.js";
import type { NodeId } from "../brand.ts";
import { isZero } from "../bytes/zero.ts";
import { LABELS } from "../crypto/labels.ts";
import { nodeIdOf, type StaticKeyPair } from "../identity/node-key.ts";
import type { CryptoProvider } from "../ports/crypto.ts";
import { handshakeFailed } from "./noise.ts";

/** A static X25519 key pair of a link, 32 bytes each. */
export type LinkKeyPair = StaticKeyPair;

/** What this side presents. A client has a throw-away link key and no identity. */
export interface LinkCredentials {
  readonly linkKey: LinkKeyPair;
  /** The long-term Ed25519 key that signs the link key. */
  readonly identity?: { readonly seed: Uint8Array; readonly publicKey: Uint8Array } | undefined;
  /** Minor features offered: u32 bit set; unknown bits are ignored. */
  readonly features: number;
}

/** Who is on the other side. A client is nobody in particular. */
export type LinkPeer =
  | {
      readonly kind: "node";
      readonly nodeId: NodeId;
      readonly identityKey: Uint8Array;
      readonly linkKey: Uint8Array;
      readonly features: number;
    }
  | { readonly kind: "client"; readonly features: number };

/*
 * What a side says of itself, in handshake message 2 or 3 (docs/spec/02-link.md, Handshake):
 *
 *   flags u8 (bit 0: identity present, others 0) | features u32 | identity key 32 | signature 64 | zeros to the end
 *
 * A client has zeros for key and signature, so that its message is as long as a relay's.
 */
const IDENTITY_PRESENT = 1;
const FEATURES_AT = 1;
const KEY_AT = FEATURES_AT + 4;
const SIGNATURE_AT = KEY_AT + 32;
const PADDING_AT = SIGNATURE_AT + 64;

/** Encodes and signs the own payload, `length` bytes long. */
export function encodeLinkPayload(
  crypto: CryptoProvider,
  network: Uint8Array,
  credentials: LinkCredentials,
  length: number,
): Uint8Array {
  const payload = new Uint8Array(length);
  new DataView(payload.buffer).setUint32(FEATURES_AT, credentials.features);
  const { identity, linkKey } = credentials;
  if (identity === undefined) return payload;
  payload[0] = IDENTITY_PRESENT;
  payload.set(identity.publicKey, KEY_AT);
  payload.set(crypto.ed25519.sign(identity.seed, signedText(network, linkKey.publicKey)), SIGNATURE_AT);
  return payload;
}

/** Decodes a peer's payload and checks its signature over `linkKey`. Throws HANDSHAKE_FAILED on any other form. */
export function decodeLinkPayload(
  crypto: CryptoProvider,
  network: Uint8Array,
  linkKey: Uint8Array,
  payload: Uint8Array,
): LinkPeer {
  if (payload.length < PADDING_AT) throw handshakeFailed();
  const flags = payload[0];
  const features = new DataView(payload.buffer, payload.byteOffset).getUint32(FEATURES_AT);
  if (flags === 0 && isZero(payload.subarray(KEY_AT))) return { kind: "client", features };
  if (flags !== IDENTITY_PRESENT || !isZero(payload.subarray(PADDING_AT))) throw handshakeFailed();
  const identityKey = payload.slice(KEY_AT, SIGNATURE_AT);
  const signature = payload.slice(SIGNATURE_AT, PADDING_AT);
  if (!crypto.ed25519.verify(identityKey, signedText(network, linkKey), signature)) throw handshakeFailed();
  return { kind: "node", nodeId: nodeIdOf(crypto, identityKey), identityKey, linkKey, features };
}

function signedText(network: Uint8Array, linkKey: Uint8Array): Uint8Array {
  return concatBytes(LABELS.linkIdentity, network, linkKey);
}
