import { describe, expect, it } from "vitest";
import { createPublicKeyCheck, yIsCanonical } from "../../src/crypto/ed25519-rule.ts";

const key = (first: number) => new Uint8Array(32).fill(first, 0, 1);

describe("the memo of public keys", () => {
  const counted = (capacity: number) => {
    let calls = 0;
    const check = createPublicKeyCheck((bytes) => {
      calls++;
      return bytes[0]! % 2 === 0;
    }, capacity);
    return { check, calls: () => calls };
  };

  it("remembers yes and no, by the key's bytes and not by its array", () => {
    const { check, calls } = counted(4);
    for (let turn = 0; turn < 3; turn++) expect([check(key(1)), check(key(2))]).toEqual([false, true]);
    expect(calls()).toBe(2);
  });

  it("holds its capacity, and forgets the key that was asked for longest ago one past it", () => {
    const { check, calls } = counted(3);
    for (const first of [1, 2, 3, 1, 2, 3]) check(key(first));
    expect(calls()).toBe(3);
    check(key(1));
    check(key(4));
    check(key(1));
    check(key(3));
    expect(calls()).toBe(4);
    check(key(2));
    expect(calls()).toBe(5);
  });
});

describe("yIsCanonical", () => {
  it("draws the line at p = 2^255 - 19, whatever the sign bit", () => {
    for (const top of [0x7f, 0xff]) {
      const at = (low: number) => {
        const bytes = new Uint8Array(32).fill(255);
        bytes[0] = low;
        bytes[31] = top;
        return bytes;
      };
      expect([0xec, 0xed, 0xee, 0xff].map((low) => yIsCanonical(at(low)))).toEqual([
        true,
        false,
        false,
        false,
      ]);
      for (let byte = 1; byte < 31; byte++) {
        const bytes = at(0xff);
        bytes[byte] = 254;
        expect(yIsCanonical(bytes)).toBe(true);
      }
    }
  });
});
