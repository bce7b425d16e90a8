import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "../../src/bytes/bytes.ts";
import { HPKE_EXTRA_BYTES, hpkeOpen, hpkeSeal, hpkeSealWith } from "../../src/crypto/hpke.ts";
import { nobleProvider } from "../../src/crypto/noble-provider.ts";
import { nodeProvider } from "../../src/platform/node-crypto.ts";
import { nodeRandom } from "../../src/platform/node-random.ts";

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));

/** RFC 9180, appendix A.2.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305, base mode, sequence number 0. */
const RFC_9180 = {
  info: hex("4f6465206f6e2061204772656369616e2055726e"),
  skEm: hex("f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600"),
  pkEm: "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a",
  skRm: hex("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb"),
  pkRm: hex("4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a"),
  plaintext: hex("4265617574792069732074727574682c20747275746820626561757479"),
  associated: hex("436f756e742d30"),
  ciphertext: "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28",
};
const { info, associated } = RFC_9180;
const text = hex("616263");
const sealed = (crypto = nodeProvider): Uint8Array =>
  hpkeSeal(crypto, nodeRandom, {
    ...{ recipientPublicKey: RFC_9180.pkRm, info, associated },
    plaintext: text,
  });

describe.each([nobleProvider, nodeProvider])("HPKE over $name", (crypto) => {
  it("gives and opens the published box of RFC 9180, A.2.1", () => {
    const { skEm, pkRm, skRm, plaintext } = RFC_9180;
    const box = hpkeSealWith(crypto, skEm, { recipientPublicKey: pkRm, info, associated, plaintext });
    expect(toHex(box)).toBe(RFC_9180.pkEm + RFC_9180.ciphertext);
    expect(hpkeOpen(crypto, skRm, info, associated, box)).toEqual(plaintext);
  });

  it("opens what it sealed, of any length", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ maxLength: 300 }),
        (secret, plaintext) => {
          const recipientPublicKey = crypto.x25519.publicKey(secret);
          const box = hpkeSeal(crypto, nodeRandom, { recipientPublicKey, info, associated, plaintext });
          expect(box).toHaveLength(plaintext.length + HPKE_EXTRA_BYTES);
          expect(hpkeOpen(crypto, secret, info, associated, box)).toEqual(plaintext);
        },
      ),
      { numRuns: 20 },
    );
  });

  it("opens nothing for another recipient, another label, other associated data, or a changed byte", () => {
    const box = sealed(crypto);
    expect(hpkeOpen(crypto, RFC_9180.skRm, info, associated, box)).toEqual(text);
    expect(hpkeOpen(crypto, RFC_9180.skEm, info, associated, box)).toBeUndefined();
    expect(hpkeOpen(crypto, RFC_9180.skRm, associated, associated, box)).toBeUndefined();
    expect(hpkeOpen(crypto, RFC_9180.skRm, info, info, box)).toBeUndefined();
    for (let at = 0; at < box.length; at++) {
      const changed = box.slice();
      changed[at]! ^= 1;
      expect(hpkeOpen(crypto, RFC_9180.skRm, info, associated, changed)).toBeUndefined();
    }
  });

  it("opens nothing that is too short, or has an encapsulated key of small order", () => {
    for (const length of [0, 31, 32, 47]) {
      const short = sealed(crypto).subarray(0, length);
      expect(hpkeOpen(crypto, RFC_9180.skRm, info, associated, short)).toBeUndefined();
    }
    const zeros = new Uint8Array(60);
    expect(hpkeOpen(crypto, RFC_9180.skRm, info, associated, zeros)).toBeUndefined();
  });

  it("seals to nobody whose key has small order", () => {
    const sealing = { recipientPublicKey: new Uint8Array(32), info, associated, plaintext: text };
    expect(() => hpkeSeal(crypto, nodeRandom, sealing)).toThrow(
      expect.objectContaining({ code: "CRYPTO_FAILED" }),
    );
  });
});

it("seals the same text to the same recipient as another box each time", () => {
  expect(sealed()).not.toEqual(sealed());
});
