import { createCipheriv, createHash, createHmac } from "node:crypto";
import { BLOCK_BYTES } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sampleBytes } from "../../../../test/support/publishing.ts";
import { verifyKeyOf } from "../../src/block/block.ts";
import { fillerKeyOf, openPiece, sealPiece, sharedBlock } from "../../src/format/piece.ts";

const readKey = sampleBytes(32, "read key");
const fillerKey = fillerKeyOf(nodeProvider, verifyKeyOf(nodeProvider, sampleBytes(32, "folder")));
const bytes = sampleBytes(1000);
const piece = sealPiece(nodeProvider, readKey, bytes);
const other = sealPiece(nodeProvider, sampleBytes(32, "other key"), sampleBytes(700));
const block = sharedBlock(nodeProvider, fillerKey, 0, [other, piece]);
const open = (key: Uint8Array, from: Uint8Array, offset: number, size: number) =>
  openPiece(nodeProvider, key, from, offset, size);

describe("a small file in a shared block", () => {
  it("opens at its place under its own key", () => {
    expect(open(readKey, block, 716, 1000)).toEqual(bytes);
    expect(open(sampleBytes(32, "other key"), block, 0, 700)).toEqual(sampleBytes(700));
  });

  it("opens nowhere else, at no other size and under no other key, its neighbour's and its folder's included", () => {
    const failed = expect.objectContaining({ code: "CRYPTO_FAILED" });
    for (const [key, offset, size] of [
      [readKey, 0, 700],
      [readKey, 715, 1000],
      [readKey, 716, 999],
      [readKey, 716, 1001],
      [sampleBytes(32, "other key"), 716, 1000],
      [sampleBytes(32, "folder"), 716, 1000],
      [verifyKeyOf(nodeProvider, readKey), 716, 1000],
    ] as const) {
      expect(() => open(key, block, offset, size)).toThrowError(failed);
    }
  });

  it("does not open when any bit of it is another, whatever its neighbours are", () => {
    fc.assert(
      fc.property(fc.nat(BLOCK_BYTES * 8 - 1), (bit) => {
        const altered = block.slice();
        altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7));
        const isWithin = bit >> 3 >= 716 && bit >> 3 < 716 + 1016;
        if (isWithin) expect(() => open(readKey, altered, 716, 1000)).toThrow();
        else expect(open(readKey, altered, 716, 1000)).toEqual(bytes);
      }),
      { numRuns: 30 },
    );
  });

  it("is refused where it would reach out of the block, or the block has another length", () => {
    const refused = expect.objectContaining({ code: "BAD_ENCODING" });
    for (const [offset, size] of [
      [BLOCK_BYTES - 15, 0],
      [0, BLOCK_BYTES - 15],
      [-1, 5],
      [0, -1],
      [0.5, 1],
      [Number.NaN, 1],
    ] as const) {
      expect(() => open(readKey, block, offset, size)).toThrowError(refused);
    }
    expect(() => open(readKey, block.subarray(1), 716, 1000)).toThrowError(refused);
  });
});

describe("a shared block", () => {
  it("is filled up from its pieces, as the specification says", () => {
    const hmac = (key: Uint8Array, ...info: Uint8Array[]) =>
      createHmac("sha256", key)
        .update(Buffer.concat([...info, Uint8Array.of(1)]))
        .digest();
    const folderKey = verifyKeyOf(nodeProvider, sampleBytes(32, "folder"));
    const use = hmac(folderKey, Buffer.from("umbel1 use filler of shared blocks\0"));
    const used = Buffer.concat([other, piece]);
    const key = hmac(use, createHash("sha256").update(used).digest());
    const filler = createCipheriv("chacha20", key, Buffer.alloc(16)).update(
      Buffer.alloc(BLOCK_BYTES - used.length),
    );
    expect(Buffer.compare(block, Buffer.concat([used, filler]))).toBe(0);
  });

  it("is the same for the same pieces at any number, and another for any others", () => {
    const first = (pieces: readonly Uint8Array[], number: number) =>
      Buffer.from(sharedBlock(nodeProvider, fillerKey, number, pieces).subarray(-32)).toString("hex");
    expect(first([piece], 0)).toBe(first([piece], 7));
    const different = [
      first([piece], 0),
      first([other], 0),
      first([], 0),
      first([], 1),
      first([piece, other], 0),
    ];
    expect(new Set(different).size).toBe(different.length);
  });

  it("takes no more than it has room for", () => {
    const half = new Uint8Array(BLOCK_BYTES / 2);
    expect(sharedBlock(nodeProvider, fillerKey, 0, [half, half])).toEqual(new Uint8Array(BLOCK_BYTES));
    const over = () => sharedBlock(nodeProvider, fillerKey, 0, [half, half, Uint8Array.of(1)]);
    expect(over).toThrowError(expect.objectContaining({ code: "BAD_ENCODING" }));
  });
});
