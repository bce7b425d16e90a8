import { createCipheriv, createDecipheriv, createHash, createHmac, hash } from "node:crypto";
import { createWideBlock } from "../crypto/kernel/kernel-adiantum.ts";
import { assertLength, contributory, X25519_BYTES } from "../crypto/suite.ts";
import type { AesBlock } from "../crypto/wide-block.ts";
import type { CryptoProvider, X25519 } from "../ports/crypto.ts";
import { openNativeCiphers } from "./native-ciphers.ts";
import { createNodeChacha } from "./node-chacha.ts";
import { nodeEd25519 } from "./node-ed25519.ts";
import { agree, importPrivateKey, importPublicKey, plain } from "./node-keys.ts";
import { nodeMlKem768 } from "./node-ml-kem.ts";

/** Inputs up to this many bytes are joined for the one-call hash, which is faster than a hash object. */
const ONE_CALL_HASH_BYTES = 4096;
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

/** Bytes that a process enciphers before it loads the native ciphers: of fewer, loading takes longer than it saves. */
const NATIVE_CIPHERS_AFTER_BYTES = 2 ** 20;

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
  ...createNodeChacha(NATIVE_CIPHERS_AFTER_BYTES, () => openNativeCiphers()),
  wideBlock: (key) => createWideBlock(key, nodeAesBlock),
};

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
