import * as nodeCrypto from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeCryptoProvider } from "../../../../test/compliance/crypto-provider.ts";
import { forgeEd25519 } from "../../../../test/support/forge-ed25519.ts";
import { nobleProvider } from "../../src/crypto/noble-provider.ts";
import { nodeChacha } from "../../src/platform/node-chacha.ts";
import { nodeProvider } from "../../src/platform/node-crypto.ts";

describeCryptoProvider(nobleProvider);
describeCryptoProvider(nodeProvider);
describeCryptoProvider({ ...nodeProvider, name: "node:crypto without OpenSSL in place", ...nodeChacha });

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const some = fc.uint8Array({ maxLength: 300 });

describe("noble and node:crypto", () => {
  it("agree on hashes, MACs, sealing and streams", () => {
    fc.assert(
      fc.property(bytes(32), bytes(12), fc.array(some, { maxLength: 4 }), some, (key, nonce, parts, data) => {
        const both = [nobleProvider, nodeProvider].map((provider) => [
          provider.sha256(...parts),
          provider.hmacSha256(data, ...parts),
          provider.chacha20(key, nonce, data),
          provider.chacha20Poly1305.seal(key, nonce, parts[0] ?? data, data),
        ]);
        expect(both[0]).toEqual(both[1]);
        const sealed = nobleProvider.chacha20Poly1305.seal(key, nonce, nonce, data);
        expect(nodeProvider.chacha20Poly1305.open(key, nonce, nonce, sealed)).toEqual(data);
      }),
      { numRuns: 60 },
    );
  });

  it("agree on X25519 for any secret and any 32 bytes as the peer's key", () => {
    fc.assert(
      fc.property(bytes(32), bytes(32), (secret, peer) => {
        expect(nodeProvider.x25519.publicKey(secret)).toEqual(nobleProvider.x25519.publicKey(secret));
        expect(nodeProvider.x25519.sharedSecret(secret, peer)).toEqual(
          nobleProvider.x25519.sharedSecret(secret, peer),
        );
      }),
      { numRuns: 25 },
    );
  });

  it("agree on Ed25519 keys and signatures and verify each other's", () => {
    fc.assert(
      fc.property(bytes(32), some, (seed, message) => {
        const publicKey = nobleProvider.ed25519.publicKey(seed);
        const signature = nobleProvider.ed25519.sign(seed, message);
        expect(nodeProvider.ed25519.publicKey(seed)).toEqual(publicKey);
        expect(nodeProvider.ed25519.sign(seed, message)).toEqual(signature);
        expect(nodeProvider.ed25519.verify(publicKey, message, signature)).toBe(true);
        expect(nobleProvider.ed25519.verify(publicKey, message, signature)).toBe(true);
      }),
      { numRuns: 15 },
    );
  });

  it.skipIf(!("decapsulate" in nodeCrypto))(
    "do not share ML-KEM where Node has it (skipped before 24.7)",
    () => {
      expect(nodeProvider.mlKem768.decapsulate).not.toBe(nobleProvider.mlKem768.decapsulate);
    },
  );

  it("agree on ML-KEM-768 keys and on the secret of any ciphertext, sound or not", () => {
    fc.assert(
      fc.property(bytes(64), bytes(32), fc.nat(1087), fc.nat(1), (seed, coins, at, flip) => {
        const keys = nobleProvider.mlKem768.keyPair(seed);
        expect(nodeProvider.mlKem768.keyPair(seed)).toEqual(keys);
        const sent = nobleProvider.mlKem768.encapsulate(keys.publicKey, coins);
        expect(nodeProvider.mlKem768.encapsulate(keys.publicKey, coins)).toEqual(sent);
        sent.ciphertext[at]! ^= flip;
        const [noble, node] = [nobleProvider, nodeProvider].map((provider) =>
          provider.mlKem768.decapsulate(keys.secretKey, sent.ciphertext),
        );
        expect(node).toEqual(noble);
      }),
      { numRuns: 20 },
    );
  });

  it("agree that a key with a torsion part is refused although the signature's equation holds", () => {
    const secrets = fc.bigInt({ min: 1n, max: 2n ** 252n });
    fc.assert(
      fc.property(secrets, fc.nat(7), some, (secret, part, message) => {
        const { publicKey, signature } = forgeEd25519(secret, part, "match", message);
        const verdicts = [nobleProvider, nodeProvider].map((p) =>
          p.ed25519.verify(publicKey, message, signature),
        );
        expect(verdicts).toEqual([part === 0, part === 0]);
      }),
      { numRuns: 25 },
    );
  });
});
