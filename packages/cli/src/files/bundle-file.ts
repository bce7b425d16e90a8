import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { UmbelError } from "@umbel/core";
import type { BundleSink, BundleSource } from "@umbel/storage";
import { nameBeside, syncFolder } from "./atomic-file.ts";
import { refuseExisting, writing } from "./output-file.ts";
import { fileError } from "./system-error.ts";

/** A bundle that is being written in any order, under another name until it is whole. */
export interface BundleFile extends BundleSink {
  /** Makes it as long as it is going to be. Throws DISK_FULL where the system says so now. */
  reserve(bytes: number): Promise<void>;
  /** Gives it its name. Throws WRITE_FAILED. */
  finish(): Promise<void>;
  discard(): Promise<void>;
}

/** Begins a bundle at `target`. Throws BAD_INPUT when something stands there and `force` is not set, WRITE_FAILED. */
export async function createBundleFile(
  target: string,
  options: { readonly force: boolean },
): Promise<BundleFile> {
  await refuseExisting(target, options);
  const beside = nameBeside(target);
  const file = await writing(target, () => open(beside, "wx", 0o644));
  return {
    reserve: (bytes) => writing(target, () => file.truncate(bytes)),
    write: (position, bytes) => writing(target, () => writeAt(file, position, bytes)),
    finish: () =>
      writing(target, async () => {
        await file.sync();
        await file.close();
        await rename(beside, target);
        await syncFolder(dirname(target));
      }),
    async discard() {
      await file.close().catch(() => undefined);
      await rm(beside, { force: true });
    },
  };
}

async function writeAt(file: FileHandle, position: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
  }
}

/** Opens a bundle for reading. Throws READ_FAILED. */
export async function openBundleFile(path: string): Promise<BundleSource & { close(): Promise<void> }> {
  const failed = (cause: unknown) => fileError("READ_FAILED", `cannot read ${path}`, cause);
  const file = await open(path, "r").catch((cause) => {
    throw failed(cause);
  });
  const { size } = await file.stat();
  return {
    bytes: size,
    async read(position, length) {
      const bytes = new Uint8Array(length);
      let at = 0;
      while (at < length) {
        const { bytesRead } = await file.read(bytes, at, length - at, position + at).catch((cause) => {
          throw failed(cause);
        });
        if (bytesRead === 0) throw new UmbelError("READ_FAILED", `${path} became shorter while it was read`);
        at += bytesRead;
      }
      return bytes;
    },
    close: () => file.close(),
  };
}
