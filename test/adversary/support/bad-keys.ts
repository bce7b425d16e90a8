import type { CryptoProvider } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";

/**
 * All X25519 public keys that lead to an all-zero result (RFC 7748, section 6.1): 0, 1, two points of order 8, p - 1, and the
 * non-canonical p and p + 1; each with and without the top bit, which X25519 masks.
 */
export const SMALL_ORDER_POINTS: readonly Uint8Array[] = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].flatMap((hex) =>
  [0, 0x80].map((top) => {
    const point = new Uint8Array(Buffer.from(hex, "hex"));
    point[31]! |= top;
    return point;
  }),
);

/** The modulus of ML-KEM: coefficients of an encapsulation key are below it (FIPS 203, section 7.2). */
const Q = 3329;

/** `key` with the 12-bit coefficient number `at` set to `value`. */
function withCoefficient(key: Uint8Array, at: number, value: number): Uint8Array {
  const result = key.slice();
  const byte = (at >> 1) * 3;
  if (at % 2 === 0) {
    result[byte] = value & 0xff;
    result[byte + 1] = (result[byte + 1]! & 0xf0) | (value >> 8);
  } else {
    result[byte + 1] = (result[byte + 1]! & 0x0f) | ((value & 0xf) << 4);
    result[byte + 2] = value >> 4;
  }
  return result;
}

/** Encapsulation keys of the right length that are none, made from a sound one. */
export const BAD_KEM_KEYS: Readonly<Record<string, (key: Uint8Array) => Uint8Array>> = {
  "the first coefficient q": (key) => withCoefficient(key, 0, Q),
  "the first coefficient 4095": (key) => withCoefficient(key, 0, 4095),
  "a coefficient in the middle q": (key) => withCoefficient(key, 383, Q),
  "the last coefficient q": (key) => withCoefficient(key, 767, Q),
  "all ones": (key) => key.map(() => 0xff),
};

/** Ciphertexts that hold no secret for the key that they are sent to. */
export const BAD_KEM_CIPHERTEXTS: Readonly<Record<string, (ciphertext: Uint8Array) => Uint8Array>> = {
  "a bit of it flipped": (ciphertext) => ciphertext.map((byte, at) => (at === 700 ? byte ^ 1 : byte)),
  "all zeros": (ciphertext) => new Uint8Array(ciphertext.length),
  "all ones": (ciphertext) => ciphertext.map(() => 0xff),
};

/** A peer that sends encapsulation keys changed by `change`. */
export function lyingAboutKey(change: (key: Uint8Array) => Uint8Array): CryptoProvider {
  const { mlKem768 } = nodeProvider;
  const keyPair: typeof mlKem768.keyPair = (seed) => {
    const pair = mlKem768.keyPair(seed);
    return { ...pair, publicKey: change(pair.publicKey) };
  };
  return { ...nodeProvider, mlKem768: { ...mlKem768, keyPair } };
}

/** A peer that sends ciphertexts changed by `change`. */
export function lyingAboutCiphertext(change: (ciphertext: Uint8Array) => Uint8Array): CryptoProvider {
  const { mlKem768 } = nodeProvider;
  const encapsulate: typeof mlKem768.encapsulate = (publicKey, coins) => {
    const made = mlKem768.encapsulate(publicKey, coins);
    return { ...made, ciphertext: change(made.ciphertext) };
  };
  return { ...nodeProvider, mlKem768: { ...mlKem768, encapsulate } };
}

/** What an active attacker does to the bytes of a message, by name. */
export const CHANGES: Readonly<Record<string, (message: Uint8Array) => Uint8Array>> = {
  "cut by one byte": (message) => message.slice(0, -1),
  "one byte longer": (message) => Uint8Array.of(...message, 0),
  "without its first byte": (message) => message.slice(1),
  "with a byte in front": (message) => Uint8Array.of(0, ...message),
  empty: () => new Uint8Array(0),
  "all zero": (message) => new Uint8Array(message.length),
};

/** `bytes` with the start replaced. */
export function startingWith(bytes: Uint8Array, start: Uint8Array): Uint8Array {
  const result = bytes.slice();
  result.set(start);
  return result;
}

/** `bytes` with a bit of byte `at` flipped. */
export function flippedAt(bytes: Uint8Array, at: number): Uint8Array {
  const result = bytes.slice();
  result[at]! ^= 0x10;
  return result;
}
