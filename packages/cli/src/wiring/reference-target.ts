import { UmbelError } from "@umbel/core";
import type { FetchedFile, FetchedFolder, FileAttributes, FolderEntry, KeptBytes } from "@umbel/storage";

/** One stream of verified bytes. */
export interface FileTarget {
  readonly kind: "file";
  /** What the reader would call it. */
  readonly name: string;
  readonly size: number;
  readonly content: FileContent;
}

/** A folder, or a folder inside of one. */
export interface FolderTarget {
  readonly kind: "folder";
  readonly name: string;
  /** Bytes of all files, where that is known before they were all seen. */
  readonly size: number | undefined;
  /** The path of the inner folder in the published one; "" for the whole. */
  readonly under: string;
  readonly folder: FetchedFolder;
}

export type ReferenceTarget = FileTarget | FolderTarget;

/** The bytes of a file, wherever it stands. */
export interface FileContent {
  readonly size: number;
  readonly attributes: FileAttributes;
  range(start: number, end: number): AsyncIterable<Uint8Array>;
  verified(kept: KeptBytes): AsyncIterable<Uint8Array>;
}

/** Follows a path into what a reference opened. `fallbackName` is for content without a name. Throws NOT_FOUND. */
export async function followPath(
  opened: FetchedFile | FetchedFolder,
  path: readonly string[],
  fallbackName: string,
): Promise<ReferenceTarget> {
  const name = path.at(-1) ?? opened.name ?? fallbackName;
  if (opened.kind === "file") {
    if (path.length > 0)
      throw new UmbelError("NOT_FOUND", "the reference names a file, so no path can follow it");
    return { kind: "file", name, size: opened.size, content: opened };
  }
  const under = path.join("/");
  if (under === "") return { kind: "folder", name, size: opened.size, under, folder: opened };
  const found = await opened.lookUp(under);
  if (found === undefined) throw new UmbelError("NOT_FOUND", `the folder holds no "${under}"`);
  if (found === "folder") return { kind: "folder", name, size: undefined, under, folder: opened };
  return { kind: "file", name, size: found.size, content: found };
}

/** The path of an entry below the folder that is meant. */
export function pathBelow({ under }: Pick<FolderTarget, "under">, entry: Pick<FolderEntry, "path">): string {
  return under === "" ? entry.path : entry.path.slice(under.length + 1);
}
