import { createHmac, type Hmac, timingSafeEqual } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UmbelError } from "@umbel/core";
import { nameBeside, syncFolder } from "./atomic-file.ts";
import { type OutputFile, refuseExisting, replaceFolder, safeSegments, writing } from "./output-file.ts";
import { lockPartial, openOwn, type PartialOptions, readAt, writeAt } from "./partial-file.ts";

export interface PartialFolderOptions extends PartialOptions {
  /** 32 bytes that only who may read the content knows: marks files as whole. */
  readonly key: Uint8Array;
}

/** A file of a folder that is being written. */
export interface FolderFile extends OutputFile {
  /** Bytes of it that an earlier run left, not to be trusted. */
  readonly keptBytes: number;
  read(start: number, end: number): Promise<Uint8Array>;
  /** Cuts off all but the first `bytes`, which the caller has checked. Call it before the first `write`, with these bytes. */
  startAt(bytes: number): Promise<void>;
  /** Takes what the caller checked and left in place. */
  checked(bytes: Uint8Array): void;
}

/** A folder that is being written under another name, which a later run of the same fetch finds again. */
export interface PartialFolder {
  readonly target: string;
  /** Where the files are until all are whole. */
  readonly path: string;
  /** The bytes of a file that an earlier run finished, as they were then; undefined when there is none, or it is another now. */
  whole(path: string, size: number): Promise<AsyncIterable<Uint8Array> | undefined>;
  /** The file at `path` ("a/b.html", "/" on every system), to be written; one at a time. Throws BAD_ENCODING, WRITE_FAILED. */
  file(path: string): Promise<FolderFile>;
  /** Makes the folder appear under its name, when all is on disk. */
  finish(): Promise<void>;
  /** Leaves what is there for a later run; false when there is nothing. */
  keep(): Promise<boolean>;
  discard(): Promise<void>;
}

/** Files that are flushed to disk at once, beside the one that is written. */
const FLUSHES_AT_ONCE = 16;
/** A journal that is longer than this is not ours. */
const MAX_JOURNAL_BYTES = 512 * 1024 * 1024;
const READ_BYTES = 256 * 1024;
/** Appends, and never through a link: whoever has the reference knows the name, and may be able to write beside the target. */
const APPEND_HERE = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);

/** The folder that appears at `target` when it is whole, begun by this run or an earlier one. Throws as `openPartialFile`. */
export async function openPartialFolder(
  target: string,
  options: PartialFolderOptions,
): Promise<PartialFolder> {
  await refuseExisting(target, options);
  const path = nameBeside(target, options.tag);
  const release = await lockPartial(path, target);
  try {
    await writing(target, () => mkdir(path, { recursive: true }));
    const { uid, isDirectory } = await ownerOf(path);
    if (!isDirectory || uid !== (process.getuid?.() ?? uid)) {
      throw new UmbelError(
        "WRITE_FAILED",
        `${path} is not what an earlier fetch left: remove it, or use --no-resume`,
      );
    }
    const journal = `${path}.done`;
    const marks = await readJournal(journal);
    const log = await writing(target, () => open(journal, APPEND_HERE, 0o600));
    return new WrittenFolder({ target, path, journal, log, marks, release, options });
  } catch (error) {
    await release();
    throw error;
  }
}

async function ownerOf(path: string) {
  const found = await lstat(path);
  return { uid: found.uid, isDirectory: found.isDirectory() };
}

interface FolderParts {
  readonly target: string;
  readonly path: string;
  readonly journal: string;
  readonly log: FileHandle;
  /** The marks of the files that an earlier run finished, by path. */
  readonly marks: ReadonlyMap<string, string>;
  readonly release: () => Promise<void>;
  readonly options: PartialFolderOptions;
}

class WrittenFolder implements PartialFolder {
  readonly target: string;
  readonly path: string;
  readonly #parts: FolderParts;
  readonly #folders = new Set<string>();
  readonly #flushes = new Set<Promise<void>>();
  #failure: unknown;
  #isOpen = true;

  constructor(parts: FolderParts) {
    this.target = parts.target;
    this.path = parts.path;
    this.#parts = parts;
  }

