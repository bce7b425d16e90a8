import { createCipheriv, createDecipheriv, createHash, createHmac, hash } from "node:crypto";
import { createWideBlock } from "../crypto/kernel/kernel-adiantum.ts";
import {
  AEAD_KEY_BYTES,
  AEAD_NONCE_BYTES,
  assertLength,
  contributory,
  X25519_BYTES,
} from "../crypto/suite.ts";
import type { AesBlock } from "../crypto/wide-block.ts";
import type { Aead, CryptoProvider, X25519 } from "../ports/crypto.ts";
import { AEAD_TAG_BYTES } from "../wire/geometry.ts";
import { nodeEd25519 } from "./node-ed25519.ts";
import { agree, importPrivateKey, importPublicKey, plain } from "./node-keys.ts";
import { nodeMlKem768 } from "./node-ml-kem.ts";

/** Inputs up to this many bytes are joined for the one-call hash, which is faster than a hash object. */
const ONE_CALL_HASH_BYTES = 4096;
const AEAD = "chacha20-poly1305";
const AEAD_OPTIONS = { authTagLength: AEAD_TAG_BYTES } as const;
const BASE_POINT = importPublicKey("X25519", new Uint8Array(X25519_BYTES).fill(9, 0, 1));

const nodeX25519: X25519 = {
  publicKey: (secret) => nodeX25519.prepare(secret).publicKey(),
  sharedSecret: (secret, peerPublic) => nodeX25519.prepare(secret).sharedSecret(peerPublic),
  /** Half of what an agreement costs is the import of the secret: once here. */
  prepare(secret) {
    assertLength("X25519 secret", secret, X25519_BYTES);
    const key = importPrivateKey("X25519", secret);
    return {
      publicKey: () => agree(key, BASE_POINT),
      sharedSecret(peerPublic) {
        assertLength("X25519 public key", peerPublic, X25519_BYTES);
        return contributory(() => agree(key, importPublicKey("X25519", peerPublic)));
      },
    };
  },
};

const nodeAead: Aead = {
  seal(key, nonce, associated, plaintext) {
    assertAeadLengths(key, nonce);
    const cipher = createCipheriv(AEAD, key, nonce, AEAD_OPTIONS);
    if (associated.length > 0) cipher.setAAD(associated, { plaintextLength: plaintext.length });
    const sealed = unwritten(plaintext.length + AEAD_TAG_BYTES);
    sealed.set(cipher.update(plaintext));
    cipher.final();
    sealed.set(cipher.getAuthTag(), plaintext.length);
    return sealed;
  },
  open(key, nonce, associated, sealed) {
    assertAeadLengths(key, nonce);
    const length = sealed.length - AEAD_TAG_BYTES;
    if (length < 0) return undefined;
    const decipher = createDecipheriv(AEAD, key, nonce, AEAD_OPTIONS);
    decipher.setAuthTag(sealed.subarray(length));
    if (associated.length > 0) decipher.setAAD(associated, { plaintextLength: length });
    const plaintext = plain(decipher.update(sealed.subarray(0, length)));
    try {
      decipher.final();
      return plaintext;
    } catch {
      plaintext.fill(0);
      return undefined;
    }
  },
};

/** The provider for Node: OpenSSL by `node:crypto`, and noble for what it lacks (docs/decisions/0001). */
export const nodeProvider: CryptoProvider = {
  name: "node:crypto",
  sha256(...parts) {
    if (parts.length === 1 && parts[0]!.length <= ONE_CALL_HASH_BYTES)
      return plain(hash("sha256", parts[0]!, "buffer"));
    const hasher = createHash("sha256");
    for (const part of parts) hasher.update(part);
    return plain(hasher.digest());
  },
  hmacSha256(key, ...parts) {
    const mac = createHmac("sha256", key);
    for (const part of parts) mac.update(part);
    return plain(mac.digest());
  },
  x25519: nodeX25519,
  ed25519: nodeEd25519,
  mlKem768: nodeMlKem768,
  chacha20Poly1305: nodeAead,
  chacha20(key, nonce, data) {
    assertAeadLengths(key, nonce);
    const counterAndNonce = new Uint8Array(16);
    counterAndNonce.set(nonce, 4);
    return plain(createCipheriv("chacha20", key, counterAndNonce).update(data));
  },
  wideBlock: (key) => createWideBlock(key, nodeAesBlock),
};

/** An array of its own that the caller writes whole: records are long, and zeros first would cost as much as a copy. */
function unwritten(length: number): Uint8Array {
  const memory = Buffer.allocUnsafeSlow(length);
  return new Uint8Array(memory.buffer, memory.byteOffset, length);
}

function assertAeadLengths(key: Uint8Array, nonce: Uint8Array): void {
  assertLength("ChaCha20 key", key, AEAD_KEY_BYTES);
  assertLength("ChaCha20 nonce", nonce, AEAD_NONCE_BYTES);
}

/** AES-256 by OpenSSL, constant in time where the processor has AES. A layer uses one direction, so each is made late. */
export function nodeAesBlock(key: Uint8Array): AesBlock {
  let encryptor: ReturnType<typeof createCipheriv> | undefined;
  let decryptor: ReturnType<typeof createDecipheriv> | undefined;
  return {
    encrypt(block) {
      encryptor ??= createCipheriv("aes-256-ecb", key, null).setAutoPadding(false);
      block.set(encryptor.update(block));
    },
    decrypt(block) {
      decryptor ??= createDecipheriv("aes-256-ecb", key, null).setAutoPadding(false);
      block.set(decryptor.update(block));
    },
    wipe() {
      encryptor?.final();
      decryptor?.final();
      encryptor = undefined;
      decryptor = undefined;
    },
  };
}
