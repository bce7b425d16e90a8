import { sign, verify } from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519.js";
import { createPublicKeyCheck, scalarIsCanonical, yIsCanonical } from "../crypto/ed25519-rule.ts";
import { constantTimeEqual } from "../crypto/equal.ts";
import {
  assertLength,
  ED25519_PUBLIC_KEY_BYTES,
  ED25519_SEED_BYTES,
  ED25519_SIGNATURE_BYTES,
} from "../crypto/suite.ts";
import type { Ed25519 } from "../ports/crypto.ts";
import { agree, exportPublicKey, importPrivateKey, importPublicKey, plain } from "./node-keys.ts";

/**
 * Ed25519 by OpenSSL under the rule of docs/spec/01-identity.md. OpenSSL decodes A, compares encode(S*B - k*A) with R
 * byte for byte and refuses S >= L; the checks of A that it lacks are made here.
 */
export const nodeEd25519: Ed25519 = {
  publicKey(seed) {
    assertLength("Ed25519 seed", seed, ED25519_SEED_BYTES);
    return exportPublicKey(importPrivateKey("Ed25519", seed));
  },
  sign(seed, message) {
    assertLength("Ed25519 seed", seed, ED25519_SEED_BYTES);
    return plain(sign(null, message, importPrivateKey("Ed25519", seed)));
  },
  verify(publicKey, message, signature) {
    assertLength("Ed25519 public key", publicKey, ED25519_PUBLIC_KEY_BYTES);
    assertLength("Ed25519 signature", signature, ED25519_SIGNATURE_BYTES);
    if (!scalarIsCanonical(signature) || !keyIsSound(publicKey)) return false;
    try {
      return verify(null, message, importPublicKey("Ed25519", publicKey), signature);
    } catch {
      return false;
    }
  },
};

const { Fp, Fn } = ed25519.Point;

/**
 * A scalar that X25519 leaves as it is (a multiple of 8 in [2^254, 2^255)) and that is 1 or -1 modulo L. It sends a
 * point to plus or minus its part of order L, so it keeps the u of exactly the points that have no torsion part.
 */
const PROJECTION = importPrivateKey("X25519", Fp.toBytes(projectionScalar()));

const keyIsSound = createPublicKeyCheck(isSound);

/**
 * True for a canonical y whose point has order L, provided that it is on the curve: OpenSSL's verification finds the
 * others. About 0.1 ms, a seventh of a multiplication by L in noble.
 */
function isSound(publicKey: Uint8Array): boolean {
  if (!yIsCanonical(publicKey)) return false;
  const encodedY = publicKey.slice();
  encodedY[31]! &= 0x7f;
  const y = Fp.fromBytes(encodedY);
  if (y === Fp.ONE) return false;
  const u = Fp.toBytes(Fp.mul(Fp.add(Fp.ONE, y), Fp.inv(Fp.sub(Fp.ONE, y))));
  try {
    return constantTimeEqual(agree(PROJECTION, importPublicKey("X25519", u)), u);
  } catch {
    return false; // All zero: a point of small order.
  }
}

function projectionScalar(): bigint {
  const one = 8n * Fn.inv(8n);
  const scalar = one >= 1n << 254n ? one : 8n * Fn.ORDER - one;
  if (scalar >> 254n !== 1n) throw new Error("the projection scalar is not a clamped one");
  return scalar;
}
