import { ED25519_TORSION_SUBGROUP, ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

const { Point } = ed25519;
const ORDER = Point.Fn.ORDER;
const TORSION = ED25519_TORSION_SUBGROUP.map((hex) => Point.fromHex(hex, true));

/** What a hand-made signature is like. */
export interface Forged {
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
  /** True when encode(S*B - k*A) = R byte for byte. */
  readonly cofactorless: boolean;
}

/**
 * A signature over A = a*B + torsion part `ofKey` with R = r*B + torsion part `ofR`. With "match" that part is chosen so
 * that the equation without cofactor holds, trying r until it does.
 */
export function forgeEd25519(
  secret: bigint,
  ofKey: number,
  ofR: number | "match",
  message: Uint8Array,
): Forged {
  const A = Point.BASE.multiply(secret).add(TORSION[ofKey]!);
  const publicKey = A.toBytes();
  for (let r = 7n; ; r++) {
    for (const part of ofR === "match" ? [0, 1, 2, 3, 4, 5, 6, 7] : [ofR]) {
      const R = Point.BASE.multiply(r).add(TORSION[part]!).toBytes();
      const k = fromLittleEndian(sha512(Uint8Array.from([...R, ...publicKey, ...message]))) % ORDER;
      const s = (r + k * secret) % ORDER;
      const kA = k === 0n ? Point.ZERO : A.multiplyUnsafe(k);
      const cofactorless = bytesToHex(Point.BASE.multiply(s).subtract(kA).toBytes()) === bytesToHex(R);
      if (ofR !== "match" || cofactorless)
        return { publicKey, signature: Uint8Array.from([...R, ...littleEndian(s)]), cofactorless };
    }
  }
}

/** The number that bytes hold, lowest byte first. */
export function fromLittleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => 256n * sum + BigInt(byte), 0n);
}

/** 32 bytes that hold a number, lowest byte first. */
export function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, at) => Number((value >> BigInt(8 * at)) & 255n));
}
