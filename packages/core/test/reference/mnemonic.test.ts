import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "../../src/bytes/bytes.ts";
import { isUmbelError } from "../../src/errors.ts";
import { decodeMnemonic, encodeMnemonic, MNEMONIC_WORDS } from "../../src/reference/mnemonic.ts";

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
/** The test vectors of BIP 39 (trezor/python-mnemonic, vectors.json, english) that have 256 bits. */
const VECTORS: readonly (readonly [string, string])[] = [
  ["00".repeat(32), `${"abandon ".repeat(23)}art`],
  [
    "7f".repeat(32),
    "legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth title",
  ],
  [
    "80".repeat(32),
    "letter advice cage absurd amount doctor acoustic avoid letter advice cage absurd amount doctor acoustic avoid letter advice cage absurd amount doctor acoustic bless",
  ],
  ["ff".repeat(32), `${"zoo ".repeat(23)}vote`],
  [
    "f585c11aec520db57dd353c69554b21a89b20fb0650966fa0a9d6f74fd989d8f",
    "void come effort suffer camp survey warrior heavy shoot primary clutch crush open amazing screen patrol group space point ten exist slush involve unfold",
  ],
];
const WORDS = VECTORS[4]![1].split(" ");

describe("the backup words", () => {
  it.each(VECTORS)("of %s are those of BIP 39", (secret, words) => {
    expect(encodeMnemonic(hex(secret))).toBe(words);
    expect(toHex(decodeMnemonic(words))).toBe(secret);
  });

  it("give the secret back, in any case, over several lines", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (secret) => {
        const words = encodeMnemonic(secret);
        expect(words.split(" ")).toHaveLength(MNEMONIC_WORDS);
        expect(decodeMnemonic(words)).toEqual(secret);
        expect(decodeMnemonic(` ${words.toUpperCase().replaceAll(" ", "\r\n  ")}\n`)).toEqual(secret);
      }),
    );
  });

  it.each([
    ["effart", 'word 3 ("effart") is no word of the list; "effort" may be meant'],
    ["effor", 'word 3 ("effor") is no word of the list; "effort" may be meant'],
    ["efofrt", 'word 3 ("efofrt") is no word of the list; "effort" may be meant'],
    ["zzzz", 'word 3 ("zzzz") is no word of the list'],
    ["\u001b[2J", 'word 3 ("??2j") is no word of the list'],
  ])("with %j as third are refused, and the word is named", (word, message) => {
    expect(failure(WORDS.with(2, word).join(" "))).toBe(`the backup words cannot be read: ${message}`);
  });

  it.each([0, 1, 12, 23, 25])("that are %i are refused", (count) => {
    const words = [...WORDS, "zoo"].slice(0, count).join(" ");
    expect(failure(words)).toContain(`there are ${count} words, and there must be 24`);
  });

  it("with two neighbours swapped are refused, and the place is named", () => {
    const swapped = WORDS.with(10, WORDS[11]!).with(11, WORDS[10]!).join(" ");
    expect(failure(swapped)).toContain('words 11 and 12 ("crush clutch") may have changed places');
  });

  it("with a word replaced by another of the list are refused", () => {
    expect(failure(WORDS.with(5, "zoo").join(" "))).toContain("they do not belong together");
  });

  it("are made of 32 bytes only", () => {
    expect(() => encodeMnemonic(new Uint8Array(16))).toThrow(RangeError);
  });
});

function failure(words: string): string {
  try {
    decodeMnemonic(words);
  } catch (error) {
    if (isUmbelError(error, "BAD_INPUT")) return error.message;
    throw error;
  }
  throw new Error("the words were read");
}
