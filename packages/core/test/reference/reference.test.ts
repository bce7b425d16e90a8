import { bech32m } from "@scure/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BlockId } from "../../src/brand.ts";
import { encodeBase32 } from "../../src/bytes/base32.ts";
import { isUmbelError, type UmbelError } from "../../src/errors.ts";
import type { FileReference } from "../../src/reference/kinds.ts";
import { REFERENCE_ALPHABET } from "../../src/reference/mistyped.ts";
import { formatReference, parseReference } from "../../src/reference/reference.ts";

/** Payload 01 | 00 01 .. 1f | 20 21 .. 3f: the golden vector of docs/spec/12-references.md. */
const GOLDEN =
  "umbel:file-qyqqzqsrqszsvpcgpy9qkrqdpc83qygjzv2p29shrqv35xcur50p7gppyg3jgffxyu5zj23t9skjutesxyerxdp4xcmnswf68v7r603lfpe95s";
const golden: FileReference = {
  kind: "file",
  rootId: encodeBase32(Uint8Array.from({ length: 32 }, (_, at) => at)) as BlockId,
  readKey: Uint8Array.from({ length: 32 }, (_, at) => 32 + at),
  path: [],
};
const DATA_AT = "umbel:file-".length;

const segment = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: paths have none
  .filter((text) => !/^\.\.?$|[\u0000-\u001f\u007f/]/.test(text));
const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const reference: fc.Arbitrary<FileReference> = fc.record({
  kind: fc.constant("file" as const),
  rootId: key.map((bytes) => encodeBase32(bytes) as BlockId),
  readKey: key,
  path: fc.array(segment, { maxLength: 4 }),
});

