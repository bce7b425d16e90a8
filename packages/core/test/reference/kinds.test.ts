import { inspect } from "node:util";
import { bech32m } from "@scure/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BlockId } from "../../src/brand.ts";
import { encodeBase32 } from "../../src/bytes/base32.ts";
import { secretOf } from "../../src/crypto/secret.ts";
import { isUmbelError, type UmbelError } from "../../src/errors.ts";
import type { OwnerReference, PrintableReference, Reference } from "../../src/reference/kinds.ts";
import { REFERENCE_ALPHABET } from "../../src/reference/mistyped.ts";
import { formatReference, parseReference, revealOwnerReference } from "../../src/reference/reference.ts";
import { counting, exposed, owner, printable } from "./sample-references.ts";

const id = encodeBase32(counting(0)) as BlockId;
const ids = [...counting(0)];

/** Text, reference, and the bytes of the payload as docs/spec/12-references.md lays them out. */
const GOLDEN: readonly (readonly [string, PrintableReference, readonly number[]])[] = [
  [
    "umbel:file-qgqqzqsrqszsvpcgpy9qkrqdpc83qygjzv2p29shrqv35xcur50p7gppyg3jgffxyu5zj23t9skjutesxyerxdp4xcmnswf68v7r603lzg6qzqsuwh424",
    { kind: "piece", blockId: id, readKey: counting(32), offset: 0x1234, size: 0x0102 },
    [2, ...ids, ...counting(32), 0x12, 0x34, 0x01, 0x02],
  ],
  [
    "umbel:verify-qyqqqqgzqvzq2ps8pqys5zcvp58q7yq3zgf3g9gkzuvpjxsmrsw3u86qg9pyx3z9ger5sj22fdxy6nj02pg4y56524t9wkzetfd4ch27tuu7yyae",
    { kind: "verify", of: "content", rootId: id, verifyKey: counting(64) },
    [1, 0, ...ids, ...counting(64)],
  ],
  [
    "umbel:verify-qyqsqqgzqvzq2ps8pqys5zcvp58q7yq3zgf3g9gkzuvpjxsmrsw3u86qg9pyx3z9ger5sj22fdxy6nj02pg4y56524t9wkzetfd4ch27tum9vaqa",
    { kind: "verify", of: "site", slotId: id, verifyKey: counting(64) },
    [1, 1, ...ids, ...counting(64)],
  ],
  [
    "umbel:site-q9sxzcnrv3jkvemgd94xkmrddehhqutjwd682anh0puh57mu04l87zedak5",
    { kind: "site", siteKey: counting(96), path: [] },
    [1, ...counting(96)],
  ],
  [
    "umbel:edition-q9sxzcnrv3jkvemgd94xkmrddehhqutjwd682anh0puh57mu04l87qqqqqqqqqgzqwqgrq5rsjzcdpug3x9ghryd368epyvjjw2ft95hnzve4xuunk0f7aylt5j",
    { kind: "edition", siteKey: counting(96), number: 0x010203, hash: counting(128), path: [] },
    [1, ...counting(96), 0, 0, 0, 0, 0, 1, 2, 3, ...counting(128)],
  ],
  [
    "umbel:locked-qxs2rg4r5jj6dfag4x42ht9d46hmpvdjkw6ttd4hhzum4wauhkltlsxpctpuf3wxclyvnjktenxuan7s68fd84x46mta3kw6m0wdmhklurs79clyuhnw068fat47em0walc0ruhn7n6ldalcl8a0hl8almlsqqgzqvzq2ps8pqys5zcvp58q7yq3zgf3g9gkzuvpjxsmrsw3u8eqyy3q2t2gy8",
    { kind: "locked", box: counting(160, 131), path: [] },
    [1, ...counting(160, 131)],
  ],
  [
    "umbel:sealed-q8qvrskrcnzud37ge89vhnxdem8ap5wj602dt4khmrva4k7umh0dlc8put37fe0xul5wn6htank7amls78e08a847mml3706l070mlhlqqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0jqgfzyvjz2f389q5j52ev95hz7vp3xgengdfkxuurjw3m8s7nu06qg9pyx3z9ger5sj22fdxy6nj0puhyzs",
    { kind: "sealed", box: counting(192, 144), path: [] },
    [1, ...counting(192, 144)],
  ],
  [
    "umbel:recipient-q8swrchrunj7delga84whm8damhlpu0j7060tahhlrul47lulhl07cp845x",
    { kind: "recipient", publicKey: counting(224) },
    [1, ...counting(224)],
  ],
];
const OWNER = "umbel:owner-q9sxzcnrv3jkvemgd94xkmrddehhqutjwd682anh0puh57mu04l8769d423";

