import { lstat, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Writable } from "node:stream";
import { UmbelError } from "@umbel/core";
import { nameBeside, syncFolder } from "./atomic-file.ts";
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

/** Takes the files of one folder. */
export interface OutputFolder {
  readonly target: string;
  /** Starts the file at `path` ("a/b.html", "/" on every system); finish it before the next. Throws BAD_ENCODING. */
  file(path: string): Promise<OutputFile>;
  /** Makes the folder appear under its name. */
  finish(): Promise<void>;
  discard(): Promise<void>;
}

interface OutputOptions {
  /** Replace what stands at the target. */
  readonly force: boolean;
}

/** Says at once what `createOutputFile` would say after the network was asked. Throws BAD_INPUT. */
export async function checkOutput(target: string, options: OutputOptions): Promise<void> {
  if (!(await isDevice(target))) await refuseExisting(target, options);
}

/**
 * A file at `target`, which appears only when it is whole: written under another name beside it, synced, renamed.
 * Throws BAD_INPUT when the target exists and `force` is not set, WRITE_FAILED, DISK_FULL.
 */
export async function createOutputFile(target: string, options: OutputOptions): Promise<OutputFile> {
  if (await isDevice(target)) return writeThrough(target);
  await refuseExisting(target, options);
  const beside = nameBeside(target);
  const file = await writing(target, () => open(beside, "wx", 0o666));
  let state: "open" | "done" = "open";
  const output: OutputFile = {
    target,
    async write(bytes) {
      await writing(target, () => writeAll(file, bytes), output.discard);
    },
    async finish() {
      await writing(target, () => file.sync(), output.discard);
      await writing(target, () => file.close(), output.discard);
      await refuseExisting(target, options).catch(async (error) => {
        await output.discard();
        throw error;
      });
      await writing(target, () => rename(beside, target), output.discard);
      state = "done";
      await syncFolder(dirname(target));
    },
    async discard() {
      if (state === "done") return;
      state = "done";
      await file.close().catch(() => undefined);
      await rm(beside, { force: true });
    },
  };
  return output;
}

/** A device or pipe has no "half written": it is written to, never replaced. */
async function writeThrough(target: string): Promise<OutputFile> {
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

/** A folder at `target`, which appears only when it is whole. Throws like `createOutputFile`. */
export async function createOutputFolder(target: string, options: OutputOptions): Promise<OutputFolder> {
  await refuseExisting(target, options);
  const beside = nameBeside(target);
  await writing(target, () => mkdir(beside, { mode: 0o777 }));
  let done = false;
  const folder: OutputFolder = {
    target,
    async file(path) {
      const inside = join(beside, ...safeSegments(path));
      await writing(join(target, path), () => mkdir(dirname(inside), { recursive: true }), folder.discard);
      const file = await createOutputFile(inside, { force: false });
      return { ...file, target: join(target, path) };
    },
    async finish() {
      await refuseExisting(target, options);
      await writing(
        target,
        async () => {
          if (options.force) await replaceFolder(beside, target);
          else await rename(beside, target);
        },
        folder.discard,
      );
      done = true;
      await syncFolder(dirname(target));
    },
    async discard() {
      if (done) return;
      done = true;
      await rm(beside, { recursive: true, force: true });
    },
  };
  return folder;
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

async function isDevice(path: string): Promise<boolean> {
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

/** The old folder stays whole until the new one is in its place. */
async function replaceFolder(beside: string, target: string): Promise<void> {
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

async function refuseExisting(target: string, { force }: OutputOptions): Promise<void> {
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

/** Names come from whoever published: nothing may lead out of the folder or be misread on another system. */
function safeSegments(path: string): string[] {
  const segments = path.split("/");
  const bad = segments.some((name) => name === "" || name === "." || name === ".." || /[\\\0]/.test(name));
  if (bad || basename(path) === "")
    throw new UmbelError("BAD_ENCODING", "a published path leads out of its folder");
  return segments;
}

async function writing<Result>(
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
