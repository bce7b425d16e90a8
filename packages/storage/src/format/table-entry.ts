import type { FileAttributes } from "./attributes.ts";
import { FILE_INLINE_BYTES } from "./root-geometry.ts";

/**
 * A file of a folder of up to this many bytes stands in the table. In a shared block it would cost 54 bytes more, and one block
 * more to whoever wants it; a longer table costs everybody who wants one file of the folder.
 */
export const ENTRY_INLINE_BYTES = 512;
/** A longer file of up to this many bytes shares a block with its neighbours; one above has a root of its own. */
export const ENTRY_SHARED_BYTES = FILE_INLINE_BYTES;

/** A file of a folder. */
export type TableEntry = InlineEntry | RootEntry | SharedEntry;

interface EntryHead {
  readonly path: string;
  readonly attributes: FileAttributes;
}

/** A file that stands in the table. */
export interface InlineEntry extends EntryHead {
  readonly kind: "inline";
  readonly bytes: Uint8Array;
}

/** A file with a root of its own: the next of the folder's children, in order. */
export interface RootEntry extends EntryHead {
  readonly kind: "root";
  readonly size: number;
  /** 32 bytes. */
  readonly readKey: Uint8Array;
}

/** A file that is a piece of one of the folder's shared blocks. */
export interface SharedEntry extends EntryHead {
  readonly kind: "shared";
  readonly size: number;
  /** Which of the shared blocks. */
  readonly block: number;
  /** Where its sealed bytes begin in the block. */
  readonly offset: number;
  /** 32 bytes. */
  readonly readKey: Uint8Array;
}

/** What the root of a folder says about its table, and the table must keep. */
export interface TableTotals {
  readonly files: number;
  /** Bytes of all files. */
  readonly bytes: number;
  /** Files with a root of their own. */
  readonly children: number;
  /** Shared blocks. */
  readonly shared: number;
}

/** How a file of `size` bytes stands in a folder. */
export function entryKindOf(size: number): TableEntry["kind"] {
  if (size <= ENTRY_INLINE_BYTES) return "inline";
  return size <= ENTRY_SHARED_BYTES ? "shared" : "root";
}
