import { PassThrough, Readable, Writable } from "node:stream";
import type { Io, TextStream } from "../../src/io.ts";

/** A process that exists only in memory. */
export interface TestIo extends Io {
  readonly out: () => string;
  readonly err: () => string;
  /** What standard output said, as JSON lines. */
  readonly events: () => readonly Record<string, unknown>[];
  /** Sends a signal, as Ctrl-C does. */
  readonly stop: () => void;
  readonly exits: readonly number[];
}

interface TestIoOptions {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  readonly tty?: boolean;
  readonly input?: string;
}

export function createTestIo(options: TestIoOptions = {}): TestIo {
  const stdout = captured(options.tty);
  const stderr = captured(options.tty);
  const stops = new Set<(signal: NodeJS.Signals) => void>();
  const exits: number[] = [];
  return {
    stdin: options.input === undefined ? new PassThrough() : Readable.from([options.input]),
    stdout: stdout.stream,
    stderr: stderr.stream,
    env: options.env ?? {},
    cwd: options.cwd ?? "/nowhere",
    script: "/nowhere/umbel.js",
    onStop(listener) {
      stops.add(listener);
      return () => void stops.delete(listener);
    },
    exit: (code) => void exits.push(code),
    out: stdout.text,
    err: stderr.text,
    events: () =>
      stdout
        .text()
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line)),
    stop: () => {
      for (const listener of [...stops]) listener("SIGINT");
    },
    exits,
  };
}

function captured(tty: boolean | undefined): { readonly stream: TextStream; readonly text: () => string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  const text = () => Buffer.concat(chunks).toString();
  return { stream: Object.assign(stream, tty ? { isTTY: true, columns: 80 } : {}), text };
}
