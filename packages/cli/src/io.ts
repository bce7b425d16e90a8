import type { Readable, Writable } from "node:stream";
import { SCRIPT_PATH } from "./package-files.ts";

/** Where text goes; `isTTY` and `columns` only on a terminal. */
export type TextStream = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** The process around a command, so that tests can put another one in its place. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder that relative paths start at. */
  readonly cwd: string;
  /** The script that runs umbel, for processes of our own. */
  readonly script: string;
  /** Calls `listener` at each request to stop (Ctrl-C, SIGTERM, SIGHUP) until the returned function is called. */
  onStop(listener: (signal: NodeJS.Signals) => void): () => void;
  /** Ends the process at once. */
  exit(code: number): void;
}

const STOP_SIGNALS: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** The real process. Under `npm start`, relative paths start where the person typed it. */
export function processIo(): Io {
  const { stdin, stdout, stderr, env } = process;
  const cwd = env.npm_lifecycle_event === "start" && env.INIT_CWD ? env.INIT_CWD : process.cwd();
  return {
    stdin,
    stdout,
    stderr,
    env,
    cwd,
    script: SCRIPT_PATH,
    onStop(listener) {
      for (const signal of STOP_SIGNALS) process.on(signal, listener);
      return () => {
        for (const signal of STOP_SIGNALS) process.off(signal, listener);
      };
    },
    exit: (code) => process.exit(code),
  };
}
