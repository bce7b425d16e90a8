import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import { describe, expect, it } from "vitest";
import { HKDF_MAX_BYTES, hkdfExpand, hkdfExtract } from "../../src/crypto/kdf.ts";
import { nobleProvider } from "../../src/crypto/noble-provider.ts";
import { nodeProvider } from "../../src/platform/node-crypto.ts";

const ramp = (from: number, length: number) => Uint8Array.from({ length }, (_, at) => from + at);

/** RFC 5869, appendix A, test cases 1 to 3. */
const CASES = [
  {
    material: new Uint8Array(22).fill(0x0b),
    salt: ramp(0, 13),
    info: ramp(0xf0, 10),
    extracted: "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
    expanded: "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
  },
  {
    material: ramp(0, 80),
    salt: ramp(0x60, 80),
    info: ramp(0xb0, 80),
    extracted: "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
    expanded:
      "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
  },
  {
    material: new Uint8Array(22).fill(0x0b),
    salt: new Uint8Array(0),
    info: new Uint8Array(0),
    extracted: "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
    expanded: "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
  },
];

describe.each([nobleProvider, nodeProvider])("HKDF by $name", (provider) => {
  it.each(CASES)("extracts and expands as RFC 5869 publishes: $extracted", (vector) => {
    const key = hkdfExtract(provider, vector.salt, vector.material);
    expect(bytesToHex(key)).toBe(vector.extracted);
    const length = hexToBytes(vector.expanded).length;
    expect(bytesToHex(hkdfExpand(provider, key, [vector.info], length))).toBe(vector.expanded);
    const parts = [vector.info.subarray(0, 3), vector.info.subarray(3)];
    expect(bytesToHex(hkdfExpand(provider, key, parts, length))).toBe(vector.expanded);
  });

  it("gives prefixes of one stream for every length, and a RangeError above 8160 bytes", () => {
    const key = new Uint8Array(32).fill(3);
    const whole = hkdfExpand(provider, key, [], HKDF_MAX_BYTES);
    for (const length of [0, 1, 31, 32, 33, 64]) {
      expect(hkdfExpand(provider, key, [], length)).toEqual(whole.slice(0, length));
    }
    for (const length of [HKDF_MAX_BYTES + 1, -1, 0.5])
      expect(() => hkdfExpand(provider, key, [], length)).toThrow(RangeError);
    expect(key).toEqual(new Uint8Array(32).fill(3));
  });
});
