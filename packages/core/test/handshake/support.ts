import { hexToBytes } from "@noble/hashes/utils.js";
import { type CryptoProvider, isUmbelError, type RandomSource } from "@umbel/core";
import { nodeProvider } from "../../src/platform/node-crypto.ts";

/** The fast provider; test/vectors/vectors.test.ts runs the handshakes over both. */
export const crypto: CryptoProvider = nodeProvider;

const text = new TextEncoder();

/** Bytes for vectors: SHA-256(seed | counter u32 big-endian), counter = 0, 1, 2 ..., one after the other. */
export function vectorRandom(seed: string): RandomSource {
  let counter = 0;
  let rest = new Uint8Array(0);
  return {
    bytes(length) {
      while (rest.length < length) {
        const number = new Uint8Array(4);
        new DataView(number.buffer).setUint32(0, counter++);
        const block = crypto.sha256(text.encode(seed), number);
        const longer = new Uint8Array(rest.length + block.length);
        longer.set(rest);
        longer.set(block, rest.length);
        rest = longer;
      }
      const bytes = rest.slice(0, length);
      rest = rest.slice(length);
      return bytes;
    },
  };
}

/** A source that hands out `chunks` in order and fails on anything else. */
export function scriptedRandom(...chunks: readonly (string | undefined)[]): RandomSource {
  const left = chunks.filter((chunk) => chunk !== undefined).map((chunk) => hexToBytes(chunk));
  return {
    bytes(length) {
      const chunk = left.shift();
      if (chunk?.length !== length) throw new Error(`no scripted chunk of ${length} bytes`);
      return chunk;
    },
  };
}

/** An X25519 key pair from `random`. */
export function dhKeyPair(random: RandomSource) {
  const secret = random.bytes(32);
  return { secret, publicKey: crypto.x25519.publicKey(secret) };
}

/** An Ed25519 identity from `random`. */
export function identity(random: RandomSource) {
  const seed = random.bytes(32);
  return { seed, publicKey: crypto.ed25519.publicKey(seed) };
}

/** `bytes` with the lowest bit of byte `at` changed. */
export function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const result = bytes.slice();
  result[at]! ^= 1;
  return result;
}

/** "HANDSHAKE_FAILED" or "done", whatever else is thrown is thrown on. */
export function outcome(run: () => unknown): "HANDSHAKE_FAILED" | "done" {
  try {
    run();
    return "done";
  } catch (error) {
    if (isUmbelError(error, "HANDSHAKE_FAILED")) return "HANDSHAKE_FAILED";
    throw error;
  }
}

/** Points of small order, as X25519 public keys (RFC 7748, section 6.1; "Curve25519 in practice", cr.yp.to/ecdh.html). */
export const SMALL_ORDER_KEYS: readonly Uint8Array[] = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].map((hex) => hexToBytes(hex));
