import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { chmod, mkdir, open, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { UmbelError } from "@umbel/core";
import { readFileIfPresent, writeFileAtomically } from "./atomic-file.ts";
import { fileError, systemCode } from "./system-error.ts";

/** A folder where a node or a client keeps its state. */
export interface DataFolder {
  readonly path: string;
  /** The path of `name` inside the folder. */
  file(name: string): string;
  /** The content of `name`, or undefined when it is not there yet. Throws READ_FAILED. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** Replaces `name` whole or not at all, readable by the owner only. Throws WRITE_FAILED, DISK_FULL. */
  write(name: string, content: Uint8Array | string): Promise<void>;
}

/** A data folder that no other process may open for a node until it is released. */
export interface LockedDataFolder extends DataFolder {
  release(): Promise<void>;
}

/** The layout of the data folder. A folder with a higher number was written by a newer umbel. */
const FORMAT = 1;
const LOCK = "lock";
const LOCK_TRIES = 5;
/** A takeover is a matter of milliseconds; a file older than this was left by a crash. */
const TAKEOVER_STALE_MS = 10_000;

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
    read: (name) => readFileIfPresent(file(name)),
    write: (name, content) => writeFileAtomically(file(name), content),
  };
}

/**
 * Opens `path` for one process. A lock left by a process that died (kill -9, power cut) is taken over.
 * Throws IN_USE when a living process holds it, and what `openDataFolder` throws.
 */
export async function lockDataFolder(path: string): Promise<LockedDataFolder> {
  const folder = await openDataFolder(path);
  const lock = folder.file(LOCK);
  const mine = `${process.pid} ${startOf(process.pid) ?? "-"} ${randomBytes(8).toString("hex")}\n`;
  for (let attempt = 0; attempt < LOCK_TRIES; attempt++) {
    if (await createExclusively(lock, mine)) return { ...folder, release: () => releaseLock(lock, mine) };
    const holder = await livingHolder(lock);
    if (holder !== undefined) throw inUse(path, holder);
    await removeStaleLock(lock);
  }
  throw inUse(path, undefined);
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

/** False when the file is already there. The content is in place before anybody else can see the name half-written. */
async function createExclusively(path: string, content: string): Promise<boolean> {
  try {
    const file = await open(path, "wx", 0o600);
    try {
      await file.writeFile(content);
    } finally {
      await file.close();
    }
    return true;
  } catch (cause) {
    if (systemCode(cause) === "EEXIST") return false;
    throw fileError("WRITE_FAILED", `cannot write ${path}`, cause);
  }
}

/** The process that holds the lock, undefined when it died or the lock went away. */
async function livingHolder(lock: string): Promise<number | undefined> {
  const text = await readFile(lock, "utf8").catch(() => "");
  const match = /^(\d+) (\S+) /.exec(text);
  if (match === null) return undefined;
  const pid = Number(match[1]);
  if (!isAlive(pid)) return undefined;
  const start = startOf(pid);
  if (start === ENDED) return undefined;
  return start !== undefined && match[2] !== "-" && match[2] !== start ? undefined : pid;
}

const ENDED = "ended";

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
}

/**
 * When a process started (clock ticks since boot), on Linux: tells a process from a later one with the same id. ENDED for one that
 * is only kept for its parent to ask about (a zombie), as in a container whose first process asks nobody.
 */
function startOf(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [state, ...others] = fields.slice(fields.lastIndexOf(")") + 2).split(" ");
    return state === "Z" || state === "X" ? ENDED : others[18];
  } catch {
    return undefined;
  }
}

/** Removes the lock of a dead process. Only one process at a time may do so, or two could each think they hold it. */
async function removeStaleLock(lock: string): Promise<void> {
  const takeover = `${lock}.takeover`;
  if (await createExclusively(takeover, "")) {
    try {
      if ((await livingHolder(lock)) === undefined) await rm(lock, { force: true });
    } finally {
      await rm(takeover, { force: true });
    }
    return;
  }
  const age = await stat(takeover).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
  if (age > TAKEOVER_STALE_MS) await rm(takeover, { force: true });
  await new Promise((resolve) => setTimeout(resolve, 50));
}

async function releaseLock(lock: string, mine: string): Promise<void> {
  if ((await readFile(lock, "utf8").catch(() => "")) === mine) await rm(lock, { force: true });
}
