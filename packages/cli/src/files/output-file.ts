import { lstat, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type { Writable } from "node:stream";
import { UmbelError } from "@umbel/core";
import { nameBeside } from "./atomic-file.ts";
import { fileError, systemCode } from "./system-error.ts";

/** Takes the bytes of one file, in order. */
export interface OutputFile {
  /** Where it will stand: a path, or "-". */
  readonly target: string;
  /** Resolves when more may come. Throws WRITE_FAILED, DISK_FULL. */
  write(bytes: Uint8Array): Promise<void>;
  /** Makes the file appear under its name, on disk for good. */
  finish(): Promise<void>;
  /** Leaves nothing behind. Does nothing after `finish`. */
  discard(): Promise<void>;
}

interface OutputOptions {
  /** Replace what stands at the target. */
  readonly force: boolean;
}

/** Says at once what opening the output would say after the network was asked. Throws BAD_INPUT. */
export async function checkOutput(target: string, options: OutputOptions): Promise<void> {
  if (!(await isDevice(target))) await refuseExisting(target, options);
}

/** A device or pipe, which has no "half written": it is written to, never replaced. Throws WRITE_FAILED. */
export async function openDevice(target: string): Promise<OutputFile> {
  const file = await writing(target, () => open(target, "w"));
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= file.close();
    return closing;
  };
  return {
    target,
    write: (bytes) => writing(target, () => writeAll(file, bytes), close),
    finish: () => writing(target, close),
    discard: () => close().catch(() => undefined),
  };
}

/** Standard output as an output file: waits while the reader is slow. A reader that went away is ABORTED. */
export function createStreamOutput(stream: Writable): OutputFile {
  return {
    target: "-",
    async write(bytes) {
      if (stream.destroyed || !stream.writable) throw readerGone();
      if (stream.write(bytes)) return;
      await room(stream);
      if (stream.destroyed) throw readerGone();
    },
    async finish() {},
    async discard() {},
  };
}

/** Resolves when the stream takes more, or is gone. Leaves no listener behind. */
function room(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of ["drain", "close", "error"]) stream.off(event, done);
      resolve();
    };
    for (const event of ["drain", "close", "error"]) stream.on(event, done);
  });
}

function readerGone(): UmbelError {
  return new UmbelError("ABORTED", "the reader of standard output went away");
}

/** True for what stands at `path` when it is no file or folder, but takes bytes. */
export async function isDevice(path: string): Promise<boolean> {
  const standing = await stat(path).catch(() => undefined);
  return (
    standing !== undefined && (standing.isCharacterDevice() || standing.isFIFO() || standing.isBlockDevice())
  );
}

async function writeAll(file: Awaited<ReturnType<typeof open>>, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, written);
    written += bytesWritten;
  }
}

/** Puts the folder `beside` in the place of what stands at `target`, which stays whole until then. */
export async function replaceFolder(beside: string, target: string): Promise<void> {
  const old = nameBeside(target);
  const stood = await rename(target, old).then(
    () => true,
    (error) => {
      if (systemCode(error) === "ENOENT") return false;
      throw error;
    },
  );
  await rename(beside, target);
  if (stood) await rm(old, { recursive: true, force: true });
}

/** Throws BAD_INPUT when something stands at `target` that may not be replaced. */
export async function refuseExisting(target: string, { force }: OutputOptions): Promise<void> {
  const standing = await lstat(target).catch(() => undefined);
  if (standing === undefined) return;
  if (!force)
    throw new UmbelError(
      "BAD_INPUT",
      `${target} exists already; --force replaces it, -o names another place`,
    );
  if (!standing.isFile() && !standing.isDirectory() && !standing.isSymbolicLink()) {
    throw new UmbelError("BAD_INPUT", `${target} is neither a file nor a folder, so it is not replaced`);
  }
  if (dirname(target) === target) throw new UmbelError("BAD_INPUT", `${target} cannot be replaced`);
}

/**
 * The names of a published path. They come from whoever published: nothing may lead out of the folder or be misread on another
 * system. Throws BAD_ENCODING.
 */
export function safeSegments(path: string): string[] {
  const segments = path.split("/");
  const bad = segments.some((name) => name === "" || name === "." || name === ".." || /[\\\0]/.test(name));
  if (bad || basename(path) === "")
    throw new UmbelError("BAD_ENCODING", "a published path leads out of its folder");
  return segments;
}

/** Does what writes to `target`. Throws WRITE_FAILED or DISK_FULL with its name, after `cleanUp`. */
export async function writing<Result>(
  target: string,
  attempt: () => Promise<Result>,
  cleanUp?: () => Promise<void>,
): Promise<Result> {
  try {
    return await attempt();
  } catch (cause) {
    await cleanUp?.();
    throw fileError("WRITE_FAILED", `cannot write ${target}`, cause);
  }
}
