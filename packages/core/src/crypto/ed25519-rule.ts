import { ed25519 } from "@noble/curves/ed25519.js";

/** Public keys whose verdict is remembered by one `createPublicKeyCheck`. */
export const PUBLIC_KEY_MEMO_ENTRIES = 4096;

const ORDER = ed25519.Point.Fn.ORDER;
const ORDER_BYTES = littleEndian(ORDER);

/** True iff S, the second half of a 64-byte signature, is below the group order L (RFC 8032, section 5.1.7). */
export function scalarIsCanonical(signature: Uint8Array): boolean {
  for (let at = 31; at >= 0; at--) {
    const difference = signature[32 + at]! - ORDER_BYTES[at]!;
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/**
 * True iff 32 bytes are the canonical encoding of a point of order L: on the curve, y < p, no negative zero,
 * torsion-free, not the identity (the only torsion-free point of small order).
 */
export function publicKeyIsSound(publicKey: Uint8Array): boolean {
  try {
    const point = ed25519.Point.fromBytes(publicKey, false);
    return !point.is0() && point.isTorsionFree();
  } catch {
    return false;
  }
}

/** True iff the 255-bit y of an encoded point is below p = 2^255 - 19. The sign of x is not looked at. */
export function yIsCanonical(encoded: Uint8Array): boolean {
  if ((encoded[31]! & 0x7f) !== 0x7f || encoded[0]! < 0xed) return true;
  for (let at = 1; at < 31; at++) if (encoded[at] !== 0xff) return true;
  return false;
}

/**
 * `isSound` with the verdicts of the last `capacity` keys remembered: the test costs as much as a signature check, and
 * a node sees the same few keys again and again. Public data only.
 */
export function createPublicKeyCheck(
  isSound: (publicKey: Uint8Array) => boolean = publicKeyIsSound,
  capacity: number = PUBLIC_KEY_MEMO_ENTRIES,
): (publicKey: Uint8Array) => boolean {
  const verdicts = new Map<string, boolean>();
  return (publicKey) => {
    const name = latin1(publicKey);
    const known = verdicts.get(name);
    const verdict = known ?? isSound(publicKey);
    if (known !== undefined) verdicts.delete(name);
    else if (verdicts.size >= capacity) verdicts.delete(verdicts.keys().next().value!);
    verdicts.set(name, verdict);
    return verdict;
  };
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, at) => Number((value >> BigInt(8 * at)) & 0xffn));
}