describe("references of all kinds", () => {
  it.each(GOLDEN)("%s is frozen", (text, reference, payload) => {
    expect(formatReference(reference)).toBe(text);
    expect(parseReference(text)).toEqual(reference);
    expect([...payloadOf(text)]).toEqual(payload);
  });

  it("come back from their texts, in upper case too", () => {
    fc.assert(
      fc.property(printable, (reference) => {
        const text = formatReference(reference);
        const slash = text.indexOf("/");
        const head = slash < 0 ? text : text.slice(0, slash);
        expect(parseReference(text)).toEqual(reference);
        expect(parseReference(`${head.toUpperCase()}${text.slice(head.length)}`)).toEqual(reference);
        expect(text).toMatch(/^umbel:[a-z]+-[a-z0-9]+(\/[A-Za-z0-9._~%-]+)*$/);
      }),
    );
  });

  it("point exactly at any one mistyped character, whatever their length, and name the right one", () => {
    fc.assert(
      fc.property(
        printable,
        fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        fc.constantFrom(...REFERENCE_ALPHABET),
        (reference, place, character) => {
          const { text, dataAt, length } = headOf(reference);
          const at = dataAt + Math.floor(place * length);
          fc.pre(text[at] !== character);
          const error = failure(text.slice(0, at) + character + text.slice(at + 1));
          expect(error.position).toBe(at);
          expect(error.message).toContain(
            `character ${at + 1} ("${character}") is mistyped, it should be "${text[at]}"`,
          );
        },
      ),
    );
  });

  it("recognise two neighbours that are swapped, whatever their length", () => {
    fc.assert(
      fc.property(
        printable,
        fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        (reference, place) => {
          const { text, dataAt, length } = headOf(reference);
          const at = dataAt + Math.floor(place * (length - 1));
          fc.pre(text[at] !== text[at + 1]);
          const error = failure(`${text.slice(0, at)}${text[at + 1]}${text[at]}${text.slice(at + 2)}`);
          expect(error.message).toContain("are swapped");
        },
      ),
    );
  });

  it("say how many characters are missing, or too many, by the nearest length that there is", () => {
    const [locked] = GOLDEN.find(([, { kind }]) => kind === "locked")!;
    expect(failure(locked.slice(0, -3)).message).toContain("3 characters are missing");
    expect(failure(`${locked}qq`).message).toContain("2 characters are too many");
    expect(failure(locked + "q".repeat(150)).message).toContain(
      "3 characters are missing (it has 381 of 384)",
    );
    expect(failure(`${locked}/a`.replace("-qxs", "-qx")).message).toContain("1 character is missing");
  });

  it.each(GOLDEN)("%s of a newer version is refused with a line that says so", (text, _, payload) => {
    expect(failure(encoded(text, [9, ...payload.slice(1)])).message).toContain("newer version of umbel");
    expect(failure(encoded(text, [0, ...payload.slice(1)])).message).toContain("its content is not a");
    for (const other of [payload.slice(0, -1), [...payload, 0]]) {
      expect(failure(encoded(text, other)).message).toContain("its content is not a");
    }
  });

  it("of one kind are none of another, though the length be the same", () => {
    for (const [text] of GOLDEN) {
      for (const kind of ["file", "verify", "site", "owner", "recipient", "locked", "sealed", "edition"]) {
        if (text.startsWith(`umbel:${kind}-`)) continue;
        expect(() => parseReference(text.replace(/umbel:[a-z]+-/, `umbel:${kind}-`))).toThrow(
          expect.objectContaining({ code: "BAD_REFERENCE" }),
        );
      }
    }
  });

  it.each([
    ["a verify reference of an unknown form", "verify", [1, 2, ...ids, ...ids]],
    ["an edition with number 0", "edition", [1, ...ids, 0, 0, 0, 0, 0, 0, 0, 0, ...ids]],
    ["an edition with a number above 2^53 - 1", "edition", [1, ...ids, 0, 32, 0, 0, 0, 0, 0, 0, ...ids]],
    ["a piece without bytes", "file", [2, ...ids, ...ids, 0, 0, 0, 0]],
    // 16 + 0x7f00 - 15 = 32,513: one past the block.
    ["a piece that ends one byte past its block", "file", [2, ...ids, ...ids, 0, 0, 0x7e, 0xf1]],
  ] as const)("refuse %s", (_, kind, payload) => {
    expect(failure(encoded(`umbel:${kind}-`, payload)).message).toContain("its content is not a");
  });

  it("take a piece that fills its block", () => {
    const text = encoded("umbel:file-", [2, ...ids, ...ids, 0, 0, 0x7e, 0xf0]);
    expect(parseReference(text)).toMatchObject({ kind: "piece", offset: 0, size: 32_496 });
  });

  it.each(GOLDEN)("%s takes a path exactly where one means something", (text, reference) => {
    if ("path" in reference) {
      const withPath = { ...reference, path: ["a b", "c"] };
      expect(formatReference(withPath)).toBe(`${text}/a%20b/c`);
      expect(parseReference(`${text}/a%20b/c`)).toEqual(withPath);
    } else {
      const error = failure(`${text}/a`);
      expect(error.position).toBe(text.length);
      expect(error.message).toContain("no path can follow");
      expect(parseReference(`${text}/`)).toEqual(reference);
    }
  });

  it.each([
    ["umbel:sitf-qq", 9, '"site" was meant'],
    ["umbel:recipiend-qq", 14, '"recipient" was meant'],
    ["umbel:sites-qq", 6, "this version reads file, verify, site, edition, locked, sealed, owner, recipient"],
  ])("%s is refused at %i: %s", (text, position, words) => {
    const error = failure(text);
    expect(error.position).toBe(position);
    expect(error.message).toContain(words);
  });

  it("cannot be written with fields of a wrong length", () => {
    const wrong: readonly PrintableReference[] = [
      { kind: "site", siteKey: counting(0, 31), path: [] },
      { kind: "file", rootId: id, readKey: counting(0, 33), path: [] },
      { kind: "locked", box: counting(0, 130), path: [] },
      { kind: "edition", siteKey: counting(0), number: 0, hash: counting(0), path: [] },
      { kind: "piece", blockId: id, readKey: counting(0), offset: 20_000, size: 20_000 },
    ];
    for (const reference of wrong) expect(() => formatReference(reference)).toThrow(RangeError);
  });
});

