import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareBytes, concat, equalBytes, toHex } from "../../src/bytes/bytes.ts";

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
