import { createHash } from "node:crypto";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeWideBlock } from "../../../../test/compliance/crypto-provider.ts";
import { naiveAdiantum, naiveNh, naivePoly1305 } from "../../../../test/support/naive/adiantum.ts";
import { sharedVectors, vectorsTitle } from "../../../../test/support/shared-vectors.ts";
import { xchacha12Xor } from "../../src/crypto/chacha12.ts";
import { NH_VALUE_WORDS, nh } from "../../src/crypto/nh.ts";
import { addNhPoly1305 } from "../../src/crypto/nh-poly1305.ts";
import { nobleAesBlock, nobleProvider } from "../../src/crypto/noble-provider.ts";
import { createPoly1305 } from "../../src/crypto/poly1305.ts";
import { createAdiantum } from "../../src/crypto/wide-block.ts";
import { nodeAesBlock, nodeProvider } from "../../src/platform/node-crypto.ts";

interface HashFile {
  readonly vectors: readonly { readonly key: string; readonly message: string; readonly hash: string }[];
}
interface StreamFile {
  readonly vectors: readonly {
    readonly key: string;
    readonly nonce: string;
    readonly tests: readonly { readonly offset: number; readonly keystream: string }[];
  }[];
}
interface AdiantumFile {
  readonly vectors: readonly {
    readonly key: string;
    readonly tweak: string;
    readonly plaintext: string;
    readonly ciphertext: string;
  }[];
}
const adiantum = sharedVectors<AdiantumFile>("adiantum-xchacha12");
const nhFile = sharedVectors<HashFile>("nh");
const nhPoly = sharedVectors<HashFile>("nhpoly1305");
const xchacha = sharedVectors<StreamFile>("xchacha12");

const words = (bytes: Uint8Array): Uint32Array => {
  const padded = new Uint8Array((bytes.length + 15) & ~15);
  padded.set(bytes);
  return new Uint32Array(padded.buffer);
};
const hex = (array: Uint32Array): string => bytesToHex(new Uint8Array(array.buffer));

const tweakOf = fc.uint8Array({ maxLength: 32 });
const keyOf = fc.uint8Array({ minLength: 32, maxLength: 32 });
/** Mostly lengths around the edges of ChaCha blocks, NH units and the whole body. */
const lengthOf = fc.oneof(
  fc.constantFrom(16, 17, 31, 32, 79, 80, 81, 1039, 1040, 1041, 2064, 4095, 4096),
  fc.integer({ min: 16, max: 4096 }),
);