describe("an owner's secret", () => {
  const secret = (): OwnerReference => ({ kind: "owner", seed: secretOf(counting(96)) });

  it("is frozen by a golden vector", () => {
    expect(revealOwnerReference(secret())).toBe(OWNER);
    expect(exposed(parseReference(OWNER))).toEqual(exposed(secret()));
    expect([...payloadOf(OWNER)]).toEqual([1, ...counting(96)]);
  });

  it("comes back from its text", () => {
    fc.assert(
      fc.property(owner, (reference) => {
        expect(exposed(parseReference(revealOwnerReference(reference)))).toEqual(exposed(reference));
      }),
    );
  });

  it("is not printed by what prints references, nor by a log", () => {
    const reference = secret();
    expect(() => formatReference(reference as unknown as PrintableReference)).toThrow(
      expect.objectContaining({ code: "INTERNAL" }),
    );
    for (const shown of [JSON.stringify(reference), `${reference.seed}`, inspect(reference)]) {
      expect(shown).toContain("[secret]");
      expect(shown).not.toContain("96");
    }
  });

  it("has no path", () => {
    expect(failure(`${OWNER}/a`).message).toContain("no path can follow");
  });
});

function headOf(reference: PrintableReference): { text: string; dataAt: number; length: number } {
  const text = formatReference("path" in reference ? { ...reference, path: [] } : reference);
  const dataAt = text.indexOf("-") + 1;
  return { text, dataAt, length: text.length - dataAt };
}

function payloadOf(text: string): Uint8Array {
  return bech32m.fromWords(bech32m.decodeUnsafe(text.replace("-", "1"), false)!.words);
}

function encoded(text: string, payload: readonly number[]): string {
  const words = bech32m.toWords(Uint8Array.from(payload));
  return bech32m.encode(text.slice(0, text.indexOf("-")), words, false).replace("1", "-");
}

function failure(text: string): UmbelError {
  let read: Reference;
  try {
    read = parseReference(text);
  } catch (error) {
    if (isUmbelError(error, "BAD_REFERENCE")) return error;
    throw error;
  }
  throw new Error(`a reference of kind ${read.kind} was read`);
}
