import { randomBytes } from "node:crypto";
import { open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileError, systemCode } from "./system-error.ts";

/**
 * Replaces the file at `path` so that a crash leaves the old content or the new, never a mixture: written beside it,
 * synced, renamed. Only the owner may read it. Throws WRITE_FAILED or DISK_FULL.
 */
export async function writeFileAtomically(path: string, content: Uint8Array | string): Promise<void> {
  const beside = nameBeside(path);
  try {
    const file = await open(beside, "wx", 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
    await syncFolder(dirname(path));
  } catch (cause) {
    await rm(beside, { force: true });
    throw fileError("WRITE_FAILED", `cannot write ${path}`, cause);
  }
}

/**
 * Overwrites the file at `path` with zeros and removes it, and what a crash in `writeFileAtomically` left beside it; nothing when there
 * is none. What a journal, a copy-on-write system or a flash controller keeps beside is out of reach. Throws WRITE_FAILED.
 */
export async function eraseFile(path: string): Promise<void> {
  try {
    for (const half of await halfWritten(path)) await eraseOne(half);
    await eraseOne(path);
  } catch (cause) {
    throw fileError("WRITE_FAILED", `cannot erase ${path}`, cause);
  }
}

/** Bytes overwritten at once: the journal of a large publish has some hundred MB. */
const ERASE_STEP_BYTES = 1024 * 1024;

async function eraseOne(path: string): Promise<void> {
  try {
    const file = await open(path, "r+");
    try {
      const { size } = await file.stat();
      const zeros = new Uint8Array(Math.min(size, ERASE_STEP_BYTES));
      for (let at = 0; at < size; ) {
        at += (await file.write(zeros, 0, Math.min(zeros.length, size - at), at)).bytesWritten;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rm(path);
    await syncFolder(dirname(path));
  } catch (cause) {
    if (systemCode(cause) !== "ENOENT") throw cause;
  }
}

/** New contents of the file at `path` that never got its name. */
async function halfWritten(path: string): Promise<readonly string[]> {
  const folder = dirname(path);
  const prefix = basename(nameBeside(path, ""));
  const names = await readdir(folder).catch((cause) => {
    if (systemCode(cause) === "ENOENT") return [];
    throw cause;
  });
  return names
    .filter((name) => name.startsWith(prefix) && /^[0-9a-f]{12}$/.test(name.slice(prefix.length)))
    .map((name) => join(folder, name));
}

/** The content, or undefined when there is no such file or it is longer than `maxBytes`. Throws READ_FAILED. */
export async function readFileIfPresent(
  path: string,
  maxBytes = Number.POSITIVE_INFINITY,
): Promise<Uint8Array | undefined> {
  try {
    if (maxBytes < Number.POSITIVE_INFINITY && (await stat(path)).size > maxBytes) return undefined;
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") return undefined;
    throw fileError("READ_FAILED", `cannot read ${path}`, cause);
  }
}

/**
 * A name in the same folder, for what is to stand at `path` later: hidden, so that a half-written file is not taken for a whole
 * one. Without a tag nobody else uses it.
 */
export function nameBeside(path: string, tag: string = randomBytes(6).toString("hex")): string {
  const at = path.length - (path.split(/[\\/]/).pop() as string).length;
  return `${path.slice(0, at)}.${path.slice(at).slice(0, 60)}.umbel-${tag}`;
}

/** Makes a rename survive a power cut where the system can sync folders; elsewhere it does nothing. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path === "" ? "." : path, "r").catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}
