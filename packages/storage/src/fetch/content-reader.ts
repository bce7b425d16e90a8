import { equalBytes, UmbelError } from "@umbel/core";
import { BLOCK_KIND, sealKeyOf, verifyKeyOf } from "../block/block.ts";
import type { RootContent } from "../format/root-private.ts";
import type { FetchContext } from "./block-getter.ts";
import type { KeptBytes } from "./kept-bytes.ts";
import { TreeReader } from "./tree-reader.ts";

/** Bytes of content, wherever they stand. */
export interface ContentReader {
  readonly size: number;
  range(start: number, end: number): AsyncIterable<Uint8Array>;
  /** The bytes of `kept` that are those of the content, from the start up to the first wrong chunk. Gets no data blocks. */
  verified(kept: KeptBytes): AsyncIterable<Uint8Array>;
  /** Gets what stands between the reference and the data, for who will ask for the data soon. */
  prepare?(): void;
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
    leafKey: sealKeyOf(crypto, readKey, "data"),
    verifyKey: verifyKeyOf(crypto, readKey),
    size: content.size,
    tree: "content",
    root: content.tree,
  });
  return {
    size: content.size,
    range: (start, end) => reader.range(start, end),
    verified: (kept) => reader.verified(kept),
  };
}

/** A reader of bytes that are here already. */
export function bytesReader(bytes: Uint8Array): ContentReader {
  return {
    size: bytes.length,
    async *range(start, end) {
      if (start < end) yield bytes.slice(start, end);
    },
    async *verified(kept) {
      const length = Math.min(kept.size, bytes.length);
      const found = await kept.read(0, length);
      if (length > 0 && equalBytes(found, bytes.subarray(0, length))) yield found;
    },
  };
}

/** A reader of content that is opened when it is first asked for, once. */
export function laterReader(size: number, open: () => Promise<ContentReader>): ContentReader {
  let opening: Promise<ContentReader> | undefined;
  const opened = () => {
    if (opening === undefined) {
      opening = open();
      // Whoever awaits it hears of the failure, and the next one asks again.
      opening.catch(() => {
        opening = undefined;
      });
    }
    return opening;
  };
  return {
    size,
    async *range(start, end) {
      yield* (await opened()).range(start, end);
    },
    async *verified(kept) {
      yield* (await opened()).verified(kept);
    },
    prepare: () => void opened(),
  };
}

/** Throws BAD_INPUT unless 0 <= start <= end <= size, all integers. */
export function checkRange(start: number, end: number, size: number): void {
  if (Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start <= end && end <= size) return;
  throw new UmbelError("BAD_INPUT", `bytes ${start} to ${end} do not lie in a file of ${size}`);
}
