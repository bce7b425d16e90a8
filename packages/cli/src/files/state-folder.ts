import { chmod, mkdir, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { UmbelError } from "@umbel/core";
import type { AppendFile, StateFolder } from "@umbel/storage";
import { eraseFile, readFileIfPresent, writeFileAtomically } from "./atomic-file.ts";
import { takeLock } from "./lock-file.ts";
import { fileError, systemCode } from "./system-error.ts";

/** A state folder on disk, made for its owner only when it is first written to. */
export function createStateFolder(path: string): StateFolder {
  const file = (name: string) => join(path, name);
  return {
    async names() {
      try {
        return await readdir(path);
      } catch (cause) {
        if (systemCode(cause) === "ENOENT") return [];
        throw fileError("READ_FAILED", `cannot read ${path}`, cause);
      }
    },
    read: (name) => readFileIfPresent(file(name)),
    async write(name, content) {
      await ensureFolder(path);
      await writeFileAtomically(file(name), content);
    },
    async append(name) {
      await ensureFolder(path);
      return openAppendFile(file(name));
    },
    erase: (name) => eraseFile(file(name)),
    async remove(name) {
      try {
        await rm(file(name), { force: true });
      } catch (cause) {
        throw fileError("WRITE_FAILED", `cannot remove ${file(name)}`, cause);
      }
    },
    async lock(name) {
      await ensureFolder(path);
      const lock = await takeLock(file(`${name}.lock`));
      if ("release" in lock) return lock.release;
      const holder = lock.holder === undefined ? "another process" : `process ${lock.holder}`;
      throw new UmbelError("IN_USE", `${holder} is working on job ${name}`);
    },
  };
}

async function ensureFolder(path: string): Promise<void> {
  try {
    if ((await mkdir(path, { recursive: true, mode: 0o700 })) !== undefined) await chmod(path, 0o700);
  } catch (cause) {
    throw fileError("WRITE_FAILED", `cannot create ${path}`, cause);
  }
}

async function openAppendFile(path: string): Promise<AppendFile> {
  const attempt = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (cause) {
      throw fileError("WRITE_FAILED", `cannot write ${path}`, cause);
    }
  };
  const file = await attempt(() => open(path, "a+", 0o600));
  let size = (await attempt(() => file.stat())).size;
  return {
    get size() {
      return size;
    },
    async read(at, length) {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - at)));
      for (let held = 0; held < bytes.length; ) {
        const { bytesRead } = await attempt(() => file.read(bytes, held, bytes.length - held, at + held));
        if (bytesRead === 0) return bytes.slice(0, held);
        held += bytesRead;
      }
      return bytes;
    },
    append: (bytes) =>
      attempt(async () => {
        for (let written = 0; written < bytes.length; ) {
          written += (await file.write(bytes, written)).bytesWritten;
        }
        size += bytes.length;
      }),
    truncate: (length) =>
      attempt(async () => {
        await file.truncate(length);
        size = length;
      }),
    sync: () => attempt(() => file.datasync()),
    close: () => file.close(),
  };
}
