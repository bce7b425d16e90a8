import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { UmbelError } from "@umbel/core";
import { eraseFile, readFileIfPresent, writeFileAtomically } from "./atomic-file.ts";
import { takeLock, waitForLock } from "./lock-file.ts";
import { fileError } from "./system-error.ts";

/** A folder where a node or a client keeps its state. */
export interface DataFolder {
  readonly path: string;
  /** The path of `name` inside the folder. */
  file(name: string): string;
  /** The content of `name`, or undefined when it is not there yet, or longer than `maxBytes`. Throws READ_FAILED. */
  read(name: string, maxBytes?: number): Promise<Uint8Array | undefined>;
  /** Replaces `name` whole or not at all, readable by the owner only. Throws WRITE_FAILED, DISK_FULL. */
  write(name: string, content: Uint8Array | string): Promise<void>;
  /**
   * Replaces `name` by what `change` makes of its content, while no other process does the same; leaves it alone when that is
   * undefined. Throws IN_USE when another process takes too long, what `change` throws, and what `read` and `write` throw.
   */
  update(name: string, change: (content: Uint8Array | undefined) => Uint8Array | undefined): Promise<void>;
  /** Overwrites `name` and removes it; nothing when it is not there. Throws WRITE_FAILED. */
  erase(name: string): Promise<void>;
}

/** A data folder that no other process may open for a node until it is released. */
export interface LockedDataFolder extends DataFolder {
  release(): Promise<void>;
}

/** The layout of the data folder. A folder with a higher number was written by a newer umbel. */
const FORMAT = 1;
const LOCK = "lock";

/**
 * Opens `path`, creating it for its owner only. Many clients may share one folder.
 * Throws BAD_CONFIG for a newer format, WRITE_FAILED, READ_FAILED, DISK_FULL.
 */
export async function openDataFolder(path: string): Promise<DataFolder> {
  try {
    if ((await mkdir(path, { recursive: true, mode: 0o700 })) !== undefined) await chmod(path, 0o700);
  } catch (cause) {
    throw fileError("WRITE_FAILED", `cannot create the data folder ${path}`, cause);
  }
  const file = (name: string) => join(path, name);
  await checkFormat(path, file("format"));
  return {
    path,
    file,
    read: (name, maxBytes) => readFileIfPresent(file(name), maxBytes),
    write: (name, content) => writeFileAtomically(file(name), content),
    update: (name, change) => updateFile(file(name), change),
    erase: (name) => eraseFile(file(name)),
  };
}

async function updateFile(
  path: string,
  change: (content: Uint8Array | undefined) => Uint8Array | undefined,
): Promise<void> {
  const release = await waitForLock(`${path}.lock`);
  try {
    const changed = change(await readFileIfPresent(path));
    if (changed !== undefined) await writeFileAtomically(path, changed);
  } finally {
    await release();
  }
}

/**
 * Opens `path` for one process. A lock left by a process that died (kill -9, power cut) is taken over.
 * Throws IN_USE when a living process holds it, and what `openDataFolder` throws.
 */
export async function lockDataFolder(path: string): Promise<LockedDataFolder> {
  const folder = await openDataFolder(path);
  const lock = await takeLock(folder.file(LOCK));
  if ("holder" in lock) throw inUse(path, lock.holder);
  return { ...folder, release: lock.release };
}

function inUse(path: string, pid: number | undefined): UmbelError {
  const holder = pid === undefined ? "another process" : `process ${pid}`;
  return new UmbelError(
    "IN_USE",
    `the data folder ${path} is in use by ${holder}; give this node its own with --data`,
  );
}

async function checkFormat(path: string, file: string): Promise<void> {
  const written = await readFileIfPresent(file);
  if (written === undefined) return writeFileAtomically(file, `${FORMAT}\n`);
  const text = new TextDecoder().decode(written).trim();
  const format = /^[1-9]\d{0,5}$/.test(text) ? Number(text) : undefined;
  if (format === undefined) {
    throw new UmbelError(
      "BAD_CONFIG",
      `${file} does not hold a format number; is ${path} a data folder of umbel?`,
    );
  }
  if (format > FORMAT) {
    throw new UmbelError(
      "BAD_CONFIG",
      `${path} was written by a newer umbel (format ${format}, this one knows ${FORMAT})`,
    );
  }
}