describe("a reference", () => {
  it("is frozen by a golden vector", () => {
    expect(formatReference(golden)).toBe(GOLDEN);
    expect(parseReference(GOLDEN)).toEqual(golden);
  });

  it("comes back from its text, in lower and in upper case, with space around it", () => {
    fc.assert(
      fc.property(reference, (value) => {
        const text = formatReference(value);
        const slash = text.indexOf("/");
        const head = slash < 0 ? text : text.slice(0, slash);
        expect(parseReference(text)).toEqual(value);
        expect(parseReference(` ${head.toUpperCase()}${text.slice(head.length)}\n`)).toEqual(value);
      }),
    );
  });

  it("is safe in a shell and in a URL", () => {
    fc.assert(
      fc.property(reference, (value) => {
        expect(formatReference(value)).toMatch(/^umbel:file-[a-z0-9]+(\/[A-Za-z0-9._~%-]+)*$/);
      }),
    );
  });

  it("points exactly at any one mistyped character and names the right one", () => {
    fc.assert(
      fc.property(
        reference,
        fc.nat(109),
        fc.constantFrom(...REFERENCE_ALPHABET),
        (value, offset, character) => {
          const text = formatReference(value);
          const at = DATA_AT + offset;
          fc.pre(text[at] !== character);
          const error = failure(text.slice(0, at) + character + text.slice(at + 1));
          expect(error.position).toBe(at);
          expect(error.message).toBe(
            `the reference is mistyped: character ${at + 1} ("${character}") is mistyped, it should be "${text[at]}"`,
          );
        },
      ),
      { numRuns: 40 },
    );
  });

  it("points at the mistyped character behind leading space too", () => {
    expect(failure(`  ${GOLDEN.replace("gppy", "gpqy")}`).position).toBe(2 + GOLDEN.indexOf("gppy") + 2);
  });

  it("recognises two neighbours that are swapped", () => {
    const at = GOLDEN.indexOf("vpcg");
    const error = failure(GOLDEN.replace("vpcg", "vcpg"));
    expect(error.position).toBe(at + 1);
    expect(error.message).toContain(`characters ${at + 2} and ${at + 3} ("cp") are swapped`);
  });

  it("never takes two mistyped characters for one", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(109), { minLength: 2, maxLength: 2 }),
        fc.nat(30),
        (offsets, shift) => {
          const characters = [...GOLDEN];
          for (const offset of offsets) {
            const value = REFERENCE_ALPHABET.indexOf(characters[DATA_AT + offset]!);
            characters[DATA_AT + offset] = REFERENCE_ALPHABET[(value + 1 + shift) % 32]!;
          }
          const error = failure(characters.join(""));
          const swapped = /swapped/.test(error.message);
          expect(swapped || error.message.endsWith("damaged in more than one place")).toBe(true);
          if (!swapped) expect(error.position).toBeUndefined();
        },
      ),
      { numRuns: 20 },
    );
  });

  it.each([
    [GOLDEN.slice(0, -1), 120, "1 character is missing (it has 120 of 121)"],
    [GOLDEN.slice(0, -20), 101, "20 characters are missing"],
    [`${GOLDEN}qq`, 123, "2 characters are too many (it has 123 of 121)"],
    [GOLDEN.replace("gppy", "gpby"), GOLDEN.indexOf("gppy") + 2, '("b") cannot stand in a reference'],
    [GOLDEN.replace("gppy", "gp\ny"), GOLDEN.indexOf("gppy") + 2, "U+000a"],
    [GOLDEN.replace("kr", "\u212ar"), GOLDEN.indexOf("kr"), "U+212a"],
    ["", 0, "empty"],
    ["  ", 2, "empty"],
    ["umbal:file-q", 3, 'begin with "umbel:"'],
    ["umbel", 5, 'begin with "umbel:"'],
    ["umbel:", 6, "unknown"],
    ["umbel:file", 10, '"-" is missing'],
    ["umbel:filf-qq", 9, 'character 10 ("f") is mistyped: "file" was meant'],
    ["umbel:movie-qq", 6, "unknown"],
    ["umbel:file-", 11, "110 characters are missing"],
  ])("%s is refused at %i: %s", (text, position, words) => {
    const error = failure(text);
    expect(error.position).toBe(position);
    expect(error.message).toContain(words);
    expect(error.message).not.toContain("\n");
  });

  it("of a planned kind is recognised and refused", () => {
    expect(failure(GOLDEN.replace("file", "net")).message).toContain(
      '"net" are not supported by this version',
    );
  });

  it("of a newer version is refused with a line that says so", () => {
    // The golden payload with version 3, and with version 0; checksums by @scure/base.
    const version = (value: number) => encoded(Uint8Array.of(value, ...new Uint8Array(64)));
    expect(failure(version(3)).message).toContain("newer version of umbel");
    expect(failure(version(0)).message).toContain("not a file reference");
    expect(failure(encoded(new Uint8Array(64).fill(1))).message).toContain("not a file reference");
  });

  it("keeps its path as it was written, percent-encoded", () => {
    const text = formatReference({ ...golden, path: ["a b", "\u00fc(1)'s.txt", "%"] });
    expect(text.slice(GOLDEN.length)).toBe("/a%20b/%C3%BC%281%29%27s.txt/%25");
    expect(parseReference(`${GOLDEN}/a b/\u00fc(1)'s.txt/%25/`)).toMatchObject({
      path: ["a b", "\u00fc(1)'s.txt", "%"],
    });
    expect(parseReference(`${GOLDEN}/`)).toMatchObject({ path: [] });
  });

  it.each([
    ["/a//b", 3],
    ["//", 1],
    ["/a/../b", 3],
    ["/.", 1],
    ["/a%2Fb", 1],
    ["/a%00", 1],
    ["/a%zz", 2],
    ["/a?b", 2],
    ["/ok/a#b", 5],
    ["/%ff", 1],
    ["/\ud800", 1],
  ])("with the path %j is refused where it is wrong", (path, offset) => {
    expect(failure(GOLDEN + path).position).toBe(GOLDEN.length + offset);
  });

  it("cannot be written with a path that cannot be read", () => {
    for (const path of [[""], ["."], ["a/b"], ["\n"], ["\udc00"]]) {
      expect(() => formatReference({ ...golden, path })).toThrow(
        expect.objectContaining({ code: "BAD_INPUT" }),
      );
    }
  });

  it("never makes the parser throw anything but BAD_REFERENCE", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary" }),
          fc.string().map((text) => GOLDEN + text),
        ),
        (text) => {
          try {
            parseReference(text);
          } catch (error) {
            expect(isUmbelError(error, "BAD_REFERENCE")).toBe(true);
          }
        },
      ),
    );
  });
});

function encoded(payload: Uint8Array): string {
  return bech32m.encode("umbel:file", bech32m.toWords(payload), false).replace("1", "-");
}

function failure(text: string): UmbelError {
  try {
    parseReference(text);
  } catch (error) {
    if (isUmbelError(error, "BAD_REFERENCE")) return error;
    throw error;
  }
  throw new Error("the reference was read");
}
