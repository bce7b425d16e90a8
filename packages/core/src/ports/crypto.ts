/**
 * The primitives umbel is built from, behind one synchronous interface (DESIGN section 4).
 * Every provider passes `test/compliance/crypto-provider.ts`, vector by vector.
 * Lengths are checked: a wrong one throws a RangeError, since only our own code can cause it.
 */
export interface CryptoProvider {
  readonly name: string;
  /** SHA-256 (FIPS 180-4) over the concatenation of `parts`: 32 bytes. */
  sha256(...parts: readonly Uint8Array[]): Uint8Array;
  /** HMAC-SHA256 (RFC 2104) over the concatenation of `parts`: 32 bytes. */
  hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array;
  readonly x25519: X25519;
  readonly ed25519: Ed25519;
  readonly mlKem768: MlKem768;
  readonly chacha20Poly1305: InPlaceAead;
  /** ChaCha20 (RFC 8439) keystream xor, block counter starting at 0: a new array as long as `data`. */
  chacha20(key: Uint8Array, nonce: Uint8Array, data: Uint8Array): Uint8Array;
  /** Adiantum (XChaCha12, AES-256, NH-Poly1305) under a 32-byte key. The cipher holds expanded keys: wipe it. */
  wideBlock(key: Uint8Array): WideBlockCipher;
}

/** X25519 (RFC 7748). */
export interface X25519 {
  /** 32-byte public key of a 32-byte secret. */
  publicKey(secret: Uint8Array): Uint8Array;
  /** 32-byte shared secret. Throws CRYPTO_FAILED when it is all zero. */
  sharedSecret(secret: Uint8Array, peerPublic: Uint8Array): Uint8Array;
  /** A secret that is used more than once, in the form that the provider computes with. It lives as long as the result. */
  prepare(secret: Uint8Array): X25519Secret;
}

/** An X25519 secret made ready: see `X25519`. */
export interface X25519Secret {
  publicKey(): Uint8Array;
  /** Throws CRYPTO_FAILED when the shared secret is all zero. */
  sharedSecret(peerPublic: Uint8Array): Uint8Array;
}

/** Ed25519 (RFC 8032) with one verification rule in every provider: docs/spec/01-identity.md. */
export interface Ed25519 {
  /** 32-byte public key of a 32-byte seed. */
  publicKey(seed: Uint8Array): Uint8Array;
  /** 64-byte signature. */
  sign(seed: Uint8Array, message: Uint8Array): Uint8Array;
  /** True iff S < L, A and R are canonical, A is torsion-free and not of small order, and encode(S*B - k*A) = R. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

/** ML-KEM-768 (FIPS 203). */
export interface MlKem768 {
  /** From a 64-byte seed (d, z): 1184-byte public and 2400-byte secret key. */
  keyPair(seed: Uint8Array): { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array };
  /** From 32 bytes of randomness: 1088-byte ciphertext and 32-byte secret. Throws CRYPTO_FAILED on an invalid public key. */
  encapsulate(
    publicKey: Uint8Array,
    coins: Uint8Array,
  ): { readonly ciphertext: Uint8Array; readonly sharedSecret: Uint8Array };
  /** 32-byte secret; an altered ciphertext gives an unrelated one (implicit rejection). */
  decapsulate(secretKey: Uint8Array, ciphertext: Uint8Array): Uint8Array;
}

/** ChaCha20-Poly1305 (RFC 8439): 32-byte key, 12-byte nonce, 16-byte tag at the end. */
export interface Aead {
  /** A new array of plaintext.length + 16 bytes. */
  seal(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** The plaintext in a new array, or undefined when the tag does not verify. */
  open(
    key: Uint8Array,
    nonce: Uint8Array,
    associated: Uint8Array,
    sealed: Uint8Array,
  ): Uint8Array | undefined;
}

/** The same over memory of the caller's: records are long, and new memory for each costs more than the cipher. */
export interface InPlaceAead extends Aead {
  /** Seals all of `message` but its last 16 bytes, which become the tag. Throws a RangeError when there are fewer. */
  sealInPlace(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, message: Uint8Array): void;
  /**
   * The plaintext, in the memory of `message` or in its own: `message` is spent. Undefined when the tag does not verify, and `message`
   * is zeros then.
   */
  openInPlace(
    key: Uint8Array,
    nonce: Uint8Array,
    associated: Uint8Array,
    message: Uint8Array,
  ): Uint8Array | undefined;
}

/** A tweakable wide-block cipher: every bit of the result depends on every bit of key, tweak and input. */
export interface WideBlockCipher {
  /** Encrypts `block` (16 to 4096 bytes) in place under a tweak of any length up to 32 bytes. */
  encrypt(tweak: Uint8Array, block: Uint8Array): void;
  /** Undoes `encrypt`. */
  decrypt(tweak: Uint8Array, block: Uint8Array): void;
  /** Overwrites the expanded keys; the cipher throws when used again. */
  wipe(): void;
}
