import { ED25519_TORSION_SUBGROUP, ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromLittleEndian, littleEndian } from "../../../../test/support/forge-ed25519.ts";
import { toHex } from "../../src/bytes/bytes.ts";
import { type BlindingUse, blindedPublicKey, blindedSigner } from "../../src/crypto/blinding.ts";
import { LABELS } from "../../src/crypto/labels.ts";
import { nobleProvider } from "../../src/crypto/noble-provider.ts";
import { nodeProvider } from "../../src/platform/node-crypto.ts";

const { Point } = ed25519;
const L = Point.Fn.ORDER;
const seedOf = (first: number) => Uint8Array.from({ length: 32 }, (_, at) => (first + at) & 255);
const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const SLOT: BlindingUse = { kind: "slot" };

/** h by the text of the spec, with division and no bit operations. */
function naiveFactor(label: Uint8Array, ...parts: readonly Uint8Array[]): bigint {
  const number = fromLittleEndian(nobleProvider.sha256(label, ...parts)) % 2n ** 254n;
  return 2n ** 254n + number - (number % 8n);
}

/** n * P by adding and doubling. */
function naiveMultiple(n: bigint, P: InstanceType<typeof Point>): InstanceType<typeof Point> {
  let sum = Point.ZERO;
  for (let power = P, rest = n; rest > 0n; rest >>= 1n, power = power.double())
    if (rest & 1n) sum = sum.add(power);
  return sum;
}

describe("a blinded key", () => {
  it("is h * A by the formula of the specification, for both uses", () => {
    fc.assert(
      fc.property(bytes32, bytes32, (seed, otherSeed) => {
        const A = nobleProvider.ed25519.publicKey(seed);
        const of = nobleProvider.ed25519.publicKey(otherSeed);
        const point = Point.fromBytes(A);
        const slot = naiveMultiple(naiveFactor(LABELS.slotBlinding, A), point).toBytes();
        const successor = naiveMultiple(naiveFactor(LABELS.successorBlinding, A, of), point).toBytes();
        expect(blindedPublicKey(nodeProvider, A, SLOT)).toEqual(slot);
        expect(blindedPublicKey(nobleProvider, A, { kind: "successor", of })).toEqual(successor);
      }),
      { numRuns: 10 },
    );
  });

  it("signs what every provider verifies under the blinded public key, and under no other", () => {
    fc.assert(
      fc.property(bytes32, fc.uint8Array({ maxLength: 200 }), fc.nat(63), (seed, message, at) => {
        const A = nodeProvider.ed25519.publicKey(seed);
        const signer = blindedSigner(nodeProvider, seed, SLOT);
        expect(signer.publicKey).toEqual(blindedPublicKey(nodeProvider, A, SLOT));
        const signature = signer.sign(message);
        expect(signer.sign(message)).toEqual(signature);
        for (const provider of [nobleProvider, nodeProvider]) {
          expect(provider.ed25519.verify(signer.publicKey, message, signature)).toBe(true);
          expect(provider.ed25519.verify(A, message, signature)).toBe(false);
          const altered = signature.slice();
          altered[at]! ^= 1;
          expect(provider.ed25519.verify(signer.publicKey, message, altered)).toBe(false);
        }
      }),
      { numRuns: 10 },
    );
  });

  it("uses another nonce for each use, so that two signatures over one message do not give the seed away", () => {
    const seed = seedOf(9);
    const message = Uint8Array.of(1, 2, 3);
    const uses: readonly BlindingUse[] = [
      SLOT,
      ...[1, 2].map((n) => ({ kind: "successor", of: nodeProvider.ed25519.publicKey(seedOf(n)) }) as const),
    ];
    const firstHalves = uses.map((use) =>
      toHex(blindedSigner(nodeProvider, seed, use).sign(message).subarray(0, 32)),
    );
    firstHalves.push(toHex(nodeProvider.ed25519.sign(seed, message).subarray(0, 32)));
    expect(new Set(firstHalves).size).toBe(4);
  });

  it("is not made from a key with a torsion part, of small order, or in a form that is not canonical", () => {
    const A = Point.fromBytes(nodeProvider.ed25519.publicKey(seedOf(1)));
    const torsion = ED25519_TORSION_SUBGROUP.map((hex) => Point.fromHex(hex, true));
    const wrong = [
      ...torsion.map((T) => T.toBytes()),
      ...torsion.slice(1).map((T) => A.add(T).toBytes()),
      littleEndian(2n ** 255n - 19n),
      littleEndian(2n ** 255n - 18n),
      littleEndian(2n ** 255n + 1n),
      littleEndian(2n),
    ];
    for (const key of wrong) {
      expect(() => blindedPublicKey(nodeProvider, key, SLOT), toHex(key)).toThrowError(
        expect.objectContaining({ code: "CRYPTO_FAILED" }),
      );
    }
    expect(() => blindedPublicKey(nodeProvider, A.toBytes().subarray(1), SLOT)).toThrow(RangeError);
    expect(() => blindedSigner(nodeProvider, new Uint8Array(31), SLOT)).toThrow(RangeError);
  });

  it("itself is a sound key: of order L", () => {
    const key = blindedPublicKey(nodeProvider, nodeProvider.ed25519.publicKey(seedOf(5)), SLOT);
    expect(Point.fromBytes(key).isTorsionFree()).toBe(true);
    expect(Point.fromBytes(key).is0()).toBe(false);
  });
});

