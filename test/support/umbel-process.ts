import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("../../packages/cli/bin/umbel.js", import.meta.url));
const DIST = fileURLToPath(new URL("../../packages/cli/dist/main.js", import.meta.url));
/** No process of a test lives longer, whatever happens to the test. */
const DEFAULT_TIMEOUT_MS = 60_000;

/** One line of `--json`. */
export interface UmbelEvent {
  readonly event: string;
  readonly [field: string]: unknown;
}

export interface UmbelEnd {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
  /** The lines of standard output that are objects with `event`. */
  readonly events: readonly UmbelEvent[];
}

export interface UmbelProcess {
  readonly pid: number;
  readonly ended: Promise<UmbelEnd>;
  /** Told each event from now on. */
  onEvent(listener: (event: UmbelEvent) => void): void;
  /** The first event that `accept` takes, also of those that came before. Rejects when the process ends before. */
  waitFor(accept: (event: UmbelEvent) => boolean): Promise<UmbelEvent>;
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL: resolves when it is gone. Takes it for granted that it may be gone already. */
  stop(): Promise<UmbelEnd>;
}

export interface UmbelOptions {
  /** What standard input brings before it ends; inside `open`, it does not end before `stop` or the end of the test process. */
  readonly stdin?: Uint8Array | { readonly open: Uint8Array };
  /** Added to an environment without any UMBEL_ variable. The data folder is a fresh one unless UMBEL_DATA is here. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Milliseconds until SIGKILL. */
  readonly timeout?: number;
  /** A file descriptor in the place of standard output; `stdout` and `events` then stay empty. */
  readonly stdoutTo?: number;
  /** Runs as this user, which only root can ask for. */
  readonly uid?: number;
}

const living = new Set<ChildProcess>();
const folders = new Set<string>();
process.on("exit", () => {
  for (const child of living) child.kill("SIGKILL");
  for (const path of folders) rmSync(path, { recursive: true, force: true, maxRetries: 3 });
});

/** Runs `umbel ...args` to its end. */
export function runUmbel(args: readonly string[], options: UmbelOptions = {}): Promise<UmbelEnd> {
  return startUmbel(args, options).ended;
}

/** Starts `umbel ...args` from the compiled packages, as a process of its own. */
export function startUmbel(args: readonly string[], options: UmbelOptions = {}): UmbelProcess {
  if (!existsSync(DIST)) throw new Error("packages/cli/dist is missing: npm run build makes it");
  const folder = options.env?.UMBEL_DATA === undefined ? temporaryFolder("data") : undefined;
  const child = spawn(process.execPath, [SCRIPT, ...args], {
    stdio: ["pipe", options.stdoutTo ?? "pipe", "pipe"],
    cwd: options.cwd,
    env: { ...cleanEnvironment(), ...(folder ? { UMBEL_DATA: folder.path } : {}), ...options.env },
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
  living.add(child);
  child.stdin?.on("error", () => {});
  if (options.stdin !== undefined && "open" in options.stdin) child.stdin?.write(options.stdin.open);
  else child.stdin?.end(options.stdin);
  const timer = setTimeout(() => child.kill("SIGKILL"), options.timeout ?? DEFAULT_TIMEOUT_MS);
  const follower = follow(child);
  const ended = follower.ended.finally(() => {
    clearTimeout(timer);
    living.delete(child);
    folder?.remove();
  });
  return {
    pid: child.pid ?? 0,
    ended,
    onEvent: (listener) => void follower.listeners.add(listener),
    waitFor: (accept) => waitForEvent(follower, ended, accept, args),
    kill: (signal) => void child.kill(signal),
    async stop() {
      child.kill("SIGTERM");
      child.stdin?.end();
      const force = setTimeout(() => child.kill("SIGKILL"), 10_000);
      return ended.finally(() => clearTimeout(force));
    },
  };
}

/** A fresh folder for a test, and how to remove it. */
export function temporaryFolder(name: string): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), `umbel-e2e-${name}-`));
  folders.add(path);
  return {
    path,
    remove() {
      rmSync(path, { recursive: true, force: true, maxRetries: 3 });
      folders.delete(path);
    },
  };
}

interface Follower {
  readonly events: UmbelEvent[];
  readonly listeners: Set<(event: UmbelEvent) => void>;
  readonly ended: Promise<UmbelEnd>;
}

function follow(child: ChildProcess): Follower {
  const events: UmbelEvent[] = [];
  const listeners = new Set<(event: UmbelEvent) => void>();
  const chunks: Buffer[] = [];
  let line = "";
  let stderr = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    const lines = (line + chunk.toString("latin1")).split("\n");
    line = lines.pop() ?? "";
    for (const each of lines) {
      const event = parseEvent(each);
      if (event === undefined) continue;
      events.push(event);
      for (const listener of listeners) listener(event);
    }
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = new Promise<UmbelEnd>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) =>
      resolve({ code, signal, stdout: Buffer.concat(chunks), stderr, events }),
    );
  });
  return { events, listeners, ended };
}

function parseEvent(line: string): UmbelEvent | undefined {
  if (!line.startsWith('{"event":')) return undefined;
  return JSON.parse(Buffer.from(line, "latin1").toString("utf8")) as UmbelEvent;
}

function waitForEvent(
  { events, listeners }: Follower,
  ended: Promise<UmbelEnd>,
  accept: (event: UmbelEvent) => boolean,
  args: readonly string[],
): Promise<UmbelEvent> {
  const before = events.find(accept);
  if (before !== undefined) return Promise.resolve(before);
  return new Promise((resolve, reject) => {
    listeners.add((event) => {
      if (accept(event)) resolve(event);
    });
    ended.then(({ code, signal, stderr }) => {
      reject(new Error(`umbel ${args[0]} ended (${signal ?? code}) without the event waited for\n${stderr}`));
    }, reject);
  });
}

function cleanEnvironment(): Record<string, string | undefined> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(UMBEL_|npm_|INIT_CWD$|FORCE_COLOR$|NODE_OPTIONS$|VITEST)/.test(name),
  );
  return Object.fromEntries(kept);
}
