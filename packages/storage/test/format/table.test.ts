import { concat } from "@umbel/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sampleBytes, streamOf } from "../../../../test/support/publishing.ts";
import { comparePaths, PathSet, pathFault } from "../../src/format/path.ts";
import {
  decodeTable,
  ENTRY_INLINE_BYTES,
  encodeEntry,
  TABLE_HEADER,
  type TableEntry,
  type TableTotals,
} from "../../src/format/table.ts";

const short = (path: string, length = 3): TableEntry => ({
  kind: "inline",
  path,
  bytes: sampleBytes(length, path),
});
const long = (path: string, size = ENTRY_INLINE_BYTES + 1): TableEntry => ({
  ...{ kind: "root", path, size },
  readKey: sampleBytes(32, path),
});
const bytesOf = (entry: TableEntry) => (entry.kind === "inline" ? entry.bytes.length : entry.size);
const totalsOf = (entries: readonly TableEntry[]): TableTotals => ({
  files: entries.length,
  bytes: entries.reduce((sum, entry) => sum + bytesOf(entry), 0),
  children: entries.filter(({ kind }) => kind === "root").length,
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
    long("文", 2 ** 53 - 1 - ENTRY_INLINE_BYTES * 2),
  ];

  it("reads back, however its bytes arrive", async () => {
    for (const cut of [1, 7, 100, 100_000]) {
      expect(await decode(encode(entries), totalsOf(entries), cut)).toEqual(entries);
    }
    expect(await decode(encode([]), totalsOf([]))).toEqual([]);
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
    for (const wrong of [{ files: 2 }, { files: 4 }, { bytes: totals.bytes + 1 }, { children: 2 }]) {
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
    await expectRefused([long("a", ENTRY_INLINE_BYTES)], "table.kind");
    expect(
      await decode(encode([short("a", ENTRY_INLINE_BYTES)]), totalsOf([short("a", ENTRY_INLINE_BYTES)])),
    ).toHaveLength(1);
  });

  it("is refused with another version, an unknown kind, a path that is too long or not UTF-8", async () => {
    const one = { files: 1, bytes: 3, children: 0 };
    const table = encode([short("abc")]);
    const changed = (at: number, ...bytes: number[]) => {
      const copy = table.slice();
      copy.set(bytes, at);
      return copy;
    };
    for (const [bytes, message] of [
      [changed(0, 2), "table.version"],
      [changed(1, 3), "table.kind: 3 is not known"],
      [changed(2, 0xff, 0xff), "table.path length"],
      [changed(4, 0xff), "table.path: not UTF-8"],
      [changed(4, 0xed, 0xa0, 0x80), "table.path: not UTF-8"],
    ] as const) {
      await expect(decode(bytes, one)).rejects.toThrow(message);
    }
  });

  it("of arbitrary bytes is read or refused, never anything else", async () => {
    const totals = fc.record({ files: fc.nat(3), bytes: fc.nat(10), children: fc.nat(1) });
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
