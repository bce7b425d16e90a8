import { createNetwork, nobleProvider as crypto, LOCAL_NETWORK, MAIN_NETWORK, toHex } from "@umbel/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_LISTED_GUARDS } from "../../src/limits.ts";
import { decodeGuardFile, encodeGuardFile, type ListedGuard } from "../../src/path/guard-file.ts";
import { idOf } from "../support/known-nodes.ts";

const network = createNetwork(crypto, LOCAL_NETWORK);
const guards = (count: number): ListedGuard[] =>
  Array.from({ length: count }, (_, index) => ({ nodeId: idOf(index), listedDay: 20_000 + index }));
const file = encodeGuardFile(crypto, network, guards(3));

/** The bytes with another content and a checksum that fits. */
function resealed(change: (content: Uint8Array) => Uint8Array): Uint8Array {
  const content = change(file.slice(0, -8));
  return Uint8Array.from([...content, ...crypto.sha256(content).subarray(0, 8)]);
}

function set(offset: number, value: number): Uint8Array {
  return resealed((content) => {
    content[offset] = value;
    return content;
  });
}

describe("the guard file", () => {
  it("gives back what was written, in order", () => {
    const guard = fc.record({ index: fc.nat(0xffff), listedDay: fc.nat(0xffff_ffff) });
    const list = fc.uniqueArray(guard, { selector: ({ index }) => index, maxLength: MAX_LISTED_GUARDS });
    fc.assert(
      fc.property(list, (entries) => {
        const listed = entries.map(({ index, listedDay }) => ({ nodeId: idOf(index), listedDay }));
        expect(decodeGuardFile(crypto, network, encodeGuardFile(crypto, network, listed))).toEqual(listed);
      }),
    );
  });

  it("is frozen", () => {
    expect(file.length).toBe(16 + 2 + 32 + 1 + 3 * 36 + 8);
    expect(toHex(crypto.sha256(file))).toBe(
      "fb13c798a4c20a8c6094cd7d69820064812675e884b0fe1a356aa8a3245da3ba",
    );
  });

  it("cut short anywhere is refused", () => {
    for (let length = 0; length < file.length; length++) expectRefused(file.subarray(0, length));
  });

  it("with any byte changed, or one more, is refused", () => {
    for (let at = 0; at < file.length; at++) {
      const changed = file.slice();
      changed[at]! ^= 1;
      expectRefused(changed);
    }
    expectRefused(Uint8Array.from([...file, 0]));
  });

  it.each([
    [
      "of another kind",
      Uint8Array.from(file, (byte, at) => (at === 0 ? 0 : byte)),
      /not a guard file of umbel/,
    ],
    ["of a newer version", set(17, 2), /version 2 needs a newer umbel/],
    ["of version 0", set(17, 0), /damaged/],
    [
      "of another network",
      encodeGuardFile(crypto, createNetwork(crypto, MAIN_NETWORK), guards(3)),
      /another network/,
    ],
    ["that counts more than it has", set(50, 4), /damaged/],
    [
      "with a guard twice",
      encodeGuardFile(crypto, network, [...guards(2), ...guards(1)]),
      /names a guard twice/,
    ],
    ["of one guard too many", encodeGuardFile(crypto, network, guards(MAX_LISTED_GUARDS + 1)), /damaged/],
  ])("%s is refused with a line that says so", (_title, bytes, line) => {
    expectRefused(bytes, line);
  });

  it("takes as many guards as the list holds", () => {
    const full = guards(MAX_LISTED_GUARDS);
    expect(decodeGuardFile(crypto, network, encodeGuardFile(crypto, network, full))).toEqual(full);
  });
});

function expectRefused(bytes: Uint8Array, line: RegExp = /the guard file cannot be used/): void {
  expect(() => decodeGuardFile(crypto, network, bytes)).toThrowError(
    expect.objectContaining({ code: "BAD_CONFIG", message: expect.stringMatching(line) }),
  );
}
