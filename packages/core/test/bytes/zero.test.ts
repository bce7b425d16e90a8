import { describe, expect, it } from "vitest";
import { isZero } from "../../src/bytes/zero.ts";

describe("isZero", () => {
  it("finds a byte that is not zero wherever it stands, and looks at no byte outside", () => {
    for (let from = 0; from < 4; from++) {
      for (let length = 0; length < 12; length++) {
        const around = new Uint8Array(from + length + 4).fill(1);
        const bytes = around.subarray(from, from + length).fill(0);
        expect(isZero(bytes)).toBe(true);
        for (let at = 0; at < length; at++) {
          bytes[at] = 0x80;
          expect(isZero(bytes)).toBe(false);
          bytes[at] = 0;
        }
      }
    }
  });
});
