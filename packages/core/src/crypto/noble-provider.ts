import { unsafe } from "@noble/ciphers/aes.js";
import { chacha20, chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { UmbelError } from "../errors.ts";
import type { CryptoProvider, Ed25519, InPlaceAead, MlKem768, X25519 } from "../ports/crypto.ts";
import { AEAD_TAG_BYTES } from "../wire/geometry.ts";
import { createPublicKeyCheck, scalarIsCanonical } from "./ed25519-rule.ts";
import { constantTimeEqual } from "./equal.ts";
import { createWideBlock } from "./kernel/kernel-adiantum.ts";
import { openMlKem } from "./kernel/ml-kem.ts";
import {
  AEAD_KEY_BYTES,
  AEAD_NONCE_BYTES,
  assertLength,
  contributory,
  ED25519_PUBLIC_KEY_BYTES,
  ED25519_SEED_BYTES,
  ED25519_SIGNATURE_BYTES,
  MLKEM_CIPHERTEXT_BYTES,
  MLKEM_COINS_BYTES,
  MLKEM_PUBLIC_KEY_BYTES,
  MLKEM_SECRET_KEY_BYTES,
  MLKEM_SEED_BYTES,
  X25519_BYTES,
} from "./suite.ts";
import type { AesBlock } from "./wide-block.ts";

/** X25519 by noble, for any JavaScript engine. */
export const nobleX25519: X25519 = {
  publicKey(secret) {
    assertLength("X25519 secret", secret, X25519_BYTES);
    return x25519.getPublicKey(secret);
  },
  sharedSecret(secret, peerPublic) {
    assertLength("X25519 secret", secret, X25519_BYTES);
    assertLength("X25519 public key", peerPublic, X25519_BYTES);
    return contributory(() => x25519.scalarMult(secret, peerPublic));
  },
  prepare(secret) {
    const own = secret.slice();
    return {
      publicKey: () => nobleX25519.publicKey(own),
      sharedSecret: (peerPublic) => nobleX25519.sharedSecret(own, peerPublic),
    };
  },
};

const keyIsSound = createPublicKeyCheck();

/** Ed25519 by noble's point arithmetic, under the rule of docs/spec/01-identity.md. */
export const nobleEd25519: Ed25519 = {
  publicKey(seed) {
    assertLength("Ed25519 seed", seed, ED25519_SEED_BYTES);
    return ed25519.getPublicKey(seed);
  },
  sign(seed, message) {
    assertLength("Ed25519 seed", seed, ED25519_SEED_BYTES);
    return ed25519.sign(message, seed);
  },
  verify(publicKey, message, signature) {
    assertLength("Ed25519 public key", publicKey, ED25519_PUBLIC_KEY_BYTES);
    assertLength("Ed25519 signature", signature, ED25519_SIGNATURE_BYTES);
    if (!scalarIsCanonical(signature) || !keyIsSound(publicKey)) return false;
    return constantTimeEqual(expectedR(publicKey, message, signature), signature.subarray(0, 32));
  },
};

/** ML-KEM-768 by noble: the oracle of the kernel, and its stand-in. */
export const nobleMlKem768: MlKem768 = {
  keyPair(seed) {
    assertLength("ML-KEM seed", seed, MLKEM_SEED_BYTES);
    return ml_kem768.keygen(seed);
  },
  encapsulate(publicKey, coins) {
    assertLength("ML-KEM public key", publicKey, MLKEM_PUBLIC_KEY_BYTES);
    assertLength("ML-KEM coins", coins, MLKEM_COINS_BYTES);
    try {
      const { cipherText, sharedSecret } = ml_kem768.encapsulate(publicKey, coins);
      return { ciphertext: cipherText, sharedSecret };
    } catch (cause) {
      throw new UmbelError("CRYPTO_FAILED", "ML-KEM: the public key is not a valid one", { cause });
    }
  },
  decapsulate(secretKey, ciphertext) {
    assertLength("ML-KEM secret key", secretKey, MLKEM_SECRET_KEY_BYTES);
    assertLength("ML-KEM ciphertext", ciphertext, MLKEM_CIPHERTEXT_BYTES);
    return ml_kem768.decapsulate(ciphertext, secretKey);
  },
};

/** ML-KEM-768 by the WASM kernel where there is WebAssembly, a tenth of the time of noble's; else by noble. */
export const portableMlKem768: MlKem768 = {
  keyPair: (seed) => (openMlKem() ?? nobleMlKem768).keyPair(seed),
  encapsulate: (publicKey, coins) => (openMlKem() ?? nobleMlKem768).encapsulate(publicKey, coins),
  decapsulate: (secretKey, ciphertext) => (openMlKem() ?? nobleMlKem768).decapsulate(secretKey, ciphertext),
};

const nobleAead: InPlaceAead = {
  seal(key, nonce, associated, plaintext) {
    assertLength("AEAD key", key, AEAD_KEY_BYTES);
    assertLength("AEAD nonce", nonce, AEAD_NONCE_BYTES);
    return chacha20poly1305(key, nonce, associated).encrypt(plaintext);
  },
  open(key, nonce, associated, sealed) {
    assertLength("AEAD key", key, AEAD_KEY_BYTES);
    assertLength("AEAD nonce", nonce, AEAD_NONCE_BYTES);
    if (sealed.length < AEAD_TAG_BYTES) return undefined;
    try {
      return chacha20poly1305(key, nonce, associated).decrypt(sealed);
    } catch {
      return undefined;
    }
  },
  sealInPlace(key, nonce, associated, message) {
    const length = message.length - AEAD_TAG_BYTES;
    if (length < 0) throw new RangeError(`no room for a tag in ${message.length} bytes`);
    message.set(nobleAead.seal(key, nonce, associated, message.subarray(0, length)));
  },
  openInPlace(key, nonce, associated, message) {
    const plaintext = nobleAead.open(key, nonce, associated, message);
    if (plaintext === undefined) message.fill(0);
    return plaintext;
  },
};

/** The portable provider: noble everywhere, and the oracle that faster providers are compared with. */
export const nobleProvider: CryptoProvider = {
  name: "noble",
  sha256(...parts) {
    const hash = sha256.create();
    for (const part of parts) hash.update(part);
    return hash.digest();
  },
  hmacSha256(key, ...parts) {
    const mac = hmac.create(sha256, key);
    for (const part of parts) mac.update(part);
    return mac.digest();
  },
  x25519: nobleX25519,
  ed25519: nobleEd25519,
  mlKem768: portableMlKem768,
  chacha20Poly1305: nobleAead,
  chacha20(key, nonce, data) {
    assertLength("ChaCha20 key", key, AEAD_KEY_BYTES);
    assertLength("ChaCha20 nonce", nonce, AEAD_NONCE_BYTES);
    return chacha20(key, nonce, data);
  },
  wideBlock: (key) => createWideBlock(key, nobleAesBlock),
};

/** The 32 bytes encode(S*B - k*A), which the rule compares with R. A is sound and S < L. */
function expectedR(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Uint8Array {
  const { Point } = ed25519;
  const digest = sha512.create().update(signature.subarray(0, 32)).update(publicKey).update(message).digest();
  const k = littleEndianInteger(digest) % Point.Fn.ORDER;
  const s = littleEndianInteger(signature.subarray(32));
  const kA = Point.fromBytes(publicKey, false).multiplyUnsafe(k);
  return Point.BASE.multiplyUnsafe(s).subtract(kA).toBytes();
}

function littleEndianInteger(bytes: Uint8Array): bigint {
  let hex = "0x";
  for (let at = bytes.length - 1; at >= 0; at--) hex += bytes[at]!.toString(16).padStart(2, "0");
  return BigInt(hex);
}

/** AES-256 on single blocks by noble's T-tables: not constant in time, for engines without anything better. */
export function nobleAesBlock(key: Uint8Array): AesBlock {
  const encryptKey = unsafe.expandKeyLE(key);
  const decryptKey = unsafe.expandKeyDecLE(key);
  return {
    encrypt: (block) => void unsafe.encryptBlock(encryptKey, block),
    decrypt: (block) => void unsafe.decryptBlock(decryptKey, block),
    wipe() {
      encryptKey.fill(0);
      decryptKey.fill(0);
    },
  };
}
