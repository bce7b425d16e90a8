import type { FileAttributes } from "../format/attributes.ts";

/** Bytes to publish. */
export interface FileSource {
  readonly kind: "file";
  /** The file's name, without folders; absent for standard input. */
  readonly name?: string | undefined;
  /** Bytes, if they are known before: for the progress alone. */
  readonly size?: number | undefined;
  /** What readers are to see of it besides its bytes; nothing when absent. */
  readonly attributes?: FileAttributes | undefined;
  /** The bytes from the start, the same each time. Called once, or twice where keys come from content. */
  read(): AsyncIterable<Uint8Array>;
}

/** A file of a folder. */
export interface FolderSourceEntry {
  /** Path inside the folder, names joined by "/". */
  readonly path: string;
  /** Bytes, if they are known before: for the progress alone. */
  readonly size?: number | undefined;
  /** What readers are to see of it besides its bytes; nothing when absent. */
  readonly attributes?: FileAttributes | undefined;
  /** The bytes from the start, the same each time. Called when its turn comes; twice where keys come from content. */
  read(): AsyncIterable<Uint8Array>;
}

export interface FolderSource {
  readonly kind: "folder";
  /** The folder's name. */
  readonly name?: string | undefined;
  /** Every file, in any order. Folders without files are not kept. */
  readonly entries: AsyncIterable<FolderSourceEntry> | Iterable<FolderSourceEntry>;
}

export type PublishSource = FileSource | FolderSource;
