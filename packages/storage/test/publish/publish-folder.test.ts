import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { describe, expect, it } from "vitest";
import { sampleBytes, streamOf } from "../../../../test/support/publishing.ts";
import { createErasureCode } from "../../src/erasure/erasure-code.ts";
import { DEFAULT_CODING } from "../../src/format/coding.ts";
import { openPiece } from "../../src/format/piece.ts";
import { openRoot } from "../../src/format/root.ts";
import type { FolderRoot } from "../../src/format/root-private.ts";
import { decodeTable } from "../../src/format/table.ts";
import { ENTRY_INLINE_BYTES, ENTRY_SHARED_BYTES, type TableEntry } from "../../src/format/table-entry.ts";
import { contentKeysOf, inputOf } from "../../src/publish/make-blocks.ts";
import { publishFolder } from "../../src/publish/publish-folder.ts";
import type { FolderSource } from "../../src/publish/publish-source.ts";
import { RecordingSink } from "./recording-sink.ts";

const secret = sampleBytes(32, "user secret");

/** Publishes files under keys from their content; the table, and what went into the sink. */
async function publishFiles(files: Readonly<Record<string, Uint8Array>>) {
  const source: FolderSource = {
    kind: "folder",
    entries: Object.entries(files).map(([path, bytes]) => ({ path, read: () => streamOf(bytes) })),
  };
  const input = await inputOf(source);
  if (input.kind !== "folder") throw new Error("not a folder");
  const keys = await contentKeysOf(nodeProvider, secret, input);
  const sink = new RecordingSink();
  const context = {
    ...{ crypto: nodeProvider, code: createErasureCode(), coding: DEFAULT_CODING, sink, keys },
    ...{ sizeClass: "exact" as const, onRead: () => undefined, check: () => undefined },
  };
  const made = await publishFolder(context, keys.rootKey(), undefined, input.entries);
  const root = openRoot(nodeProvider, keys.rootKey(), made.root) as FolderRoot;
  if (root.content.kind !== "inline") throw new Error("the table is long");
  const totals = { files: root.files, bytes: root.bytes, children: 0, shared: root.shared?.leaves ?? 0 };
  const children = root.children.kind === "inline" ? root.children.list.length : root.children.count;
  const entries: TableEntry[] = [];
  const table = decodeTable(streamOf(root.content.bytes), { ...totals, children });
  for await (const entry of table) entries.push(entry);
  return { entries, blocks: sink.blocks, children };
}

describe("the files of a folder", () => {
  it("stand in the table, in a shared block or under a root of their own, by their size", async () => {
    const sizes = [0, ENTRY_INLINE_BYTES, ENTRY_INLINE_BYTES + 1, ENTRY_SHARED_BYTES, ENTRY_SHARED_BYTES + 1];
    const files = Object.fromEntries(sizes.map((size, i) => [`f${i}`, sampleBytes(size)]));
    const { entries, children } = await publishFiles(files);
    expect(entries.map(({ kind }) => kind)).toEqual(["inline", "inline", "shared", "shared", "root"]);
    expect(children).toBe(1);
  });

  it("that are equal make no equal pieces, even where keys come from content", async () => {
    const bytes = sampleBytes(3000);
    const { entries, blocks } = await publishFiles({ a: bytes, b: bytes });
    const block = blocks.find(({ purpose }) => purpose === "data")?.block as Uint8Array;
    const sealed = entries.map((entry) => {
      if (entry.kind !== "shared") throw new Error("not shared");
      expect(openPiece(nodeProvider, entry.readKey, block, entry.offset, entry.size)).toEqual(bytes);
      return Buffer.from(block.subarray(entry.offset, entry.offset + 3016)).toString("hex");
    });
    expect(sealed[0]).not.toBe(sealed[1]);
    expect(sealed[0]?.slice(0, 32)).not.toBe(sealed[1]?.slice(0, 32));
  });
});
