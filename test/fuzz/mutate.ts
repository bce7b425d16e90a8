import { utf8ToBytes } from "@noble/hashes/utils.js";
import type { FuzzTarget } from "./target.ts";

/** A fast generator for choices of a fuzzer: the same seed, the same choices. Not for anything secret. */
export interface Choices {
  /** A whole number from 0 to `bound` - 1. */
  below(bound: number): number;
}

/** Mulberry32, which is public domain. */
export function createChoices(seed: number): Choices {
  let state = seed >>> 0;
  return {
    below(bound) {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
    },
  };
}

const INTERESTING = [
  0, 1, 2, 7, 8, 15, 16, 31, 32, 63, 64, 65, 127, 128, 255, 256, 1023, 1024, 4072, 4096, 0x7fff, 0x8000,
  0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
];

/** A changed copy of `bytes`: one to eight changes, some of which take parts of `others`. */
export function mutate(
  target: Pick<FuzzTarget, "maxBytes" | "repair" | "words">,
  choices: Choices,
  bytes: Uint8Array,
  others: readonly Uint8Array[],
): Uint8Array {
  let result: Uint8Array = bytes.slice();
  const changes = 1 << choices.below(4);
  for (let change = 0; change < changes; change++) result = changed(target, choices, result, others);
  result = result.subarray(0, target.maxBytes).slice();
  return target.repair !== undefined && choices.below(2) === 0 ? target.repair(result) : result;
}

function changed(
  target: Pick<FuzzTarget, "words">,
  choices: Choices,
  bytes: Uint8Array,
  others: readonly Uint8Array[],
): Uint8Array {
  const at = choices.below(bytes.length + 1);
  const some = (most: number): number => 1 + choices.below(Math.max(1, Math.min(most, bytes.length - at)));
  switch (choices.below(target.words === undefined ? 11 : 13)) {
    case 0:
    case 1:
      return overwritten(bytes, at, [(bytes[at] ?? 0) ^ (1 << choices.below(8))]);
    case 2:
      return overwritten(bytes, at, [choices.below(256)]);
    case 3:
      return overwritten(bytes, at, number(choices, bytes, at));
    case 4:
      return bytes.slice(0, at);
    case 5:
      return spliced(bytes, at, some(1 << choices.below(10)), NOTHING);
    case 6:
      return spliced(bytes, at, 0, bytes.subarray(at, at + some(1 << choices.below(10))));
    case 7: {
      const noise = Uint8Array.from({ length: 1 + choices.below(16) }, () => choices.below(256));
      return spliced(bytes, at, 0, noise);
    }
    case 8: {
      const from = others[choices.below(others.length)] ?? bytes;
      const start = choices.below(from.length + 1);
      const part = from.subarray(start, start + 1 + choices.below(from.length - start + 1));
      return spliced(bytes, at, choices.below(2) === 0 ? 0 : part.length, part);
    }
    case 9: {
      const length = some(1 << choices.below(8));
      const moved = bytes.slice(at, at + length);
      const without = spliced(bytes, at, length, NOTHING);
      return spliced(without, choices.below(without.length + 1), 0, moved);
    }
    case 10: {
      const filling = [0, 0xff, bytes[at] ?? 0][choices.below(3)]!;
      return overwritten(bytes, at, new Uint8Array(some(1 << choices.below(8))).fill(filling));
    }
    default: {
      const words = target.words ?? [];
      const word = utf8ToBytes(words[choices.below(words.length)] ?? "");
      return spliced(bytes, at, choices.below(2) === 0 ? 0 : word.length, word);
    }
  }
}

const NOTHING = new Uint8Array(0);

/** A number of 1, 2, 4 or 8 bytes: one of INTERESTING, or what stands there, a little more or less: lengths and counts. */
function number(choices: Choices, bytes: Uint8Array, at: number): Uint8Array {
  const width = 1 << choices.below(4);
  const result = new Uint8Array(8);
  const view = new DataView(result.buffer);
  if (choices.below(2) === 0) {
    view.setUint32(4, INTERESTING[choices.below(INTERESTING.length)]!);
    if (width === 8 && choices.below(2) === 0)
      view.setUint32(0, INTERESTING[choices.below(INTERESTING.length)]!);
  } else {
    result.set(bytes.subarray(at, at + width), 8 - width);
    view.setUint32(4, (view.getUint32(4) + choices.below(33) - 16) >>> 0);
  }
  return result.subarray(8 - width);
}

/** `part` in place of what stands at `at`, as far as `bytes` go. */
function overwritten(bytes: Uint8Array, at: number, part: ArrayLike<number>): Uint8Array {
  for (let offset = 0; offset < part.length && at + offset < bytes.length; offset++) {
    bytes[at + offset] = part[offset]!;
  }
  return bytes;
}

/** `bytes` with `part` in place of `length` bytes at `at`. */
function spliced(bytes: Uint8Array, at: number, length: number, part: Uint8Array): Uint8Array {
  const rest = bytes.subarray(Math.min(at + length, bytes.length));
  const result = new Uint8Array(at + part.length + rest.length);
  result.set(bytes.subarray(0, at));
  result.set(part, at);
  result.set(rest, at + part.length);
  return result;
}