describe("the parts of Adiantum", () => {
  it.skipIf(!nhFile)(`give every value of ${vectorsTitle("nh", nhFile)}`, () => {
    expect(nhFile!.vectors.length).toBeGreaterThan(0);
    for (const vector of nhFile!.vectors) {
      const message = hexToBytes(vector.message);
      const value = new Uint32Array(NH_VALUE_WORDS);
      nh(words(hexToBytes(vector.key)), words(message), 0, words(message).length, value);
      expect(hex(value)).toBe(vector.hash);
    }
  });

  it.skipIf(!nhPoly)(`give every hash of ${vectorsTitle("nhpoly1305", nhPoly)}`, () => {
    expect(nhPoly!.vectors.length).toBeGreaterThan(0);
    for (const vector of nhPoly!.vectors) {
      const key = words(hexToBytes(vector.key));
      const message = words(hexToBytes(vector.message));
      const hash = new Uint32Array(4);
      addNhPoly1305(key.slice(4), createPoly1305(key, 0), message, message.length, hash);
      expect(hex(hash)).toBe(vector.hash);
    }
  });

  it.skipIf(!xchacha)(`give every keystream of ${vectorsTitle("xchacha12", xchacha)}`, () => {
    expect(xchacha!.vectors.length).toBeGreaterThan(0);
    for (const { key, nonce, tests } of xchacha!.vectors) {
      const nonceWords = new Uint32Array(hexToBytes(nonce).buffer);
      const stream = new Uint32Array(2049 * 16);
      xchacha12Xor(
        words(hexToBytes(key)),
        nonceWords.subarray(0, 4),
        nonceWords.subarray(4),
        stream,
        stream.length,
      );
      for (const { offset, keystream } of tests)
        expect(hex(stream.slice(16 * offset, 16 * offset + 16))).toBe(keystream);
    }
  });

  it("agree with the naive twin at their extremes: all words and limbs at their highest", () => {
    const ones = new Uint8Array(1072).fill(255);
    for (const [key, byte] of [
      [new Uint8Array(1072), 255],
      [ones, 255],
      [ones, 0],
    ] as const) {
      const message = new Uint8Array(1024).fill(byte);
      const value = new Uint32Array(NH_VALUE_WORDS);
      nh(words(key), words(message), 0, 256, value);
      expect(hex(value)).toBe(bytesToHex(naiveNh(key, message)));
    }
  });

  it.each([1, 2, 3, 4, 5, 6])(
    "reduce a Poly1305 sum of 2^130 - %i, which no carry alone reduces",
    (below) => {
      const one = Uint8Array.of(1, ...new Uint8Array(15));
      const blocks = [new Uint8Array(16).fill(255), new Uint8Array(16), new Uint8Array(16)];
      blocks[0]![0] = 256 - below;
      const poly = createPoly1305(words(one), 0);
      for (const block of blocks) poly.block(words(block), 0);
      const hash = new Uint32Array(4);
      poly.addTo(hash);
      const expected = below <= 5 ? 5n - BigInt(below) : 2n ** 128n - BigInt(below);
      expect(naivePoly1305(one, Buffer.concat(blocks))).toBe(expected);
      expect(BigInt(`0x${hex(hash).match(/../g)!.reverse().join("")}`)).toBe(expected);
    },
  );

  it("hash by Poly1305 like the naive twin, sums near 2^130 - 5 and 2^128 included", () => {
    const edge = fc.constantFrom(0, 1, 4, 5, 250, 251, 252, 253, 254, 255);
    const bytes = (length: number) =>
      fc.oneof(
        fc.uint8Array({ minLength: length, maxLength: length }),
        fc.array(edge, { minLength: length, maxLength: length }).map((list) => Uint8Array.from(list)),
        fc.tuple(edge, fc.constantFrom(0, 255)).map(([first, rest]) => {
          const block = new Uint8Array(length).fill(rest);
          block[0] = first;
          return block;
        }),
      );
    fc.assert(
      fc.property(bytes(16), fc.array(bytes(16), { maxLength: 9 }), bytes(16), (key, blocks, start) => {
        const poly = createPoly1305(words(key), 0);
        for (const block of blocks) poly.block(words(block), 0);
        const sum = words(start);
        const before = BigInt(`0x${hex(sum).match(/../g)!.reverse().join("")}`);
        poly.addTo(sum);
        const expected = BigInt.asUintN(128, before + naivePoly1305(key, Buffer.concat(blocks)));
        expect(BigInt(`0x${hex(sum).match(/../g)!.reverse().join("")}`)).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });
});

/** What the providers use where there is no WebAssembly. */
const twins = [
  {
    ...nobleProvider,
    name: "the plain twin and noble's AES",
    wideBlock: (key: Uint8Array) => createAdiantum(key, nobleAesBlock),
  },
  {
    ...nodeProvider,
    name: "the plain twin and OpenSSL's AES",
    wideBlock: (key: Uint8Array) => createAdiantum(key, nodeAesBlock),
  },
];

describe.each(twins)("$name", describeWideBlock);

describe.each([nobleProvider, nodeProvider, ...twins])("Adiantum by $name", (provider) => {
  it.skipIf(!adiantum)(
    `encrypts and decrypts every ${vectorsTitle("adiantum-xchacha12", adiantum)} vector`,
    () => {
      expect(adiantum!.vectors.length).toBeGreaterThan(0);
      for (const vector of adiantum!.vectors) {
        const tweak = hexToBytes(vector.tweak);
        const block = hexToBytes(vector.plaintext);
        const cipher = provider.wideBlock(hexToBytes(vector.key));
        cipher.encrypt(tweak, block);
        expect(bytesToHex(block)).toBe(vector.ciphertext);
        cipher.decrypt(tweak, block);
        expect(bytesToHex(block)).toBe(vector.plaintext);
        cipher.wipe();
      }
    },
  );

  it("is the naive twin for any key, tweak, length and alignment, both ways", () => {
    fc.assert(
      fc.property(keyOf, tweakOf, lengthOf, fc.nat(3), fc.nat(255), (key, tweak, length, shift, fill) => {
        const memory = new Uint8Array(shift + length + 5).fill(fill);
        const block = memory.subarray(shift, shift + length);
        const plaintext = block.map((byte, at) => byte ^ (at * at));
        block.set(plaintext);
        const cipher = provider.wideBlock(key);
        cipher.encrypt(tweak, block);
        expect(bytesToHex(block)).toBe(bytesToHex(naiveAdiantum(key, tweak, plaintext, true)));
        cipher.decrypt(tweak, block);
        expect(bytesToHex(block)).toBe(bytesToHex(plaintext));
        cipher.decrypt(tweak, block);
        expect(bytesToHex(block)).toBe(bytesToHex(naiveAdiantum(key, tweak, plaintext, false)));
        expect(memory.subarray(shift + length)).toEqual(new Uint8Array(5).fill(fill));
      }),
      { numRuns: 25 },
    );
  });
});

describe.each([nobleProvider, nodeProvider, ...twins])("accumulated Adiantum by $name", (provider) => {
  it("keeps one digest over 300 chained blocks of every kind of length", () => {
    const digest = createHash("sha256");
    const block = new Uint8Array(4096);
    for (let turn = 0; turn < 300; turn++) {
      const cipher = provider.wideBlock(block.slice(0, 32));
      const part = block.subarray(0, 16 + ((turn * 577) % 4081));
      if (turn % 3 === 2) cipher.decrypt(block.slice(32, 32 + (turn % 33)), part);
      else cipher.encrypt(block.slice(32, 32 + (turn % 33)), part);
      digest.update(part);
    }
    expect(digest.digest("hex")).toBe("468e479763daac39e8ec1dd0de0b3da3b34ba93dc9891c2373da7d6362e83bdf");
  });
});
