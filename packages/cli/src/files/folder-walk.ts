import { createHash } from "node:crypto";
import { createReadStream, type Stats } from "node:fs";
import { lstat, readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { encodeBase32, UmbelError } from "@umbel/core";
import { fileError } from "./system-error.ts";

/** One file of what is published. */
export interface FileEntry {
  /** Path inside the folder, with "/" on every system; the name alone for a single file. */
  readonly path: string;
  readonly bytes: number;
  /** When it was changed last, in milliseconds since 1970. */
  readonly modified: number;
  /** Where to read it. */
  readonly source: string;
}

export interface WalkedPath {
  readonly kind: "file" | "folder";
  readonly name: string;
  readonly files: readonly FileEntry[];
  /** Names left out because they start with a dot. */
  readonly skipped: number;
}

/**
 * What a path holds: a file, or a folder's files in order of their paths (by code unit, the same on every system).
 * Symbolic links inside a folder and special files are refused, since following them publishes what nobody meant to.
 * Throws READ_FAILED, BAD_INPUT.
 */
export async function walkPath(path: string, options: { readonly hidden: boolean }): Promise<WalkedPath> {
  const root = await read(path, () => stat(path));
  const name =
    basename(path) === "" || /^\.\.?$/.test(basename(path)) ? basename(await resolved(path)) : basename(path);
  if (root.isFile())
    return {
      kind: "file",
      name,
      files: [{ path: name, bytes: root.size, modified: root.mtimeMs, source: path }],
      skipped: 0,
    };
  if (!root.isDirectory()) throw refused(path, root);
  const found = { files: [] as FileEntry[], skipped: 0 };
  await walk(path, "", options.hidden, found);
  found.files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { kind: "folder", name, ...found };
}

/** The bytes of an entry. Throws READ_FAILED, also when the file was changed since the walk: half old, half new is nothing. */
export async function* readEntry(entry: FileEntry): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(entry.source, { highWaterMark: 256 * 1024 })) {
      bytes += (chunk as Uint8Array).length;
      yield chunk as Uint8Array;
    }
  } catch (cause) {
    throw fileError("READ_FAILED", `cannot read ${entry.source}`, cause);
  }
  if (bytes !== entry.bytes || (await wasChanged(entry)))
    throw new UmbelError("READ_FAILED", `${entry.source} changed while it was being read`);
}

/** True when the file at an entry's place is not as the walk saw it. Throws READ_FAILED. */
export async function wasChanged({ source, bytes, modified }: FileEntry): Promise<boolean> {
  const { size, mtimeMs } = await read(source, () => stat(source));
  return size !== bytes || mtimeMs !== modified;
}

/** A hash over paths, sizes and times of change, in base32: what was published under it before is published under it again. */
export function fingerprintOf(files: readonly FileEntry[]): string {
  const lines = files.map(({ path, bytes, modified }) => `${path}\0${bytes}\0${modified}\n`);
  return encodeBase32(createHash("sha256").update(lines.join("")).digest());
}

async function walk(
  folder: string,
  inside: string,
  hidden: boolean,
  found: { files: FileEntry[]; skipped: number },
) {
  for (const name of await read(folder, () => readdir(folder))) {
    if (name.startsWith(".") && !hidden) {
      found.skipped++;
      continue;
    }
    const source = join(folder, name);
    const path = inside === "" ? name : `${inside}/${name}`;
    const status = await read(source, () => lstat(source));
    if (status.isDirectory()) await walk(source, path, hidden, found);
    else if (status.isFile())
      found.files.push({ path, bytes: status.size, modified: status.mtimeMs, source });
    else throw refused(source, status);
  }
}

function refused(path: string, status: Stats): UmbelError {
  const kind = status.isSymbolicLink()
    ? "a symbolic link, which could lead out of the folder"
    : status.isFIFO() || status.isSocket()
      ? "a pipe or socket"
      : "a device";
  return new UmbelError("BAD_INPUT", `${path} is ${kind}; only files and folders are published`);
}

async function read<Result>(path: string, attempt: () => Promise<Result>): Promise<Result> {
  try {
    return await attempt();
  } catch (cause) {
    throw fileError("READ_FAILED", `cannot read ${path}`, cause);
  }
}

async function resolved(path: string): Promise<string> {
  const { realpath } = await import("node:fs/promises");
  return realpath(path);
}
