import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { constantTimeEqual } from "../../src/crypto/equal.ts";
import { secretOf } from "../../src/crypto/secret.ts";

describe("a secret", () => {
  const fresh = () => secretOf(Uint8Array.of(222, 173, 190, 239));

  it("prints redacted in every way that a log prints", () => {
    const secret = fresh();
    const held = { key: secret };
    const prints = [
      `${secret}`,
      JSON.stringify(held),
      inspect(held, { depth: 9, showHidden: true }),
      String([secret]),
    ];
    for (const text of prints) {
      expect(text).toContain("[secret]");
      expect(text).not.toMatch(/222|173|dead|beef/i);
    }
    expect(Object.values(secret).some((value) => (value as unknown) instanceof Uint8Array)).toBe(false);
  });

  it("exposes the very bytes until it is wiped, and then throws", () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const secret = secretOf(bytes);
    expect(secret.length).toBe(3);
    expect(secret.expose()).toBe(bytes);
    secret.wipe();
    secret.wipe();
    expect(bytes).toEqual(new Uint8Array(3));
    expect(() => secret.expose()).toThrow(expect.objectContaining({ code: "INTERNAL" }));
  });
});

describe("constantTimeEqual", () => {
  it("says whether two arrays hold the same bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (left, right) => {
        expect(constantTimeEqual(left, right)).toBe(Buffer.compare(left, right) === 0);
        expect(constantTimeEqual(left, left.slice())).toBe(true);
      }),
    );
  });

  it("sees any one altered bit, and any length that differs", () => {
    const whole = Uint8Array.from({ length: 16 }, (_, at) => at);
    for (let at = 0; at < 16; at++) {
      const altered = whole.slice();
      altered[at]! ^= 1 << (at % 8);
      expect(constantTimeEqual(whole, altered)).toBe(false);
      expect(constantTimeEqual(whole, whole.subarray(0, at))).toBe(false);
    }
  });
});
