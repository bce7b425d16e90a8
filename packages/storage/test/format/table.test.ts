import { BLOCK_BYTES, concat } from "@umbel/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sampleBytes, streamOf } from "../../../../test/support/publishing.ts";
import { MAX_MODIFIED_SECONDS } from "../../src/format/attributes.ts";
import { comparePaths, PathSet, pathFault } from "../../src/format/path.ts";
import { decodeTable, encodeEntry, TABLE_HEADER } from "../../src/format/table.ts";
import {
  ENTRY_INLINE_BYTES,
  ENTRY_SHARED_BYTES,
  type TableEntry,
  type TableTotals,
} from "../../src/format/table-entry.ts";

const attributes = {};
const short = (path: string, length = 3): TableEntry => ({
  ...{ kind: "inline", path, attributes },
  bytes: sampleBytes(length, path),
});
const long = (path: string, size = ENTRY_SHARED_BYTES + 1): TableEntry => ({
  ...{ kind: "root", path, attributes, size },
  readKey: sampleBytes(32, path),
});
const piece = (path: string, block: number, offset: number, size = 1000): TableEntry => ({
  ...{ kind: "shared", path, attributes, size, block, offset },
  readKey: sampleBytes(32, path),
});
const bytesOf = (entry: TableEntry) => (entry.kind === "inline" ? entry.bytes.length : entry.size);
const totalsOf = (entries: readonly TableEntry[]): TableTotals => ({
  files: entries.length,
  bytes: entries.reduce((sum, entry) => sum + bytesOf(entry), 0),
  children: entries.filter(({ kind }) => kind === "root").length,
  shared: entries.reduce(
    (most, entry) => (entry.kind === "shared" ? Math.max(most, entry.block + 1) : most),
    0,
  ),
});
const encode = (entries: readonly TableEntry[]) => concat(TABLE_HEADER, ...entries.map(encodeEntry));

async function decode(table: Uint8Array, totals: TableTotals, cut = 1000): Promise<TableEntry[]> {
  const entries: TableEntry[] = [];
  for await (const entry of decodeTable(streamOf(table, cut), totals)) entries.push(entry);
  return entries;
}

function expectRefused(entries: readonly TableEntry[], message: string): Promise<void> {
  return expect(decode(encode(entries), totalsOf(entries))).rejects.toMatchObject({
    code: "BAD_ENCODING",
    message: expect.stringContaining(message),
  });
}

