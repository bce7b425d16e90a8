import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseByteRange, rangeWithin } from "../src/byte-range.ts";

const within = (text: string, size: number) => rangeWithin(parseByteRange(text), size);

describe("--range", () => {
  it.each([
    ["0-0", 10, [0, 1]],
    ["2-4", 10, [2, 5]],
    ["2-", 10, [2, 10]],
    ["-3", 10, [7, 10]],
    ["-30", 10, [0, 10]],
    ["-0", 10, [10, 10]],
    ["8-100", 10, [8, 10]],
    ["9-9", 10, [9, 10]],
    ["-5", 0, [0, 0]],
  ] as const)("%s of %d bytes is %j", (text, size, [start, end]) => {
    expect(within(text, size)).toEqual({ start, end });
  });

  it.each(["", "-", "5", "5-4", "a-b", "1-2,4-5", "0x1-2", " 1-2", "1.5-2", "--5", "99999999999999999-"])(
    "%j is refused",
    (text) => {
      expect(() => parseByteRange(text)).toThrowError(expect.objectContaining({ code: "BAD_INPUT" }));
    },
  );

  it.each(["10-", "10-12", "0-"])("%s begins behind the end of its file", (text) => {
    const size = text === "0-" ? 0 : 10;
    expect(() => within(text, size)).toThrowError(expect.objectContaining({ code: "BAD_INPUT" }));
  });

  it("never leaves the file", () => {
    fc.assert(
      fc.property(fc.nat(50), fc.nat(50), fc.nat(40), (a, b, size) => {
        const texts = [`${Math.min(a, b)}-${Math.max(a, b)}`, `-${a}`];
        for (const text of texts.filter((one) => one.startsWith("-") || Math.min(a, b) < size)) {
          const { start, end } = within(text, size);
          expect(0 <= start && start <= end && end <= size).toBe(true);
        }
      }),
    );
  });
});
