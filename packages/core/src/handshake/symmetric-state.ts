import { utf8ToBytes } from "@noble/hashes/utils.js";
import { UmbelError } from "../errors.ts";
import type { CryptoProvider } from "../ports/crypto.ts";
import { noiseNonce, openChecked } from "./transport-cipher.ts";

/** The hash function of a Noise protocol. umbel uses SHA-256; tests bring others to pass the public vectors. */
export interface NoiseHash {
  /** As in the protocol name, e.g. "SHA256". */
  readonly name: string;
  /** HASHLEN in bytes: 32 or 64. */
  readonly length: number;
  /** The hash of the concatenation of `parts`. */
  hash(...parts: readonly Uint8Array[]): Uint8Array;
  /** HMAC (RFC 2104) over the concatenation of `parts`. */
  hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array;
}

/** SHA-256 of the provider as hash of a Noise protocol. */
export function sha256NoiseHash(crypto: CryptoProvider): NoiseHash {
  return {
    name: "SHA256",
    length: 32,
    hash: (...parts) => crypto.sha256(...parts),
    hmac: (key, ...parts) => crypto.hmacSha256(key, ...parts),
  };
}

/** Noise revision 34, section 5.2: the chaining key, the handshake hash and the cipher of the handshake. */
export class SymmetricState {
  readonly #crypto: CryptoProvider;
  readonly #hash: NoiseHash;
  #ck: Uint8Array;
  #h: Uint8Array;
  #k: Uint8Array | undefined;
  #n = 0;

  /** InitializeSymmetric(protocol_name). */
  constructor(crypto: CryptoProvider, hash: NoiseHash, protocolName: string) {
    this.#crypto = crypto;
    this.#hash = hash;
    const name = utf8ToBytes(protocolName);
    this.#h = new Uint8Array(hash.length);
    this.#h.set(name.length <= hash.length ? name : hash.hash(name));
    this.#ck = this.#h.slice();
  }

  /** h: covers all that both sides have seen so far. */
  get handshakeHash(): Uint8Array {
    return this.#h.slice();
  }

  /** HasKey(): whether what goes through EncryptAndHash gets a tag. */
  get hasKey(): boolean {
    return this.#k !== undefined;
  }

  /** MixHash(data). */
  mixHash(data: Uint8Array): void {
    this.#h = this.#hash.hash(this.#h, data);
  }

  /** MixKey(input_key_material). Wipes what it replaces, not the input. */
  mixKey(inputKeyMaterial: Uint8Array): void {
    const [ck, tempK] = this.#hkdf(inputKeyMaterial);
    this.#ck.fill(0);
    this.#k?.fill(0);
    this.#ck = ck;
    this.#k = tempK;
    this.#n = 0;
  }

  /** EncryptAndHash(plaintext): the plaintext itself as long as there is no key. */
  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const ciphertext =
      this.#k === undefined
        ? plaintext.slice()
        : this.#crypto.chacha20Poly1305.seal(this.#k, noiseNonce(this.#n++), this.#h, plaintext);
    this.mixHash(ciphertext);
    return ciphertext;
  }

  /** DecryptAndHash(ciphertext). Throws CRYPTO_FAILED when the tag does not verify. */
  decryptAndHash(ciphertext: Uint8Array): Uint8Array {
    const plaintext =
      this.#k === undefined
        ? ciphertext.slice()
        : openChecked(this.#crypto, this.#k, this.#n++, this.#h, ciphertext);
    if (plaintext === undefined) throw new UmbelError("CRYPTO_FAILED", "a handshake tag does not verify");
    this.mixHash(ciphertext);
    return plaintext;
  }

  /** Split(): the keys of initiator to responder, then of responder to initiator, 32 bytes each. Spends the state. */
  split(): readonly [Uint8Array, Uint8Array] {
    const keys = this.#hkdf(new Uint8Array(0));
    const result = [keys[0].slice(0, KEY_BYTES), keys[1]] as const;
    keys[0].fill(0);
    this.wipe();
    return result;
  }

  /** Overwrites chaining key and cipher key. */
  wipe(): void {
    this.#ck.fill(0);
    this.#k?.fill(0);
    this.#k = undefined;
  }

  /** HKDF(ck, input, 2), section 4.3; the second output is cut to the length of a cipher key. */
  #hkdf(input: Uint8Array): readonly [Uint8Array, Uint8Array] {
    const tempKey = this.#hash.hmac(this.#ck, input);
    const first = this.#hash.hmac(tempKey, Uint8Array.of(1));
    const second = this.#hash.hmac(tempKey, first, Uint8Array.of(2));
    const key = second.slice(0, KEY_BYTES);
    tempKey.fill(0);
    second.fill(0);
    return [first, key];
  }
}

const KEY_BYTES = 32;
