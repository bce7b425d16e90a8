import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBase32, encodeBase32 } from "../../src/bytes/base32.ts";
import { compareBytes, concat, equalBytes, toHex } from "../../src/bytes/bytes.ts";
import { isUmbelError } from "../../src/errors.ts";

const bytes = fc.uint8Array({ maxLength: 50 });

describe("bytes", () => {
  it("concat keeps every byte in order", () => {
    fc.assert(
      fc.property(fc.array(bytes), (parts) => {
        expect([...concat(...parts)]).toEqual(parts.flatMap((part) => [...part]));
      }),
    );
  });

  it("compareBytes is the order of Buffer.compare, and equalBytes its zero", () => {
    fc.assert(
      fc.property(bytes, bytes, (left, right) => {
        expect(Math.sign(compareBytes(left, right))).toBe(Buffer.compare(left, right));
        expect(equalBytes(left, right)).toBe(Buffer.compare(left, right) === 0);
        expect(equalBytes(left, left.slice())).toBe(true);
      }),
    );
  });

  it("toHex writes two lower-case digits per byte", () => {
    expect(toHex(Uint8Array.of(0, 10, 255))).toBe("000aff");
  });
});

describe("base32", () => {
  it("is RFC 4648 (section 10) in lower case without padding", () => {
    const cases = {
      "": "",
      f: "my",
      fo: "mzxq",
      foo: "mzxw6",
      foob: "mzxw6yq",
      fooba: "mzxw6ytb",
      foobar: "mzxw6ytboi",
    };
    for (const [text, encoded] of Object.entries(cases)) {
      expect(encodeBase32(Buffer.from(text))).toBe(encoded);
      expect(Buffer.from(decodeBase32(encoded, text.length)).toString()).toBe(text);
    }
  });

  it("decodes what it encodes, and no other text gives the same bytes", () => {
    fc.assert(
      fc.property(
        bytes,
        fc.nat(),
        fc.constantFrom(..."abcdefghijklmnopqrstuvwxyz234567A=01 "),
        (value, at, letter) => {
          const text = encodeBase32(value);
          expect(decodeBase32(text, value.length)).toEqual(value);
          const changed =
            text.slice(0, at % (text.length + 1)) + letter + text.slice((at % (text.length + 1)) + 1);
          if (changed === text) return;
          try {
            expect(decodeBase32(changed, value.length)).not.toEqual(value);
          } catch (error) {
            expect(isUmbelError(error, "BAD_ENCODING")).toBe(true);
          }
        },
      ),
    );
  });

  it.each([
    ["upper case", "MY", 1],
    ["padding characters", "my======", 1],
    ["a digit outside the alphabet", "m1", 1],
    ["bits behind the last byte", "mz", 1],
    ["an impossible length", "myy", 1],
    ["another length than expected", "mzxq", 1],
  ])("refuses %s", (_, text, length) => {
    expect(() => decodeBase32(text, length)).toThrow("not base32");
  });
});
