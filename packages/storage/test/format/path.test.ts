import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalPath, comparePaths, nameFault, PathSet, pathFault } from "../../src/format/path.ts";
import { MAX_FOLDER_PATHS_BYTES, MAX_NAME_BYTES, MAX_PATH_BYTES, MAX_PATH_DEPTH } from "../../src/limits.ts";

describe("a path in a folder", () => {
  it("may have spaces, dots, other scripts and what shells find odd", () => {
    for (const path of [
      "a",
      "a b/c d",
      "ä/文/🙂.txt",
      ".hidden",
      "a..b",
      "-rf",
      "$(x)",
      "12:30.log",
      "console",
      "com10",
    ]) {
      expect(pathFault(path)).toBeUndefined();
    }
  });

  it("is refused when it leaves the folder, is absolute or has an empty name", () => {
    for (const path of [
      "",
      "/",
      "/a",
      "a/",
      "a//b",
      ".",
      "..",
      "../a",
      "a/..",
      "a/./b",
      "C:",
      "c:/x",
      "C:x",
    ]) {
      expect(pathFault(path)).toBeTypeOf("string");
    }
  });

  it("is refused with a backslash, a control character, a mark that hides or turns text, or half a character", () => {
    for (const path of [
      "a\\b",
      "a\0",
      "a\nb",
      "a\u007f",
      "a\u0085",
      "a\u2028b",
      "a\u200bb",
      "a\u200f",
      "\u2060a",
      "\ufeffa",
      "a\u202egpj",
      "a\ud800b",
      "\udc00",
    ]) {
      expect(pathFault(path)).toBeTypeOf("string");
    }
  });

  it("is refused when Windows reads it as a device or another name", () => {
    for (const path of ["con", "NUL.txt", "a/Com1", "lpt9.tar.gz", "aux/x", "a.", "a ", "a./b", "CONIN$"]) {
      expect(pathFault(path)).toBeTypeOf("string");
    }
  });

  it("is refused when it is not in Unicode form NFC, which canonicalPath makes", () => {
    expect(pathFault("u\u0308")).toBeTypeOf("string");
    expect(canonicalPath("u\u0308/x")).toBe("\u00fc/x");
    expect(() => canonicalPath("../x")).toThrowError(expect.objectContaining({ code: "BAD_INPUT" }));
  });

  it("has a longest name, a longest path and a greatest depth", () => {
    const at = "n".repeat(MAX_NAME_BYTES);
    expect(pathFault(at)).toBeUndefined();
    expect(pathFault(`${at}n`)).toContain("longer than");
    expect(pathFault("文".repeat(MAX_NAME_BYTES / 3))).toBeUndefined();
    expect(pathFault("文".repeat(MAX_NAME_BYTES / 3 + 1))).toContain("longer than");
    const long = [at, at, at, at].join("/");
    expect(pathFault(`${long}/`.slice(0, MAX_PATH_BYTES - 2))).toBeUndefined();
    expect(pathFault(`${long}/nn`.slice(0, MAX_PATH_BYTES + 1))).toContain("the path is longer");
    expect(pathFault(Array(MAX_PATH_DEPTH).fill("d").join("/"))).toBeUndefined();
    expect(
      pathFault(
        Array(MAX_PATH_DEPTH + 1)
          .fill("d")
          .join("/"),
      ),
    ).toContain("deeper");
  });

  it("is one name only where a name is asked for", () => {
    expect([nameFault("a b"), nameFault("a/b") === undefined]).toEqual([undefined, false]);
  });
});

describe("paths of one folder", () => {
  const add = (...paths: string[]) => {
    const set = new PathSet();
    return paths.map((path) => set.add(path) !== undefined);
  };

  it("may share folders", () => {
    expect(add("a/x", "a/y", "a/b/z", "b")).toEqual([false, false, false, false]);
  });

  it("clash when they are the same, or the same where case does not count", () => {
    expect(add("a", "a")).toEqual([false, true]);
    expect(add("a/B", "a/b")).toEqual([false, true]);
    expect(add("A/x", "a/y")).toEqual([false, true]);
    expect(add("straße", "STRASSE")).toEqual([false, true]);
    expect(add("Ä", "ä")).toEqual([false, true]);
    expect(add("\u0390", "\u03aa\u0301")).toEqual([false, true]);
  });

  it("clash when one is a file and a folder", () => {
    expect(add("a", "a/b")).toEqual([false, true]);
    expect(add("a/b", "a")).toEqual([false, true]);
    expect(add("a/b/c", "a/B")).toEqual([false, true]);
  });

  it("have a greatest length together, inner folders counted once", () => {
    const set = new PathSet();
    const folder = "d".repeat(255);
    let bytes = folder.length;
    let count = 0;
    const next = () => `${folder}/${String(count++).padStart(255, "0")}`;
    for (; bytes + 511 <= MAX_FOLDER_PATHS_BYTES; bytes += 511) expect(set.add(next())).toBeUndefined();
    expect(set.add(next())).toContain("too long together");
  });

  it("are ordered by folder, then by code point", () => {
    const paths = ["a/b", "a b", "a", "B", "ä", "\u{1f642}", "\uffee", "a/a/z", "a-b"];
    expect(paths.sort(comparePaths)).toEqual([
      "B",
      "a",
      "a/a/z",
      "a/b",
      "a b",
      "a-b",
      "ä",
      "\uffee",
      "\u{1f642}",
    ]);
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(Math.sign(comparePaths(a, b))).toBe(-Math.sign(comparePaths(b, a)) + 0);
        expect(comparePaths(a, b) === 0).toBe(a === b);
      }),
    );
  });
});
