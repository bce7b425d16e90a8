import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { BLOCK_BYTES, type BlockId, encodeBase32 } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BUNDLE_HEADER_BYTES,
  type BundleEntry,
  type BundleKind,
  BundleTableWriter,
  bundleTableBytes,
  decodeBundleHeader,
  decodeBundleTable,
} from "../../src/bundle/bundle-format.ts";
import { MAX_BUNDLE_ENTRIES } from "../../src/limits.ts";
import { bundleOf, flipped } from "./bundle-file.ts";

const anId = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => encodeBase32(bytes) as BlockId);
const aKind = fc.constantFrom<BundleKind>("block", "root", "slot");
const entries = fc.uniqueArray(fc.record({ kind: aKind, id: anId }), {
  selector: ({ id }) => id,
  minLength: 1,
  maxLength: 40,
});

function tableOf(list: readonly BundleEntry[]) {
  const writer = new BundleTableWriter();
  for (const entry of list) writer.add(entry);
  return writer.finish(nodeProvider);
}

describe("the table of a bundle", () => {
  it("is read as it was written, in order of ids, whatever the order before", () => {
    fc.assert(
      fc.property(entries, fc.array(fc.nat()), (list, keys) => {
        const { bytes } = tableOf(list);
        const shuffled = [...list].sort(
          (a, b) => (keys[list.indexOf(a)] ?? 0) - (keys[list.indexOf(b)] ?? 0),
        );
        expect(Buffer.compare(tableOf(shuffled).bytes, bytes)).toBe(0);
        const table = decodeBundleTable(nodeProvider, bytes);
        expect(table.count).toBe(list.length);
        for (const entry of list) {
          const index = table.indexOf(entry.id) as number;
          expect(table.entry(index)).toEqual(entry);
          expect(table.position(index)).toBe(bytes.length + index * BLOCK_BYTES);
        }
        expect(table.fileBytes).toBe(bytes.length + list.length * BLOCK_BYTES);
      }),
    );
  });

  it("knows no id that is not in it", () => {
    fc.assert(
      fc.property(entries, anId, (list, id) => {
        fc.pre(list.every((entry) => entry.id !== id));
        expect(tableOf(list).indexOf(id)).toBeUndefined();
      }),
    );
  });

  it("holds an id once, as a root where it is one", () => {
    const [id] = fc.sample(anId, 1) as [BlockId];
    const table = tableOf([
      { kind: "block", id },
      { kind: "root", id },
      { kind: "block", id },
    ]);
    expect(table.count).toBe(1);
    expect(table.entry(0)).toEqual({ kind: "root", id });
  });

  it("is refused with any byte changed, cut or added", () => {
    const { bytes } = tableOf(fc.sample(entries, 1)[0] as BundleEntry[]);
    for (let at = 0; at < bytes.length; at++) {
      expect(() => decodeBundleTable(nodeProvider, flipped(bytes, at))).toThrow(/bundle/);
      expect(() => decodeBundleTable(nodeProvider, bytes.subarray(0, at))).toThrow(/bundle/);
    }
    expect(() => decodeBundleTable(nodeProvider, Buffer.concat([bytes, Buffer.of(0)]))).toThrow(/bundle/);
  });

  it.each([
    ["an unknown kind", (rows: number[][]) => rows.map((row) => [4, ...row.slice(1)])],
    ["ids out of order", (rows: number[][]) => [...rows].reverse()],
    ["an id twice", (rows: number[][]) => [rows[0] as number[], rows[0] as number[]]],
  ])("with %s is refused, though its digest is right", (_what, change) => {
    const row = (start: number) => [1, ...new Uint8Array(32).fill(start)];
    const { bytes } = tableOf([
      { kind: "block", id: encodeBase32(new Uint8Array(32).fill(1)) as BlockId },
      { kind: "block", id: encodeBase32(new Uint8Array(32).fill(2)) as BlockId },
    ]);
    const forged = bytes.slice();
    forged.set(change([row(1), row(2)]).flat(), BUNDLE_HEADER_BYTES);
    const end = forged.length - 32;
    const label = Buffer.from("umbel1 bundle table\0");
    forged.set(createHash("sha256").update(label).update(forged.subarray(0, end)).digest(), end);
    expect(() => decodeBundleTable(nodeProvider, forged)).toThrow(/kind|order/);
  });

  it.each([
    [0, false],
    [1, true],
    [MAX_BUNDLE_ENTRIES, true],
    [MAX_BUNDLE_ENTRIES + 1, false],
  ])("says of %i entries, before anything is read for them, whether that may be: %s", (count, isFine) => {
    const header = tableOf(fc.sample(entries, 1)[0] as BundleEntry[]).bytes.slice(0, BUNDLE_HEADER_BYTES);
    new DataView(header.buffer).setUint32(20, count);
    if (isFine) expect(decodeBundleHeader(header)).toBe(count);
    else expect(() => decodeBundleHeader(header)).toThrow(/count/);
  });

  it("has one length for each count", () => {
    fc.assert(
      fc.property(entries, (list) => {
        expect(tableOf(list).bytes.length).toBe(bundleTableBytes(list.length));
      }),
    );
  });

  it("writes what it wrote when it was frozen", () => {
    const file = bundleOf(["block", "block", "root"]);
    const frozen = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8"));
    expect({
      bytes: file.length,
      table: Buffer.from(file.subarray(0, bundleTableBytes(3))).toString("hex"),
      sha256: createHash("sha256").update(file).digest("hex"),
    }).toEqual(frozen);
  });
});
