import { createCipheriv, createDecipheriv } from "node:crypto";
import { AEAD_KEY_BYTES, AEAD_NONCE_BYTES, assertLength } from "../crypto/suite.ts";
import type { CryptoProvider } from "../ports/crypto.ts";
import { AEAD_TAG_BYTES } from "../wire/geometry.ts";
import type { NativeCiphers } from "./native-ciphers.ts";
import { plain } from "./node-keys.ts";

/** What a provider offers of ChaCha20. */
export type Chacha = Pick<CryptoProvider, "chacha20" | "chacha20Poly1305">;

/**
 * ChaCha20 by `node:crypto`, and once `bytes` have gone through by what `open` returns, if anything, and if it computes the same:
 * short commands then never load it.
 */
export function createNodeChacha(bytes: number, open: () => NativeCiphers | undefined): Chacha {
  let chacha = nodeChacha;
  let left = bytes;
  const forBytes = (length: number): Chacha => {
    if (left > 0) {
      left -= length;
      const ciphers = left > 0 ? undefined : open();
      if (ciphers !== undefined && computesTheSame(ciphers)) chacha = createNativeChacha(ciphers);
    }
    return chacha;
  };
  return {
    chacha20: (key, nonce, data) => forBytes(data.length).chacha20(key, nonce, data),
    chacha20Poly1305: {
      seal: (key, nonce, associated, plaintext) =>
        forBytes(plaintext.length).chacha20Poly1305.seal(key, nonce, associated, plaintext),
      open: (key, nonce, associated, sealed) =>
        forBytes(sealed.length).chacha20Poly1305.open(key, nonce, associated, sealed),
      sealInPlace: (key, nonce, associated, message) =>
        forBytes(message.length).chacha20Poly1305.sealInPlace(key, nonce, associated, message),
      openInPlace: (key, nonce, associated, message) =>
        forBytes(message.length).chacha20Poly1305.openInPlace(key, nonce, associated, message),
    },
  };
}

/** ChaCha20 by OpenSSL where the caller's bytes are. */
export function createNativeChacha(ciphers: NativeCiphers): Chacha {
  const sealInPlace: Chacha["chacha20Poly1305"]["sealInPlace"] = (key, nonce, associated, message) => {
    assertLengths(key, nonce);
    assertRoom(message);
    ciphers.seal(key, nonce, associated, message);
  };
  const openInPlace: Chacha["chacha20Poly1305"]["openInPlace"] = (key, nonce, associated, message) => {
    assertLengths(key, nonce);
    const length = message.length - AEAD_TAG_BYTES;
    let verified = false;
    try {
      verified = length >= 0 && ciphers.open(key, nonce, associated, message);
    } finally {
      if (!verified) message.fill(0);
    }
    return verified ? message.subarray(0, length) : undefined;
  };
  return {
    chacha20(key, nonce, data) {
      assertLengths(key, nonce);
      const result = unwritten(data.length);
      ciphers.chacha20(key, nonce, data, result);
      return result;
    },
    chacha20Poly1305: {
      seal(key, nonce, associated, plaintext) {
        const message = unwritten(plaintext.length + AEAD_TAG_BYTES);
        message.set(plaintext);
        sealInPlace(key, nonce, associated, message);
        return message;
      },
      open(key, nonce, associated, sealed) {
        const message = unwritten(sealed.length);
        message.set(sealed);
        return openInPlace(key, nonce, associated, message);
      },
      sealInPlace,
      openInPlace,
    },
  };
}

/** Whether `ciphers` agree with `node:crypto` on one message: a function of another width or meaning would show here. */
function computesTheSame(ciphers: NativeCiphers): boolean {
  try {
    const [ours, theirs] = [createNativeChacha(ciphers), nodeChacha].map((one) => {
      const sealed = one.chacha20Poly1305.seal(SAMPLE_KEY, SAMPLE_NONCE, SAMPLE_KEY, SAMPLE);
      const altered = sealed.slice().fill(0, -1);
      return [
        one.chacha20(SAMPLE_KEY, SAMPLE_NONCE, SAMPLE),
        sealed,
        one.chacha20Poly1305.open(SAMPLE_KEY, SAMPLE_NONCE, SAMPLE_KEY, sealed),
        one.chacha20Poly1305.open(SAMPLE_KEY, SAMPLE_NONCE, SAMPLE_KEY, altered),
      ].map((bytes) => Buffer.from(bytes ?? []).toString("hex"));
    });
    return String(ours) === String(theirs);
  } catch {
    return false;
  }
}

const SAMPLE = new Uint8Array(1000).map((_, at) => at);
const SAMPLE_KEY = SAMPLE.slice(0, AEAD_KEY_BYTES);
const SAMPLE_NONCE = SAMPLE.slice(0, AEAD_NONCE_BYTES);

const AEAD = "chacha20-poly1305";
const AEAD_OPTIONS = { authTagLength: AEAD_TAG_BYTES } as const;

/** ChaCha20 by `node:crypto`. */
export const nodeChacha: Chacha = {
  chacha20(key, nonce, data) {
    assertLengths(key, nonce);
    const counterAndNonce = new Uint8Array(16);
    counterAndNonce.set(nonce, 4);
    return plain(createCipheriv("chacha20", key, counterAndNonce).update(data));
  },
  chacha20Poly1305: {
    seal(key, nonce, associated, plaintext) {
      const message = unwritten(plaintext.length + AEAD_TAG_BYTES);
      message.set(plaintext);
      nodeChacha.chacha20Poly1305.sealInPlace(key, nonce, associated, message);
      return message;
    },
    open(key, nonce, associated, sealed) {
      assertLengths(key, nonce);
      if (sealed.length < AEAD_TAG_BYTES) return undefined;
      return decrypted(key, nonce, associated, sealed);
    },
    sealInPlace(key, nonce, associated, message) {
      assertLengths(key, nonce);
      assertRoom(message);
      const length = message.length - AEAD_TAG_BYTES;
      const cipher = createCipheriv(AEAD, key, nonce, AEAD_OPTIONS);
      if (associated.length > 0) cipher.setAAD(associated, { plaintextLength: length });
      message.set(cipher.update(message.subarray(0, length)));
      cipher.final();
      message.set(cipher.getAuthTag(), length);
    },
    openInPlace(key, nonce, associated, message) {
      const plaintext = nodeChacha.chacha20Poly1305.open(key, nonce, associated, message);
      if (plaintext === undefined) message.fill(0);
      return plaintext;
    },
  },
};

function decrypted(
  key: Uint8Array,
  nonce: Uint8Array,
  associated: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | undefined {
  const length = sealed.length - AEAD_TAG_BYTES;
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
}

/** An array of its own that the caller writes whole: records are long, and zeros first would cost as much as a copy. */
function unwritten(length: number): Uint8Array {
  const memory = Buffer.allocUnsafeSlow(length);
  return new Uint8Array(memory.buffer, memory.byteOffset, length);
}

function assertLengths(key: Uint8Array, nonce: Uint8Array): void {
  assertLength("ChaCha20 key", key, AEAD_KEY_BYTES);
  assertLength("ChaCha20 nonce", nonce, AEAD_NONCE_BYTES);
}

function assertRoom(message: Uint8Array): void {
  if (message.length < AEAD_TAG_BYTES) throw new RangeError(`no room for a tag in ${message.length} bytes`);
}
