import { hchacha } from "@noble/ciphers/chacha.js";
import type { Aead, CryptoProvider } from "../ports/crypto.ts";
import { AEAD_KEY_BYTES, AEAD_NONCE_BYTES, assertLength } from "./suite.ts";

/** Bytes of an XChaCha20-Poly1305 nonce: so many that random ones do not meet. */
export const XCHACHA_NONCE_BYTES = 24;

/**
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03, section 2.3): HChaCha20 makes a key of its own from the first 16 bytes
 * of the nonce, under which ChaCha20-Poly1305 of any provider runs with the last 8.
 */
export function xchacha20Poly1305(crypto: CryptoProvider): Aead {
  const { chacha20Poly1305 } = crypto;
  return {
    seal: (key, nonce, associated, plaintext) =>
      chacha20Poly1305.seal(subkey(key, nonce), shortNonce(nonce), associated, plaintext),
    open: (key, nonce, associated, sealed) =>
      chacha20Poly1305.open(subkey(key, nonce), shortNonce(nonce), associated, sealed),
  };
}

/** "expand 32-byte k", as in RFC 8439, section 2.3. */
const CONSTANTS = words(Uint8Array.from("expand 32-byte k", (character) => character.charCodeAt(0)));

function subkey(key: Uint8Array, nonce: Uint8Array): Uint8Array {
  assertLength("XChaCha20 key", key, AEAD_KEY_BYTES);
  assertLength("XChaCha20 nonce", nonce, XCHACHA_NONCE_BYTES);
  const out = new Uint32Array(8);
  hchacha(CONSTANTS, words(key), words(nonce.subarray(0, 16)), out);
  return new Uint8Array(out.buffer);
}

function shortNonce(nonce: Uint8Array): Uint8Array {
  const result = new Uint8Array(AEAD_NONCE_BYTES);
  result.set(nonce.subarray(16), 4);
  return result;
}

/** The bytes as noble takes them: words in the order of this machine. */
function words(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.slice().buffer);
}
