import { BLOCK_BYTES, concat } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { sampleBlock } from "../../../../test/support/blocks.ts";
import { type BundleKind, BundleTableWriter } from "../../src/bundle/bundle-format.ts";
import type { BundleSource, ImportRecord } from "../../src/bundle/import-bundle.ts";

/** A whole bundle of sample blocks. */
export function bundleOf(kinds: readonly BundleKind[]): Uint8Array {
  const blocks = kinds.map((kind, at) => ({ kind, ...sampleBlock(at) }));
  const writer = new BundleTableWriter();
  for (const { kind, id } of blocks) writer.add({ kind, id });
  const table = writer.finish(nodeProvider);
  const file = new Uint8Array(table.fileBytes);
  file.set(table.bytes);
  for (const { id, block } of blocks) file.set(block, table.position(table.indexOf(id) as number));
  return file;
}

/** A bundle in memory. */
export function sourceOf(file: Uint8Array): BundleSource {
  return {
    bytes: file.length,
    async read(position, length) {
      if (position + length > file.length) throw new Error("read past the end");
      return file.slice(position, position + length);
    },
  };
}

/** A record in memory. */
export function memoryRecord(): ImportRecord & { readonly saved: Map<string, Uint8Array> } {
  const saved = new Map<string, Uint8Array>();
  const hex = (digest: Uint8Array) => Buffer.from(digest).toString("hex");
  return {
    saved,
    load: async (digest) => saved.get(hex(digest)),
    save: async (digest, done) => void saved.set(hex(digest), done.slice()),
    remove: async (digest) => void saved.delete(hex(digest)),
  };
}

/** A copy with one byte changed. */
export function flipped(file: Uint8Array, at: number): Uint8Array {
  const copy = file.slice();
  copy[at] = (copy[at] as number) ^ 1;
  return copy;
}

/** A copy with the block of entry `index` replaced by another one. */
export function withBlock(file: Uint8Array, position: number, block: Uint8Array): Uint8Array {
  return concat(file.subarray(0, position), block, file.subarray(position + BLOCK_BYTES));
}
