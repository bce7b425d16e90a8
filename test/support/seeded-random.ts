import { createCipheriv, createHash } from "node:crypto";
import type { RandomSource } from "@umbel/core";

/** Reproducible randomness: the ChaCha20 keystream under SHA-256 of the seed. */
export interface SeededRandom extends RandomSource {
  /** An independent source named `label`; the same however much was drawn before. */
  fork(label: string): SeededRandom;
  /** A number in [0, 1) with 53 random bits. */
  fraction(): number;
}

const CHUNK_BYTES = 4096;

export function createSeededRandom(seed: string | number): SeededRandom {
  return fromKey(createHash("sha256").update(`umbel test seed\0${seed}`).digest());
}

function fromKey(key: Uint8Array): SeededRandom {
  const cipher = createCipheriv("chacha20", key, new Uint8Array(16));
  const zeros = new Uint8Array(CHUNK_BYTES);
  let chunk = new Uint8Array(0);
  let used = 0;

  function bytes(length: number): Uint8Array {
    const result = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      if (used === chunk.length) {
        chunk = cipher.update(zeros);
        used = 0;
      }
      const part = chunk.subarray(used, used + length - filled);
      result.set(part, filled);
      filled += part.length;
      used += part.length;
    }
    return result;
  }

  return {
    bytes,
    fork: (label) => fromKey(createHash("sha256").update(key).update(label).digest()),
    fraction() {
      const view = new DataView(bytes(8).buffer);
      return ((view.getUint32(0) >>> 5) * 2 ** 26 + (view.getUint32(4) >>> 6)) / 2 ** 53;
    },
  };
}
