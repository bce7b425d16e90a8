import { UmbelError } from "../errors.ts";
import { MAX_TRANSPORT_MESSAGES } from "../limits.ts";
import type { CryptoProvider } from "../ports/crypto.ts";
import { AEAD_TAG_BYTES } from "../wire/geometry.ts";

/** Longest Noise message, tag included (Noise revision 34, section 3). */
export const MAX_NOISE_MESSAGE_BYTES = 65535;

/** Messages of one direction under one key: after each such run both sides rekey (docs/spec/02-link.md, Handshake). */
export const REKEY_MESSAGES = 4096;

/** One direction after the handshake: a Noise CipherState with its own counter. Messages must arrive whole and in order. */
export interface TransportCipher {
  /** Seals the next message: plaintext.length + 16 bytes. Throws LIMIT_REACHED at the end of the counter. */
  seal(plaintext: Uint8Array): Uint8Array;
  /** The same where the message stands: its last 16 bytes become the tag. */
  sealInPlace(message: Uint8Array): void;
  /**
   * Opens the next message, in whose memory the plaintext may then stand. Throws CRYPTO_FAILED when it is not the next one unaltered;
   * the cipher is then spent.
   */
  open(sealed: Uint8Array): Uint8Array;
  /** Overwrites the key; the cipher throws CRYPTO_FAILED when used again. */
  wipe(): void;
}

/**
 * A transport cipher that takes `key` (32 bytes of the Noise split) over and wipes it when it goes on to the next.
 * Only tests start the counter elsewhere than at 0.
 */
export function createTransportCipher(crypto: CryptoProvider, key: Uint8Array, start = 0): TransportCipher {
  let k: Uint8Array | undefined = key;
  let n = start;
  // One array for all nonces of the direction: a new one for each record costs more than the rest of what is around the cipher.
  const nonce = new Uint8Array(NONCE_BYTES);
  const nonceView = new DataView(nonce.buffer);

  function wipe(): void {
    k?.fill(0);
    k = undefined;
  }

  function currentKey(): Uint8Array {
    if (k === undefined) throw new UmbelError("CRYPTO_FAILED", "the transport cipher is spent");
    if (n < MAX_TRANSPORT_MESSAGES) return k;
    wipe();
    throw new UmbelError("LIMIT_REACHED", "the transport cipher has carried its last message");
  }

  function advance(used: Uint8Array): void {
    n++;
    if (n % REKEY_MESSAGES !== 0) return;
    k = rekey(crypto, used);
    used.fill(0);
  }

  function sealInPlace(message: Uint8Array): void {
    const used = currentKey();
    if (!isNoiseLength(message)) throw new RangeError(`a Noise message of ${message.length} bytes`);
    writeCounter(nonceView, n);
    crypto.chacha20Poly1305.sealInPlace(used, nonce, NO_BYTES, message);
    advance(used);
  }

  return {
    seal(plaintext) {
      const message = new Uint8Array(plaintext.length + AEAD_TAG_BYTES);
      message.set(plaintext);
      sealInPlace(message);
      return message;
    },
    sealInPlace,
    open(sealed) {
      const used = currentKey();
      writeCounter(nonceView, n);
      const opened = isNoiseLength(sealed)
        ? crypto.chacha20Poly1305.openInPlace(used, nonce, NO_BYTES, sealed)
        : undefined;
      if (opened === undefined) {
        wipe();
        throw new UmbelError("CRYPTO_FAILED", "a transport message does not verify");
      }
      advance(used);
      return opened;
    },
    wipe,
  };
}

/** The 12-byte nonce of counter `n` for ChaChaPoly: 4 zero bytes, then u64 little-endian (Noise section 12). */
export function noiseNonce(n: number): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES);
  writeCounter(new DataView(nonce.buffer), n);
  return nonce;
}

/** Opens a Noise ciphertext; undefined when its length or tag is wrong. */
export function openChecked(
  crypto: CryptoProvider,
  key: Uint8Array,
  n: number,
  associated: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | undefined {
  if (!isNoiseLength(sealed)) return undefined;
  return crypto.chacha20Poly1305.open(key, noiseNonce(n), associated, sealed);
}

const NO_BYTES = new Uint8Array(0);
const KEY_BYTES = 32;
const NONCE_BYTES = 12;

/** The counter behind the four zero bytes of a nonce. */
function writeCounter(nonce: DataView, n: number): void {
  nonce.setUint32(4, n % 2 ** 32, true);
  nonce.setUint32(8, Math.floor(n / 2 ** 32), true);
}

function isNoiseLength({ length }: Uint8Array): boolean {
  return length >= AEAD_TAG_BYTES && length <= MAX_NOISE_MESSAGE_BYTES;
}

/** REKEY(k): the first 32 bytes of ENCRYPT(k, 2^64 - 1, no data, 32 zeros) (Noise sections 4.2 and 11.3). */
function rekey(crypto: CryptoProvider, key: Uint8Array): Uint8Array {
  const lastNonce = new Uint8Array(12).fill(0xff, 4);
  const sealed = crypto.chacha20Poly1305.seal(key, lastNonce, NO_BYTES, new Uint8Array(KEY_BYTES));
  const next = sealed.slice(0, KEY_BYTES);
  sealed.fill(0);
  return next;
}
