import { describe, expect, it } from "vitest";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { nobleProvider as crypto } from "../../src/crypto/noble-provider.ts";
import { decodeKeyFile, encodeKeyFile } from "../../src/identity/key-file.ts";
import { generateNodeKeys } from "../../src/identity/node-key.ts";

const keys = generateNodeKeys(crypto, createSeededRandom("key file"));
const file = encodeKeyFile(crypto, keys);

describe("a key file", () => {
  it("gives back the keys", () => {
    expect(decodeKeyFile(crypto, file)).toEqual(keys);
  });

  it("is refused with one clear line when anything in it is changed or missing", () => {
    for (let at = 0; at < file.length; at++) {
      const changed = file.slice();
      changed[at]! ^= 0x10;
      expect(() => decodeKeyFile(crypto, changed), `byte ${at}`).toThrow(
        expect.objectContaining({
          code: "BAD_CONFIG",
          message: expect.stringMatching(/^the node's key file[^\n]*$/),
        }),
      );
      expect(() => decodeKeyFile(crypto, file.subarray(0, at)), `length ${at}`).toThrow("key file");
    }
    expect(() => decodeKeyFile(crypto, Uint8Array.of(...file, 0))).toThrow("damaged");
  });

  it("of a newer version says that it needs a newer umbel", () => {
    const newer = file.slice();
    newer[17] = 2;
    expect(() => decodeKeyFile(crypto, newer)).toThrow("version 2 needs a newer umbel");
  });
});
