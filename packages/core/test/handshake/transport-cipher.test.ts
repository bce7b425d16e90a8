import { MAX_TRANSPORT_MESSAGES } from "@umbel/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createTransportCipher,
  MAX_NOISE_MESSAGE_BYTES,
  noiseNonce,
  REKEY_MESSAGES,
} from "../../src/handshake/transport-cipher.ts";
import { crypto, flipped } from "./support.ts";

const key = () => new Uint8Array(32).fill(5);
const NO_BYTES = new Uint8Array(0);
const TEXT = Uint8Array.of(1, 2, 3);
const pair = (start = 0) =>
  [createTransportCipher(crypto, key(), start), createTransportCipher(crypto, key(), start)] as const;

describe("a transport cipher", () => {
  it("opens what its twin sealed, in order, over every rekey", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 2 * REKEY_MESSAGES }),
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }),
        (start, texts) => {
          const [ours, theirs] = pair(start);
          for (const text of texts) expect(theirs.open(ours.seal(text))).toEqual(text);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("is ChaCha20-Poly1305 under the counter, with Noise REKEY after every 4096 messages", () => {
    const { seal } = crypto.chacha20Poly1305;
    const [ours] = pair(REKEY_MESSAGES - 1);
    expect(ours.seal(TEXT)).toEqual(seal(key(), noiseNonce(REKEY_MESSAGES - 1), NO_BYTES, TEXT));
    const last = new Uint8Array(12).fill(0xff, 4);
    const next = seal(key(), last, NO_BYTES, new Uint8Array(32)).subarray(0, 32);
    expect(ours.seal(TEXT)).toEqual(seal(next, noiseNonce(REKEY_MESSAGES), NO_BYTES, TEXT));
    expect(noiseNonce(2 ** 40 + 3)).toEqual(Uint8Array.of(0, 0, 0, 0, 3, 0, 0, 0, 0, 1, 0, 0));
  });

  it("wipes the key that it leaves and the key that it ends with", () => {
    const first = key();
    createTransportCipher(crypto, first, REKEY_MESSAGES - 1).seal(TEXT);
    expect(first).toEqual(new Uint8Array(32));
    const second = key();
    const cipher = createTransportCipher(crypto, second);
    cipher.wipe();
    expect(second).toEqual(new Uint8Array(32));
    expect(() => cipher.seal(TEXT)).toThrow(expect.objectContaining({ code: "CRYPTO_FAILED" }));
    expect(() => cipher.open(TEXT)).toThrow(expect.objectContaining({ code: "CRYPTO_FAILED" }));
  });

  it.each<[string, (first: Uint8Array, second: Uint8Array) => Uint8Array]>([
    ["altered", (first) => flipped(first, 0)],
    ["cut", (first) => first.subarray(1)],
    ["shorter than a tag", () => new Uint8Array(15)],
    ["out of order", (_first, second) => second],
    ["longer than a Noise message", () => new Uint8Array(MAX_NOISE_MESSAGE_BYTES + 1)],
  ])("is spent after a message that is %s", (_name, change) => {
    const [ours, theirs] = pair();
    const [first, second] = [ours.seal(TEXT), ours.seal(TEXT)];
    expect(() => theirs.open(change(first, second))).toThrow(
      expect.objectContaining({ code: "CRYPTO_FAILED" }),
    );
    expect(() => theirs.open(first)).toThrow(expect.objectContaining({ code: "CRYPTO_FAILED" }));
  });

  it("refuses a message that it opened before", () => {
    const [ours, theirs] = pair();
    const sealed = ours.seal(TEXT);
    theirs.open(sealed);
    expect(() => theirs.open(sealed)).toThrow(expect.objectContaining({ code: "CRYPTO_FAILED" }));
  });

  it("carries a message of 65535 bytes and refuses to seal one byte more", () => {
    const [ours, theirs] = pair();
    const longest = new Uint8Array(MAX_NOISE_MESSAGE_BYTES - 16);
    expect(theirs.open(ours.seal(longest))).toEqual(longest);
    expect(() => ours.seal(new Uint8Array(longest.length + 1))).toThrow(RangeError);
  });

  it("carries MAX_TRANSPORT_MESSAGES messages and refuses one more, on both sides", () => {
    const [ours, theirs] = pair(MAX_TRANSPORT_MESSAGES - 1);
    expect(theirs.open(ours.seal(TEXT))).toEqual(TEXT);
    expect(() => ours.seal(TEXT)).toThrow(expect.objectContaining({ code: "LIMIT_REACHED" }));
    expect(() => theirs.open(TEXT)).toThrow(expect.objectContaining({ code: "LIMIT_REACHED" }));
  });
});
