import { constants } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { UmbelError } from "@umbel/core";
import { nameBeside, syncFolder } from "./atomic-file.ts";
import { takeLock } from "./lock-file.ts";
import { type OutputFile, refuseExisting, writing } from "./output-file.ts";
import { fileError } from "./system-error.ts";

/** A file that is being written under another name, which a later run of the same fetch finds again. */
export interface PartialFile extends OutputFile {
  /** Where the bytes are until it is whole. */
  readonly path: string;
  /** Bytes that an earlier run left: anybody may have changed them since. */
  readonly keptBytes: number;
  /** Bytes of what was kept, from `start` up to `end`. Throws READ_FAILED. */
  read(start: number, end: number): Promise<Uint8Array>;
  /** Cuts off all but the first `bytes`; writing goes on behind them. Throws WRITE_FAILED. */
  startAt(bytes: number): Promise<void>;
  /** Leaves what is there for a later run; false when there is nothing. */
  keep(): Promise<boolean>;
}

export interface PartialOptions {
  /** Replace what stands at the target. */
  readonly force: boolean;
  /** Names the target and the content together, for whoever knows both: safe characters, always the same. */
  readonly tag: string;
}

/**
 * The file that appears at `target` when it is whole, begun by this run or an earlier one. Throws BAD_INPUT when the target
 * exists and `force` is not set, IN_USE while another process writes it, WRITE_FAILED, DISK_FULL.
 */
export async function openPartialFile(target: string, options: PartialOptions): Promise<PartialFile> {
  await refuseExisting(target, options);
  const path = nameBeside(target, options.tag);
  const release = await lockPartial(path, target);
  try {
    const file = await writing(target, () => openOwn(path));
    const { size } = await file.stat();
    return new WrittenPartial(target, path, file, size, options, release);
  } catch (error) {
    await release();
    throw error;
  }
}

/** Opens or creates a file of ours for reading and writing: never through a link, never what is not a file. Throws WRITE_FAILED. */
export async function openOwn(path: string): Promise<FileHandle> {
  const flags = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
  const file = await open(path, flags, 0o666);
  const { nlink, uid } = await file.stat();
  const isOurs = (await file.stat()).isFile() && nlink === 1 && uid === (process.getuid?.() ?? uid);
  if (isOurs) return file;
  await file.close();
  throw new UmbelError(
    "WRITE_FAILED",
    `${path} is not what an earlier fetch left: remove it, or use --no-resume`,
  );
}

/** Keeps other processes off a partial file or folder. Throws IN_USE, WRITE_FAILED. */
export async function lockPartial(path: string, target: string): Promise<() => Promise<void>> {
  const lock = await takeLock(`${path}.lock`);
  if ("release" in lock) return lock.release;
  const who = lock.holder === undefined ? "another process" : `process ${lock.holder}`;
  throw new UmbelError("IN_USE", `${who} is fetching the same to ${target}`);
}

/** All of `bytes` behind each other from `position` on. */
export async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}

/** The bytes of a file from `start` up to `end`. Throws READ_FAILED, also when it ends before. */
export async function readAt(
  file: FileHandle,
  path: string,
  start: number,
  end: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start);
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, start + at).catch((cause) => {
      throw fileError("READ_FAILED", `cannot read ${path}`, cause);
    });
    if (bytesRead === 0) throw new UmbelError("READ_FAILED", `${path} is shorter than it was`);
    at += bytesRead;
  }
  return bytes;
}

class WrittenPartial implements PartialFile {
  readonly target: string;
  readonly path: string;
  readonly keptBytes: number;
  readonly #file: FileHandle;
  readonly #options: PartialOptions;
  readonly #release: () => Promise<void>;
  #at = 0;
  #isOpen = true;

  constructor(
    target: string,
    path: string,
    file: FileHandle,
    keptBytes: number,
    options: PartialOptions,
    release: () => Promise<void>,
  ) {
    this.target = target;
    this.path = path;
    this.keptBytes = keptBytes;
    this.#file = file;
    this.#options = options;
    this.#release = release;
  }

  read(start: number, end: number): Promise<Uint8Array> {
    return readAt(this.#file, this.path, start, end);
  }

  async startAt(bytes: number): Promise<void> {
    await writing(this.target, () => this.#file.truncate(bytes));
    this.#at = bytes;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await writing(this.target, () => writeAt(this.#file, bytes, this.#at));
    this.#at += bytes.length;
  }

  async finish(): Promise<void> {
    await writing(this.target, () => this.#file.sync());
    await refuseExisting(this.target, this.#options);
    await writing(this.target, () => rename(this.path, this.target));
    await this.#close();
    await syncFolder(dirname(this.target));
  }

  async discard(): Promise<void> {
    if (!this.#isOpen) return;
    await rm(this.path, { force: true });
    await this.#close();
  }

  async keep(): Promise<boolean> {
    if (!this.#isOpen) return false;
    const { size } = await this.#file.stat();
    if (size === 0) await rm(this.path, { force: true });
    await this.#close();
    return size > 0;
  }

  async #close(): Promise<void> {
    this.#isOpen = false;
    await this.#file.close().catch(() => undefined);
    await this.#release();
  }
}