describe("a table", () => {
  const entries = [
    short("a/b", 0),
    long("a/c"),
    short("ä b"),
    long("文", 2 ** 53 - 1 - ENTRY_SHARED_BYTES * 2),
  ];

  it("reads back, however its bytes arrive", async () => {
    for (const cut of [1, 7, 100, 100_000]) {
      expect(await decode(encode(entries), totalsOf(entries), cut)).toEqual(entries);
    }
    expect(await decode(encode([]), totalsOf([]))).toEqual([]);
  });

  it("reads back with pieces of shared blocks, one behind the other", async () => {
    const pieces = [
      piece("a", 0, 0),
      piece("b", 0, 1016),
      short("c"),
      piece("d", 0, 2032, BLOCK_BYTES - 2032 - 16),
      long("e"),
      piece("f", 1, 0, ENTRY_SHARED_BYTES),
      piece("g", 2, 0, ENTRY_INLINE_BYTES + 1),
    ];
    expect(await decode(encode(pieces), totalsOf(pieces), 7)).toEqual(pieces);
    // A size class may have added blocks that no file stands in.
    expect(await decode(encode(pieces), { ...totalsOf(pieces), shared: 4 })).toEqual(pieces);
  });

  it("reads back with attributes of files", async () => {
    const told = [
      { ...short("a"), attributes: { modified: 0 } },
      { ...long("b"), attributes: { mediaType: "image/svg+xml" } },
      { ...piece("c", 0, 0), attributes: { modified: MAX_MODIFIED_SECONDS, mediaType: "a/b" } },
    ];
    for (const cut of [1, 100]) expect(await decode(encode(told), totalsOf(told), cut)).toEqual(told);
  });

  it("of any canonical paths reads back", async () => {
    const name = fc
      .string({ minLength: 1, maxLength: 8, unit: "grapheme" })
      .map((text) => text.normalize("NFC"));
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
    await fc.assert(
      fc.asyncProperty(fc.array(path, { maxLength: 12 }), async (paths) => {
        const set = new PathSet();
        const good = paths.filter((one) => pathFault(one) === undefined && set.add(one) === undefined);
        const sorted = good.sort(comparePaths).map((one, i) => (i % 2 === 0 ? short(one) : long(one)));
        expect(await decode(encode(sorted), totalsOf(sorted))).toEqual(sorted);
      }),
    );
  });

  it("is refused when it is cut anywhere or followed by more", async () => {
    const table = encode(entries.slice(0, 3));
    for (let length = 0; length < table.length; length += 1 + (length % 5)) {
      await expect(decode(table.subarray(0, length), totalsOf(entries.slice(0, 3)))).rejects.toMatchObject({
        code: "BAD_ENCODING",
      });
    }
    const more = concat(table, Uint8Array.of(0));
    await expect(decode(more, totalsOf(entries.slice(0, 3)))).rejects.toThrow("bytes after the last file");
  });

  it("is refused when its sums are not what the root says", async () => {
    const totals = totalsOf(entries.slice(0, 3));
    for (const wrong of [
      { files: 2 },
      { files: 4 },
      { bytes: totals.bytes + 1 },
      { children: 2 },
      { shared: 1 },
    ]) {
      await expect(decode(encode(entries.slice(0, 3)), { ...totals, ...wrong })).rejects.toMatchObject({
        code: "BAD_ENCODING",
      });
    }
  });

  it("is refused with paths out of order, twice, or that would meet on a file system", async () => {
    await expectRefused([short("b"), short("a")], "not in order");
    await expectRefused([short("a"), short("a")], "twice");
    await expectRefused([short("A"), short("a")], "case");
    await expectRefused([short("a"), short("a/b")], "a file and a folder");
    await expectRefused([short("A/x"), short("a/y")], "case");
  });

  it("is refused with a path that is not canonical", async () => {
    for (const path of ["../x", "/x", "x/", "a\\b", "a\0", "CON", "u\u0308", "C:x", "a "]) {
      await expectRefused([short(path)], "table.path");
    }
  });

  it("is refused when a file stands in the wrong place for its size", async () => {
    await expectRefused([short("a", ENTRY_INLINE_BYTES + 1)], "table.kind");
    await expectRefused([long("a", ENTRY_SHARED_BYTES)], "table.kind");
    await expectRefused([piece("a", 0, 0, ENTRY_INLINE_BYTES)], "table.kind");
    await expectRefused([piece("a", 0, 0, ENTRY_SHARED_BYTES + 1)], "table.kind");
    expect(
      await decode(encode([short("a", ENTRY_INLINE_BYTES)]), totalsOf([short("a", ENTRY_INLINE_BYTES)])),
    ).toHaveLength(1);
  });

  it("is refused when its pieces leave room between them, overlap, go back or leave a block out", async () => {
    const apart = "one behind the other";
    await expectRefused([piece("a", 0, 1)], apart);
    await expectRefused([piece("a", 1, 0)], apart);
    await expectRefused([piece("a", 0, 0), piece("b", 0, 1015)], apart);
    await expectRefused([piece("a", 0, 0), piece("b", 0, 1017)], apart);
    await expectRefused([piece("a", 0, 0), piece("b", 0, 0)], apart);
    await expectRefused([piece("a", 0, 0), piece("b", 2, 0)], apart);
    await expectRefused([piece("a", 0, 0), piece("b", 1, 0), piece("c", 0, 1016)], apart);
    await expectRefused([piece("a", 0, 0), piece("b", 1, 5)], apart);
  });

  it("is refused with a piece that does not lie in its block", async () => {
    const first = piece("a", 0, 0, 20_000);
    await expectRefused([first, piece("b", 0, 20_016, BLOCK_BYTES - 20_016 - 15)], "table.offset");
    await expectRefused([first, piece("b", 0, 65_535)], "table.offset");
    expect(await decode(encode([first]), totalsOf([first]))).toHaveLength(1);
  });

  it("is refused with another version, an unknown kind, a path that is too long or not UTF-8", async () => {
    const one = { files: 1, bytes: 3, children: 0, shared: 0 };
    const table = encode([short("abc")]);
    const changed = (at: number, ...bytes: number[]) => {
      const copy = table.slice();
      copy.set(bytes, at);
      return copy;
    };
    for (const [bytes, message] of [
      [changed(0, 2), "table.version"],
      [changed(1, 4), "table.kind: 4 is not known"],
      [changed(1, 0), "table.kind: 0 is not known"],
      [changed(2, 0xff, 0xff), "table.path length"],
      [changed(4, 200), "the end comes before"],
      [changed(5, 0xff), "table.path: not UTF-8"],
      [changed(5, 0xed, 0xa0, 0x80), "table.path: not UTF-8"],
    ] as const) {
      await expect(decode(bytes, one)).rejects.toThrow(message);
    }
  });

  it("of arbitrary bytes is read or refused, never anything else", async () => {
    const totals = fc.record({ files: fc.nat(3), bytes: fc.nat(10), children: fc.nat(1), shared: fc.nat(1) });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), totals, async (bytes, expected) => {
        await decode(concat(TABLE_HEADER, bytes), expected).catch((error) => {
          expect(error).toMatchObject({ code: "BAD_ENCODING" });
        });
      }),
      { numRuns: 300 },
    );
  });
});
