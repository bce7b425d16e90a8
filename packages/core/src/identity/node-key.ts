import type { NodeId } from "../brand.ts";
import { decodeBase32, encodeBase32 } from "../bytes/base32.ts";
import { LABELS } from "../crypto/labels.ts";
import type { CryptoProvider } from "../ports/crypto.ts";
import type { RandomSource } from "../ports/random.ts";

/** Bytes of a node id before base32. */
export const NODE_ID_BYTES = 32;

/** The Ed25519 key pair that names a node: seed and public key, 32 bytes each. */
export interface IdentityKeyPair {
  readonly seed: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** An X25519 key pair, 32 bytes each. */
export interface StaticKeyPair {
  readonly secret: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** The keys that a node has for good. */
export interface LastingKeys {
  readonly identity: IdentityKeyPair;
  /** Static key of link handshakes. */
  readonly linkKey: StaticKeyPair;
}

/** A node's keys in one period. Link key and hop key differ, so that one handshake can never be played into the other. */
export interface NodeKeys extends LastingKeys {
  /** Static key of hop handshakes: a new one every HOP_KEY_PERIODS. */
  readonly hopKey: StaticKeyPair;
}

/** The secrets of `NodeKeys`, 32 bytes each. */
export interface NodeSecrets {
  readonly identitySeed: Uint8Array;
  readonly linkSecret: Uint8Array;
  readonly hopSecret: Uint8Array;
}

/** Fresh keys for a new node. */
export function generateNodeKeys(crypto: CryptoProvider, random: RandomSource): NodeKeys {
  return nodeKeysFrom(crypto, {
    identitySeed: random.bytes(32),
    linkSecret: random.bytes(32),
    hopSecret: random.bytes(32),
  });
}

/** The key pairs of three secrets, whose arrays the result keeps. */
export function nodeKeysFrom(crypto: CryptoProvider, secrets: NodeSecrets): NodeKeys {
  const { identitySeed, linkSecret, hopSecret } = secrets;
  return {
    identity: { seed: identitySeed, publicKey: crypto.ed25519.publicKey(identitySeed) },
    linkKey: staticKeyPair(crypto, linkSecret),
    hopKey: staticKeyPair(crypto, hopSecret),
  };
}

/** The key pair of an X25519 secret, whose array the result keeps. */
export function staticKeyPair(crypto: CryptoProvider, secret: Uint8Array): StaticKeyPair {
  return { secret, publicKey: crypto.x25519.publicKey(secret) };
}

/** A node's name: SHA-256(label, identity key) in base32 (docs/spec/01-identity.md, Node id). */
export function nodeIdOf(crypto: CryptoProvider, identityPublicKey: Uint8Array): NodeId {
  return nodeIdFromBytes(crypto.sha256(LABELS.nodeId, identityPublicKey));
}

/** The 32 bytes of a node id. Throws BAD_ENCODING when the text is not canonical. */
export function nodeIdBytes(id: NodeId): Uint8Array {
  return decodeBase32(id, NODE_ID_BYTES);
}

/** The node id of 32 bytes. Throws a RangeError on another length. */
export function nodeIdFromBytes(bytes: Uint8Array): NodeId {
  if (bytes.length !== NODE_ID_BYTES) throw new RangeError(`a node id of ${bytes.length} bytes`);
  return encodeBase32(bytes) as NodeId;
}
