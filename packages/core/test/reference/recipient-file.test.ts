import { describe, expect, it } from "vitest";
import { toHex } from "../../src/bytes/bytes.ts";
import { nodeProvider } from "../../src/platform/node-crypto.ts";
import { decodeRecipientFile, encodeRecipientFile } from "../../src/reference/recipient-file.ts";
import { counting } from "./sample-references.ts";

const file = (): Uint8Array => encodeRecipientFile(nodeProvider, counting(1));

describe("the file of a recipient's secret", () => {
  it("is frozen, and gives the secret back", () => {
    const content = Buffer.concat([Buffer.from("umbel recipient\0"), Buffer.from([0, 1]), counting(1)]);
    const checksum = nodeProvider.sha256(content).subarray(0, 8);
    expect(toHex(file())).toBe(toHex(content) + toHex(checksum));
    expect(decodeRecipientFile(nodeProvider, file())).toEqual(counting(1));
  });

  it("is refused with any byte changed, cut short or longer", () => {
    const bytes = file();
    const refused = expect.objectContaining({ code: "BAD_CONFIG" });
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.with(at, bytes[at]! ^ 1);
      expect(() => decodeRecipientFile(nodeProvider, changed)).toThrow(refused);
      expect(() => decodeRecipientFile(nodeProvider, bytes.subarray(0, at))).toThrow(refused);
    }
    expect(() => decodeRecipientFile(nodeProvider, Uint8Array.of(...bytes, 0))).toThrow(refused);
  });

  it("of a newer umbel is refused as such", () => {
    const newer = file();
    newer[17] = 2;
    expect(() => decodeRecipientFile(nodeProvider, newer)).toThrow("version 2 needs a newer umbel");
  });
});
