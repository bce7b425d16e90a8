import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBase32, encodeBase32 } from "../../src/bytes/base32.ts";

const failure = expect.objectContaining({ code: "BAD_ENCODING" });

describe("base32", () => {
  it("reproduces the vectors of RFC 4648 section 10, in lower case and without padding", () => {
    const vectors = ["", "my", "mzxq", "mzxw6", "mzxw6yq", "mzxw6ytb", "mzxw6ytboi"];
    for (const [length, text] of vectors.entries()) {
      const bytes = new TextEncoder().encode("foobar".slice(0, length));
      expect(encodeBase32(bytes)).toBe(text);
      expect(decodeBase32(text, length)).toEqual(bytes);
    }
  });

  it("gives back what it encoded", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(decodeBase32(encodeBase32(bytes), bytes.length)).toEqual(bytes);
      }),
    );
  });

  it("decodes no text but the one that it encodes", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 16 }), fc.nat({ max: 10 }), (text, length) => {
        let bytes: Uint8Array;
        try {
          bytes = decodeBase32(text, length);
        } catch (error) {
          expect(error).toEqual(failure);
          return;
        }
        expect(encodeBase32(bytes)).toBe(text);
      }),
    );
  });

  it.each([
    ["upper case", "MY", 1],
    ["padding", "my======", 1],
    ["bits that are left over", "mz", 1],
    ["a digit that does not exist", "m1", 1],
    ["a letter outside ASCII", "mſ", 1],
    ["a length that cannot be", "mym", 1],
    ["too many bytes", "mzxq", 1],
    ["too few bytes", "my", 2],
    ["a space", "my ", 1],
    ["a line end", "my\n", 1],
  ])("refuses %s", (_name, text, length) => {
    expect(() => decodeBase32(text, length)).toThrow(failure);
  });
});
