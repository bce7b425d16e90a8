import { nodeProvider } from "@umbel/core/platform/node-crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ContentHash, folderHash } from "../../src/publish/content-hash.ts";
import { contentKeysOf, inputOf } from "../../src/publish/make-blocks.ts";
import { keysOfContent, keysOfSecret } from "../../src/publish/publish-keys.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const secret = new Uint8Array(32).fill(7);
const hashOf = (...parts: readonly Uint8Array[]) => {
  const hash = new ContentHash(nodeProvider);
  for (const part of parts) hash.update(part);
  return hash.finish();
};

describe("the keys of a publish", () => {
  it("follow from the secret and the path, and are all different", () => {
    const keys = () => keysOfSecret(nodeProvider, secret);
    const all = [keys().rootKey(), keys().fileKey("a"), keys().fileKey("b"), keys().fileKey("")].map(hex);
    expect(new Set(all).size).toBe(4);
    expect(hex(keys().rootKey())).toBe(all[0]);
    const other = keysOfSecret(nodeProvider, new Uint8Array(32).fill(8));
    expect(hex(other.rootKey())).not.toBe(all[0]);
  });

  it("have the golden values", () => {
    const keys = keysOfSecret(nodeProvider, secret);
    expect({ root: hex(keys.rootKey()), file: hex(keys.fileKey("a/ü.txt")) }).toMatchSnapshot();
  });

  it("of content follow from content and the user's secret, wherever a file stands", () => {
    const content = hashOf(Uint8Array.of(1, 2, 3));
    const files = new Map([
      ["a", content],
      ["b/c", content],
      ["d", hashOf()],
    ]);
    const folder = { kind: "folder", content: folderHash(nodeProvider, files), files } as const;
    const keys = keysOfContent(nodeProvider, secret, folder);
    expect(hex(keys.fileKey("a"))).toBe(hex(keys.fileKey("b/c")));
    expect(hex(keys.fileKey("a"))).not.toBe(hex(keys.fileKey("d")));
    expect(hex(keysOfContent(nodeProvider, secret, { kind: "file", content }).rootKey())).toBe(
      hex(keys.fileKey("a")),
    );
    const foreign = keysOfContent(nodeProvider, new Uint8Array(32).fill(8), folder);
    expect(hex(foreign.fileKey("a"))).not.toBe(hex(keys.fileKey("a")));
    expect(hex(foreign.rootKey())).not.toBe(hex(keys.rootKey()));
  });

  it("refuse secrets and hashes of another length, and files that were not read", () => {
    expect(() => keysOfSecret(nodeProvider, new Uint8Array(31))).toThrow(RangeError);
    const folder = { kind: "folder", content: new Uint8Array(31), files: new Map() } as const;
    expect(() => keysOfContent(nodeProvider, new Uint8Array(33), folder)).toThrow(RangeError);
    expect(() => keysOfContent(nodeProvider, secret, folder).rootKey()).toThrow(RangeError);
    expect(() => keysOfContent(nodeProvider, secret, folder).fileKey("a")).toThrow("was not read");
  });
});

describe("the hash of content", () => {
  it("does not depend on how the bytes come", () => {
    const bytes = fc.uint8Array({ minLength: 0, maxLength: 300 });
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 8 }), fc.nat(3), (parts, steps) => {
        const all = [new Uint8Array(steps * 65_500).fill(1), ...parts];
        const whole = new Uint8Array(Buffer.concat(all));
        expect(hex(hashOf(...all))).toBe(hex(hashOf(whole)));
      }),
      { numRuns: 50 },
    );
  });

  it("tells apart lengths around a step, and content of zeros", () => {
    const lengths = [0, 1, 65_535, 65_536, 65_537, 131_071, 131_072];
    const hashes = lengths.map((length) => hex(hashOf(new Uint8Array(length))));
    expect(new Set(hashes).size).toBe(lengths.length);
  });
});

describe("keys from content, of all that decides what blocks are made", () => {
  const secret = new Uint8Array(32).fill(7);
  const read = async function* () {
    yield Uint8Array.of(1, 2, 3);
  };
  const folder = (modified?: number) =>
    inputOf({ kind: "folder", entries: [{ path: "a", attributes: { modified }, read }] });

  it("differ for another size class", async () => {
    const input = await inputOf({ kind: "file", read });
    const exact = await contentKeysOf(nodeProvider, secret, input);
    const padded = await contentKeysOf(nodeProvider, secret, input, { sizeClass: "padme" });
    expect(hex(padded.rootKey())).not.toBe(hex(exact.rootKey()));
  });

  it("differ for a folder with other attributes, and not for its files", async () => {
    const [one, other] = [
      await contentKeysOf(nodeProvider, secret, await folder(1)),
      await contentKeysOf(nodeProvider, secret, await folder(2)),
    ];
    expect(hex(other.rootKey())).not.toBe(hex(one.rootKey()));
    expect(hex(other.fileKey("a"))).toBe(hex(one.fileKey("a")));
  });
});