describe("blinding, frozen", () => {
  it("gives the keys and signatures of docs/spec/13-sites.md", () => {
    const seed = seedOf(0);
    const A = nodeProvider.ed25519.publicKey(seed);
    const of = nodeProvider.ed25519.publicKey(seedOf(32));
    const message = Uint8Array.from({ length: 100 }, (_, at) => at);
    const made = ([SLOT, { kind: "successor", of }] as const).map((use) => {
      const signer = blindedSigner(nodeProvider, seed, use);
      return { key: toHex(signer.publicKey), signature: toHex(signer.sign(message)) };
    });
    expect({ A: toHex(A), of: toHex(of), slot: made[0], successor: made[1] }).toEqual(FROZEN);
  });

  it("signs as RFC 8032 says, when compared with a signature made by its text", () => {
    const seed = seedOf(3);
    const signer = blindedSigner(nodeProvider, seed, SLOT);
    const message = Uint8Array.of(7);
    const expanded = sha512(seed);
    const clampedNumber = fromLittleEndian(expanded.slice(0, 32)) % 2n ** 254n;
    const a = 2n ** 254n + clampedNumber - (clampedNumber % 8n);
    const scalar = (a * naiveFactor(LABELS.slotBlinding, nodeProvider.ed25519.publicKey(seed))) % L;
    const prefix = nodeProvider.sha256(LABELS.blindedPrefix, expanded.subarray(32), signer.publicKey);
    const r = fromLittleEndian(sha512(Uint8Array.from([...prefix, ...message]))) % L;
    const R = naiveMultiple(r, Point.BASE).toBytes();
    const k = fromLittleEndian(sha512(Uint8Array.from([...R, ...signer.publicKey, ...message]))) % L;
    expect(signer.sign(message)).toEqual(Uint8Array.from([...R, ...littleEndian((r + k * scalar) % L)]));
  });
});

/** Seeds 0 to 31 and 32 to 63, message 0 to 99. */
const FROZEN = {
  A: "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
  of: "29acbae141bccaf0b22e1a94d34d0bc7361e526d0bfe12c89794bc9322966dd7",
  slot: {
    key: "7dc33ecc8d539b762259f9fee6dc0a87cfa965ffb851040c3b7bd6d7dc71c8c7",
    signature:
      "243620dc0598c5c4f2557e8897974a9e5d00c8816e6aa563d373ca824df4ff5deaf394d65cb75c934bc2c6bb8dc2d11c1fc897bd163341c071dbec0aa770b30f",
  },
  successor: {
    key: "7fa6f1ffbbf3db3eb76d13d27be927f8742cf75e38dbda4c494f07a30519c0cd",
    signature:
      "d59a0b9b9e75c176807c498db2e95b2c4d21669a0fff180896ff6223e713faa89221fda70af90f65266fc0e3e2c1d6bc41214d703f886b9fab21979e278aba02",
  },
};