  async whole(path: string, size: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    const mark = this.#parts.marks.get(path);
    if (mark === undefined) return undefined;
    const inside = this.#inside(path);
    const found = await lstat(inside).catch(() => undefined);
    if (found?.isFile() !== true || found.size !== size) return undefined;
    const mac = this.#macOf(path);
    for await (const bytes of contentOf(inside, size)) mac.update(bytes);
    const same = timingSafeEqual(Buffer.from(mac.digest("hex")), Buffer.from(mark.padEnd(64).slice(0, 64)));
    return same ? contentOf(inside, size) : undefined;
  }

  async file(path: string): Promise<FolderFile> {
    this.#throwIfFailed();
    const inside = this.#inside(path);
    const folder = dirname(inside);
    const shown = join(this.target, path);
    if (!this.#folders.has(folder)) {
      await writing(shown, () => mkdir(folder, { recursive: true }));
      this.#folders.add(folder);
    }
    const file = await writing(shown, () => openOwn(inside));
    const { size: keptBytes } = await file.stat();
    const mac = this.#macOf(path);
    let at = 0;
    let isOpen = true;
    const close = async () => {
      isOpen = false;
      await file.close();
    };
    return {
      target: shown,
      keptBytes,
      read: (start, end) => readAt(file, inside, start, end),
      checked: (bytes) => void mac.update(bytes),
      startAt: async (bytes) => {
        if (keptBytes > bytes) await writing(shown, () => file.truncate(bytes));
        at = bytes;
      },
      write: async (bytes) => {
        await writing(shown, () => writeAt(file, bytes, at));
        mac.update(bytes);
        at += bytes.length;
      },
      finish: async () => {
        await writing(shown, () => this.#parts.log.write(`${mac.digest("hex")} ${JSON.stringify(path)}\n`));
        await this.#flush(writing(shown, () => file.sync().then(close)));
      },
      discard: async () => {
        if (isOpen) await close().catch(() => undefined);
      },
    };
  }

  async finish(): Promise<void> {
    await Promise.all(this.#flushes);
    this.#throwIfFailed();
    const { target, path, options } = this.#parts;
    await refuseExisting(target, options);
    await writing(target, () => (options.force ? replaceFolder(path, target) : rename(path, target)));
    await rm(this.#parts.journal, { force: true });
    await this.#close();
    await syncFolder(dirname(target));
  }

  async keep(): Promise<boolean> {
    if (!this.#isOpen) return false;
    await Promise.all(this.#flushes);
    const { size } = await this.#parts.log.stat();
    if (size > 0 || this.#folders.size > 0) {
      await this.#close();
      return true;
    }
    await this.discard();
    return false;
  }

  async discard(): Promise<void> {
    if (!this.#isOpen) return;
    await Promise.all(this.#flushes);
    await rm(this.path, { recursive: true, force: true });
    await rm(this.#parts.journal, { force: true });
    await this.#close();
  }

  async #close(): Promise<void> {
    this.#isOpen = false;
    await this.#parts.log.close().catch(() => undefined);
    await this.#parts.release();
  }

  /** Waits only while too many files are being flushed; a failure comes with the next file, or at the end. */
  async #flush(flush: Promise<void>): Promise<void> {
    const done: Promise<void> = flush
      .catch((error) => {
        this.#failure ??= error;
      })
      .then(() => void this.#flushes.delete(done));
    this.#flushes.add(done);
    if (this.#flushes.size >= FLUSHES_AT_ONCE) await Promise.race(this.#flushes);
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #inside(path: string): string {
    return join(this.path, ...safeSegments(path));
  }

  #macOf(path: string): Hmac {
    return createHmac("sha256", this.#parts.options.key).update(`${path}\0`);
  }
}

/** Lines "mark path-as-JSON"; a last one that a crash cut off is no line. */
async function readJournal(path: string): Promise<ReadonlyMap<string, string>> {
  const marks = new Map<string, string>();
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size === 0 || size > MAX_JOURNAL_BYTES) return marks;
  const lines = (await readFile(path, "utf8").catch(() => "")).split("\n");
  for (const line of lines.slice(0, -1)) {
    const [, mark, name] = /^([0-9a-f]{64}) (".*")$/.exec(line) ?? [];
    if (mark !== undefined && name !== undefined) marks.set(parsed(name), mark);
  }
  return marks;
}

function parsed(name: string): string {
  try {
    return String(JSON.parse(name));
  } catch {
    return "";
  }
}

async function* contentOf(path: string, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await open(path, "r");
  try {
    for (let at = 0; at < size; at += READ_BYTES)
      yield await readAt(file, path, at, Math.min(at + READ_BYTES, size));
  } finally {
    await file.close();
  }
}
