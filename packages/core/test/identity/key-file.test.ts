import { describe, expect, it } from "vitest";
import { createSeededRandom } from "../../../../test/support/seeded-random.ts";
import { nobleProvider as crypto } from "../../src/crypto/noble-provider.ts";
import { decodeHopKeyFile, encodeHopKeyFile, HOP_KEY_FILE_BYTES } from "../../src/identity/hop-key-file.ts";
import { decodeKeyFile, encodeKeyFile } from "../../src/identity/key-file.ts";
import { generateNodeKeys } from "../../src/identity/node-key.ts";

const keys = generateNodeKeys(crypto, createSeededRandom("key file"));
const file = encodeKeyFile(crypto, keys);

const concat = (...parts: readonly Iterable<number>[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

describe("a key file", () => {
  it("gives back the keys", () => {
    const { identity, linkKey } = keys;
    expect(decodeKeyFile(crypto, file)).toEqual({ identity, linkKey, hopKey: undefined });
  });

  it("of version 1 gives the hop key that it still holds", () => {
    const content = concat(file.subarray(0, 16), [0, 1], file.subarray(18, 82), keys.hopKey.secret);
    const old = concat(content, crypto.sha256(content).subarray(0, 8));
    expect(decodeKeyFile(crypto, old)).toEqual(keys);
    expect(() => decodeKeyFile(crypto, concat(old, [0]))).toThrow("damaged");
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
    newer[17] = 3;
    expect(() => decodeKeyFile(crypto, newer)).toThrow("version 3 needs a newer umbel");
  });
});

describe("a hop key file", () => {
  const hopKey = { number: 2857, secret: keys.hopKey.secret };
  const hopFile = encodeHopKeyFile(crypto, hopKey);

  it("gives back the key and its number", () => {
    expect(hopFile).toHaveLength(HOP_KEY_FILE_BYTES);
    expect(decodeHopKeyFile(crypto, hopFile)).toEqual(hopKey);
  });

  it("is refused when anything in it is changed or missing", () => {
    for (let at = 0; at < hopFile.length; at++) {
      const changed = hopFile.slice();
      changed[at]! ^= 0x10;
      for (const bytes of [changed, hopFile.subarray(0, at), concat(hopFile, [0])])
        expect(() => decodeHopKeyFile(crypto, bytes), `byte ${at}`).toThrow("a hop key file of this node");
    }
  });

  it("of another version says so", () => {
    const content = hopFile.slice(0, -8);
    content[17] = 2;
    const other = concat(content, crypto.sha256(content).subarray(0, 8));
    expect(() => decodeHopKeyFile(crypto, other)).toThrow("version 2 needs another umbel");
  });
});
