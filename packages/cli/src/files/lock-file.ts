import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { link, readFile, rm, stat, writeFile } from "node:fs/promises";
import { UmbelError } from "@umbel/core";
import { nameBeside } from "./atomic-file.ts";
import { fileError, systemCode } from "./system-error.ts";

const LOCK_TRIES = 5;
/** A takeover is a matter of milliseconds; a file older than this was left by a crash. */
const TAKEOVER_STALE_MS = 10_000;
/** How long a process waits for another one to be done with a small file, and how often it looks. */
const WAIT_MS = 10_000;
const LOOK_MS = 20;

/** A lock that this process holds, or the process that holds it, where that is known. */
export type Lock = { readonly release: () => Promise<void> } | { readonly holder: number | undefined };

/** Takes the lock at `path`, also one left by a process that died (kill -9, power cut). Throws WRITE_FAILED. */
export async function takeLock(path: string): Promise<Lock> {
  const mine = `${process.pid} ${startOf(process.pid) ?? "-"} ${randomBytes(8).toString("hex")}\n`;
  for (let attempt = 0; attempt < LOCK_TRIES; attempt++) {
    if (await createExclusively(path, mine)) return { release: () => releaseLock(path, mine) };
    const text = await readLock(path);
    if (text === undefined) continue;
    const holder = livingHolder(text);
    if (holder !== undefined) return { holder };
    await removeStaleLock(path);
  }
  return { holder: undefined };
}

/** Takes the lock at `path` as soon as others are done, and returns how to release it. Throws IN_USE after 10 s, WRITE_FAILED. */
export async function waitForLock(path: string): Promise<() => Promise<void>> {
  const end = performance.now() + WAIT_MS;
  for (;;) {
    const lock = await takeLock(path);
    if ("release" in lock) return lock.release;
    if (performance.now() >= end) {
      throw new UmbelError("IN_USE", `another process does not release ${path}`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** False when the file is already there. The name appears with its content, where the disk has links: nobody sees it half-written. */
async function createExclusively(path: string, content: string): Promise<boolean> {
  const beside = nameBeside(path);
  try {
    await writeFile(beside, content, { flag: "wx", mode: 0o600 });
    await link(beside, path).catch((cause: unknown) => {
      if (!NO_LINKS.has(systemCode(cause) ?? "")) throw cause;
      return writeFile(path, content, { flag: "wx", mode: 0o600 });
    });
    return true;
  } catch (cause) {
    if (systemCode(cause) === "EEXIST") return false;
    throw fileError("WRITE_FAILED", `cannot write ${path}`, cause);
  } finally {
    await rm(beside, { force: true });
  }
}

const NO_LINKS: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

/** The lock's text, undefined when nobody holds it. */
function readLock(lock: string): Promise<string | undefined> {
  return readFile(lock, "utf8").catch(() => undefined);
}

/** The process that holds a lock with this text, undefined when it died. */
function livingHolder(text: string): number | undefined {
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
      const text = await readLock(lock);
      if (text !== undefined && livingHolder(text) === undefined) await rm(lock, { force: true });
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
