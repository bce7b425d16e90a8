import { hexToBytes } from "@noble/hashes/utils.js";
import { describe, expect, it } from "vitest";
import { sharedVectors, vectorsTitle } from "../../../../test/support/shared-vectors.ts";
import { nobleProvider } from "../../src/crypto/noble-provider.ts";

interface AdiantumFile {
  readonly vectors: readonly {
    readonly key: string;
    readonly tweak: string;
    readonly plaintext: string;
    readonly ciphertext: string;
  }[];
}
const adiantum = sharedVectors<AdiantumFile>("adiantum-xchacha12");

describe("Adiantum", () => {
  it.skipIf(!adiantum)(
    `encrypts and decrypts every ${vectorsTitle("adiantum-xchacha12", adiantum)} vector`,
    () => {
      let checked = 0;
      for (const vector of adiantum!.vectors) {
        const tweak = hexToBytes(vector.tweak);
        const plaintext = hexToBytes(vector.plaintext);
        if (tweak.length > 32 || plaintext.length > 4096) continue;
        const cipher = nobleProvider.wideBlock(hexToBytes(vector.key));
        const block = plaintext.slice();
        cipher.encrypt(tweak, block);
        expect(block).toEqual(hexToBytes(vector.ciphertext));
        cipher.decrypt(tweak, block);
        expect(block).toEqual(plaintext);
        checked++;
      }
    },
  );
});
