import { UmbelError } from "@umbel/core";
import { BLOCK_KIND, sealKeyOf, verifyKeyOf } from "../block/block.ts";
import type { RootContent } from "../format/root-private.ts";
import { ROOT_CONTENT_IDS } from "../format/tree-shape.ts";
import type { FetchContext } from "./block-getter.ts";
import { TreeReader } from "./tree-reader.ts";

/** Bytes of content, wherever they stand. */
export interface ContentReader {
  readonly size: number;
  range(start: number, end: number): AsyncIterable<Uint8Array>;
}

/** A reader of the content under a read key. */
export function contentReader(
  context: FetchContext,
  readKey: Uint8Array,
  content: RootContent,
): ContentReader {
  if (content.kind === "inline") return bytesReader(content.bytes);
  const { crypto } = context;
  const reader = new TreeReader(context, {
    leafKind: BLOCK_KIND.data,
    indexKind: BLOCK_KIND.index,
    leafKey: sealKeyOf(crypto, readKey, "data"),
    indexKey: sealKeyOf(crypto, verifyKeyOf(crypto, readKey), "index"),
    size: content.size,
    maxTopIds: ROOT_CONTENT_IDS,
    topIds: content.topIds,
  });
  return { size: content.size, range: (start, end) => reader.range(start, end) };
}

/** A reader of bytes that are here already. */
export function bytesReader(bytes: Uint8Array): ContentReader {
  return {
    size: bytes.length,
    async *range(start, end) {
      if (start < end) yield bytes.slice(start, end);
    },
  };
}

/** Throws BAD_INPUT unless 0 <= start <= end <= size, all integers. */
export function checkRange(start: number, end: number, size: number): void {
  if (Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start <= end && end <= size) return;
  throw new UmbelError("BAD_INPUT", `bytes ${start} to ${end} do not lie in a file of ${size}`);
}
