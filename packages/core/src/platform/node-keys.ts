import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from "node:crypto";

/** The curves whose keys are 32 raw bytes. */
export type Curve = "X25519" | "Ed25519";

/** PKCS #8 and what precedes the 32 raw bytes of a private key in it (RFC 8410, section 7). */
const PKCS8_PREFIX: Readonly<Record<Curve, string>> = {
  X25519: "302e020100300506032b656e04220420",
  Ed25519: "302e020100300506032b657004220420",
};

/** A public key of 32 raw bytes. By JWK, which takes 5 us where SPKI takes 78 us (OpenSSL 3.0, Node 20). */
export function importPublicKey(curve: Curve, raw: Uint8Array): KeyObject {
  return createPublicKey({ key: { kty: "OKP", crv: curve, x: base64url(raw) }, format: "jwk" });
}

/** A private key of 32 raw bytes. By JWK, which takes 35 us where PKCS #8 takes 370 us, if this Node needs no `x`. */
export function importPrivateKey(curve: Curve, raw: Uint8Array): KeyObject {
  return JWK_WITHOUT_PUBLIC_PART ? fromJwk(curve, raw) : fromPkcs8(curve, raw);
}

/** The raw bytes of the public key that belongs to an Ed25519 private key. */
export function exportPublicKey(privateKey: KeyObject): Uint8Array {
  const { x } = createPublicKey(privateKey).export({ format: "jwk" });
  return new Uint8Array(Buffer.from(x!, "base64url"));
}

/** X25519 of two keys. Throws where OpenSSL does: on an all-zero result. */
export function agree(privateKey: KeyObject, publicKey: KeyObject): Uint8Array {
  return plain(diffieHellman({ privateKey, publicKey }));
}

/** The same memory without Buffer's methods: its `slice` shares memory where Uint8Array's copies. */
export function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

const JWK_WITHOUT_PUBLIC_PART = jwkWithoutPublicPartWorks();

function jwkWithoutPublicPartWorks(): boolean {
  const raw = new Uint8Array(32).fill(1);
  try {
    return fromJwk("Ed25519", raw).equals(fromPkcs8("Ed25519", raw));
  } catch {
    return false;
  }
}

function fromJwk(curve: Curve, raw: Uint8Array): KeyObject {
  return createPrivateKey({ key: { kty: "OKP", crv: curve, x: "", d: base64url(raw) }, format: "jwk" });
}

function fromPkcs8(curve: Curve, raw: Uint8Array): KeyObject {
  const key = Buffer.concat([Buffer.from(PKCS8_PREFIX[curve], "hex"), raw]);
  const imported = createPrivateKey({ key, format: "der", type: "pkcs8" });
  key.fill(0);
  return imported;
}

function base64url(raw: Uint8Array): string {
  return Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString("base64url");
}
