import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { type ErrorCode, UmbelError } from "@umbel/core";

/** One line of a child's standard output. */
export interface ChildEvent {
  readonly event: string;
  readonly [field: string]: unknown;
}

export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Another `umbel` process that speaks JSON lines. */
export interface JsonChild {
  readonly pid: number;
  /** Resolves when it is gone and its output was read. Never rejects. */
  readonly ended: Promise<ChildEnd>;
  /** Told each event, also those that came before; returns how to stop listening. */
  onEvent(listener: (event: ChildEvent) => void): () => void;
  /** The first event that `accept` takes. Rejects with the child's own reason when it ends before. */
  waitFor(accept: (event: ChildEvent) => boolean): Promise<ChildEvent>;
  /** Why it failed, as an error with the child's code and line. */
  failure(): UmbelError;
  /** Asks it to end, and makes it end when it does not within `graceMs`. */
  stop(graceMs?: number): Promise<void>;
}

/** Longer lines are no event of ours and are dropped. */
const MAX_LINE_CHARACTERS = 4 * 1024 * 1024;
const MAX_STDERR_CHARACTERS = 8_192;
const MAX_KEPT_EVENTS = 10_000;
const STOP_GRACE_MS = 8_000;

/**
 * Starts `umbel ...args` by its script. The child leads a process group of its own, so that a Ctrl-C at the terminal reaches it through
 * its parent only; its standard input closes when the parent is gone, however it went.
 */
export function startUmbel(script: string, args: readonly string[], name: string): JsonChild {
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    detached: process.platform !== "win32",
    windowsHide: true,
  });
  return followChild(child, name);
}

/** Turns a child process with piped output into events. `name` stands in its failure. */
export function followChild(child: ChildProcess, name: string): JsonChild {
  const events: ChildEvent[] = [];
  const listeners = new Set<(event: ChildEvent) => void>();
  let complaint = "";
  child.stdin?.on("error", () => {});
  readLines(child.stdout as Readable, (line) => {
    const event = parseEvent(line);
    if (event === undefined) return;
    if (events.length < MAX_KEPT_EVENTS) events.push(event);
    for (const listener of listeners) listener(event);
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-MAX_STDERR_CHARACTERS);
  });
  const ended = new Promise<ChildEnd>((resolve) => {
    child.on("error", (error) => {
      complaint ||= error.message;
      resolve({ code: null, signal: null });
    });
    child.on("close", (code, signal) => resolve({ code, signal }));
  });
  const onEvent = (listener: (event: ChildEvent) => void) => {
    for (const event of events) listener(event);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  const failure = () => describeFailure(name, events, complaint);
  return {
    pid: child.pid ?? 0,
    ended,
    onEvent,
    failure,
    waitFor: (accept) => waitForEvent(accept, onEvent, ended, failure),
    stop: (graceMs = STOP_GRACE_MS) => stopChild(child, ended, graceMs),
  };
}

function waitForEvent(
  accept: (event: ChildEvent) => boolean,
  onEvent: JsonChild["onEvent"],
  ended: Promise<ChildEnd>,
  failure: () => UmbelError,
): Promise<ChildEvent> {
  return new Promise((resolve, reject) => {
    const forget = onEvent((event) => {
      if (accept(event)) resolve(event);
      else if (event.event === "error") reject(failure());
    });
    void ended.then(() => {
      forget();
      reject(failure());
    });
  });
}

async function stopChild(child: ChildProcess, ended: Promise<ChildEnd>, graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.kill("SIGTERM");
  child.stdin?.end();
  const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
  await ended;
  clearTimeout(timer);
}

function describeFailure(what: string, events: readonly ChildEvent[], complaint: string): UmbelError {
  const error = events.findLast(({ event }) => event === "error");
  const lastLine = complaint
    .trim()
    .split("\n")
    .at(-1)
    ?.replace(/^umbel: /, "");
  const message =
    typeof error?.message === "string" ? error.message : lastLine || "it ended without a reason";
  const code = typeof error?.code === "string" ? (error.code as ErrorCode) : "INTERNAL";
  return new UmbelError(code, `${what} failed: ${message}`);
}

/** Calls `take` for each whole line; a line over the cap is skipped to its end. */
export function readLines(stream: Readable, take: (line: string) => void): void {
  let held = "";
  let skipping = false;
  stream.setEncoding("utf8").on("data", (text: string) => {
    const lines = (held + text).split("\n");
    held = lines.pop() as string;
    for (const line of lines) {
      if (!skipping && line.length <= MAX_LINE_CHARACTERS) take(line);
      skipping = false;
    }
    if (held.length > MAX_LINE_CHARACTERS) {
      held = "";
      skipping = true;
    }
  });
  stream.on("error", () => {});
}

function parseEvent(line: string): ChildEvent | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null && typeof (value as ChildEvent).event === "string") {
      return value as ChildEvent;
    }
  } catch {
    // Not ours: a runtime's warning, a debugger's greeting.
  }
  return undefined;
}
