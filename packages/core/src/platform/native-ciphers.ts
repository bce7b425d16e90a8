import { createRequire } from "node:module";
import { isMainThread } from "node:worker_threads";
import { AEAD_KEY_BYTES, AEAD_NONCE_BYTES } from "../crypto/suite.ts";
import { UmbelError } from "../errors.ts";
import { AEAD_TAG_BYTES } from "../wire/geometry.ts";

/**
 * OpenSSL's ciphers over memory of the caller's (docs/decisions/0006-openssl-in-place.md): `node:crypto` returns all that it computes in
 * new memory, which costs more than the computation. Lengths are the caller's to check.
 */
export interface NativeCiphers {
  /** ChaCha20 (RFC 8439), block counter from 0: `input` xor the keystream, to `output`, which may be `input` itself. */
  chacha20(key: Uint8Array, nonce: Uint8Array, input: Uint8Array, output: Uint8Array): void;
  /** Encrypts `message` in place, but for its last 16 bytes, which become the tag. */
  seal(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, message: Uint8Array): void;
  /** The inverse: false when the tag does not verify, and what stands in `message` then must not be looked at. */
  open(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, message: Uint8Array): boolean;
}

/**
 * The OpenSSL that this Node is built with, called by way of `koffi`. Undefined where that optional package is missing or Node
 * does not show its OpenSSL; and in worker threads, which come and go, and each of which would leave some 40 KiB behind.
 */
export function openNativeCiphers(inMainThread = isMainThread): NativeCiphers | undefined {
  if (!inMainThread) return undefined;
  try {
    return ciphersOf(loadOpenSsl());
  } catch {
    return undefined;
  }
}

/** The functions of OpenSSL's EVP interface that are used here: 1 is success, anything else failure (EVP_EncryptInit(3)). */
interface OpenSsl {
  newContext(): Pointer;
  chacha20(): Pointer;
  chacha20Poly1305(): Pointer;
  init(
    context: Pointer,
    cipher: Pointer | null,
    engine: null,
    key: Uint8Array | null,
    iv: Uint8Array | null,
    encrypt: number,
  ): number;
  update(
    context: Pointer,
    output: Uint8Array | null,
    written: Uint8Array,
    input: Uint8Array,
    length: number,
  ): number;
  final(context: Pointer, output: Uint8Array, written: Uint8Array): number;
  control(context: Pointer, type: number, length: number, bytes: Uint8Array): number;
}

/** A C pointer, as `koffi` hands it out. */
type Pointer = unknown;

function loadOpenSsl(): OpenSsl {
  const koffi: typeof import("koffi") = createRequire(import.meta.url)("koffi");
  const process = koffi.load(null);
  return {
    newContext: process.func("void *EVP_CIPHER_CTX_new()"),
    chacha20: process.func("void *EVP_chacha20()"),
    chacha20Poly1305: process.func("void *EVP_chacha20_poly1305()"),
    init: process.func(
      "int EVP_CipherInit_ex(void *ctx, void *type, void *impl, const uint8_t *key, const uint8_t *iv, int enc)",
    ),
    update: process.func(
      "int EVP_CipherUpdate(void *ctx, uint8_t *out, uint8_t *outl, const uint8_t *in, int inl)",
    ),
    final: process.func("int EVP_CipherFinal_ex(void *ctx, uint8_t *out, uint8_t *outl)"),
    control: process.func("int EVP_CIPHER_CTX_ctrl(void *ctx, int type, int arg, uint8_t *ptr)"),
  };
}

/** EVP_CTRL_AEAD_GET_TAG and EVP_CTRL_AEAD_SET_TAG (openssl/evp.h). */
const GET_TAG = 0x10;
const SET_TAG = 0x11;
const DECRYPT = 0;
const ENCRYPT = 1;
const ZEROS = new Uint8Array(AEAD_KEY_BYTES);

/**
 * One context for each use, for as long as the process runs, since every call leaves it with a key of zeros: nothing then belongs
 * to whoever used it.
 */
function ciphersOf(openssl: OpenSsl): NativeCiphers {
  const contextOf = (cipher: Pointer, direction: number) => {
    const context = openssl.newContext();
    succeed(openssl.init(context, cipher, null, null, null, direction));
    return context;
  };
  const stream = contextOf(openssl.chacha20(), ENCRYPT);
  const sealer = contextOf(openssl.chacha20Poly1305(), ENCRYPT);
  const opener = contextOf(openssl.chacha20Poly1305(), DECRYPT);
  const counterAndNonce = new Uint8Array(16);
  const tag = new Uint8Array(AEAD_TAG_BYTES);
  /** An int that OpenSSL writes how much it wrote to. */
  const written = new Uint8Array(4);

  /** Does `work` under a key, which the context forgets whatever comes of it. */
  function under<Result>(
    context: Pointer,
    direction: number,
    key: Uint8Array,
    iv: Uint8Array,
    work: () => Result,
  ): Result {
    try {
      succeed(openssl.init(context, null, null, key, iv, direction));
      return work();
    } finally {
      openssl.init(context, null, null, ZEROS, ZEROS, direction);
    }
  }

  function crypt(context: Pointer, associated: Uint8Array, message: Uint8Array, length: number): void {
    if (associated.length > 0) succeed(openssl.update(context, null, written, associated, associated.length));
    succeed(openssl.update(context, message, written, message, length));
  }

  return {
    chacha20(key, nonce, input, output) {
      counterAndNonce.set(nonce, counterAndNonce.length - AEAD_NONCE_BYTES);
      under(stream, ENCRYPT, key, counterAndNonce, () =>
        succeed(openssl.update(stream, output, written, input, input.length)),
      );
    },
    seal(key, nonce, associated, message) {
      const length = message.length - AEAD_TAG_BYTES;
      under(sealer, ENCRYPT, key, nonce, () => {
        crypt(sealer, associated, message, length);
        succeed(openssl.final(sealer, tag, written));
        succeed(openssl.control(sealer, GET_TAG, AEAD_TAG_BYTES, tag));
      });
      message.set(tag, length);
    },
    open(key, nonce, associated, message) {
      const length = message.length - AEAD_TAG_BYTES;
      for (let at = 0; at < AEAD_TAG_BYTES; at++) tag[at] = message[length + at] as number;
      return under(opener, DECRYPT, key, nonce, () => {
        succeed(openssl.control(opener, SET_TAG, AEAD_TAG_BYTES, tag));
        crypt(opener, associated, message, length);
        return openssl.final(opener, tag, written) === 1;
      });
    },
  };
}

function succeed(result: number): void {
  if (result !== 1) throw new UmbelError("INTERNAL", "OpenSSL refused a call");
}
