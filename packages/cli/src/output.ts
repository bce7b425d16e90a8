import { type ErrorCode, isUmbelError } from "@umbel/core";
import picocolors from "picocolors";
import { EXIT, type ExitCode, exitCodeOf } from "./exit-codes.ts";
import { oneLine } from "./format.ts";
import type { Io } from "./io.ts";
import { createProgressBar, type ProgressBar } from "./progress.ts";

export type Colors = ReturnType<typeof picocolors.createColors>;
type Fields = Readonly<Record<string, unknown>>;

/** How a command speaks. People read stderr, programs read stdout; results stand alone on stdout. */
export interface Output {
  readonly json: boolean;
  readonly quiet: boolean;
  /** For stderr. */
  readonly colors: Colors;
  /** For stdout. */
  readonly resultColors: Colors;
  /** One JSON line with `event`, with --json only. */
  event(name: string, fields?: Fields): void;
  /** A line for a person, on stderr: nothing with --json or --quiet. */
  note(text: string): void;
  /** A line for a person that must be seen, on stderr in every mode. */
  warning(text: string): void;
  /** A line of the result on stdout; nothing with --json. */
  line(text: string): void;
  /** The end of a command that went well: `text` alone on stdout, or the "result" event. */
  result(fields: Fields, text?: string): void;
  /** The end of a command that did not: one line on stderr, and with --json the "error" event. */
  failure(error: unknown, pointAt?: string): ExitCode;
  /** A progress bar on a terminal, "progress" events with --json, nothing otherwise. */
  progress(label: string): ProgressBar;
}

/** Reads the output mode from the bare arguments, so that wrong use is reported in the mode that was asked for. */
export function outputMode(argv: readonly string[]): { readonly json: boolean; readonly quiet: boolean } {
  const end = argv.indexOf("--");
  const options = end === -1 ? argv : argv.slice(0, end);
  return {
    json: options.includes("--json"),
    quiet: options.includes("--quiet") || options.includes("-q"),
  };
}

export function createOutput(io: Io, mode: { readonly json: boolean; readonly quiet: boolean }): Output {
  const { json, quiet } = mode;
  const colors = picocolors.createColors(usesColor(io, io.stderr));
  const emit = (event: string, fields: Fields = {}) => {
    if (json) io.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
  };
  const line = (text: string) => {
    if (!json) io.stdout.write(`${text}\n`);
  };
  return {
    json,
    quiet,
    colors,
    resultColors: picocolors.createColors(usesColor(io, io.stdout)),
    event: emit,
    note(text) {
      if (!json && !quiet) io.stderr.write(`${text}\n`);
    },
    warning(text) {
      io.stderr.write(`${colors.yellow("umbel:")} ${oneLine(text)}\n`);
    },
    line,
    result(fields, text) {
      if (json) emit("result", fields);
      else if (text !== undefined) line(text);
    },
    failure(error, pointAt) {
      const { code, message, position, exit } = describeFailure(error);
      emit("error", { code, message, exit, ...(position === undefined ? {} : { position }) });
      io.stderr.write(`${colors.red("umbel:")} ${message}\n`);
      if (pointAt?.trim() && position !== undefined) io.stderr.write(caret(pointAt, position));
      if (io.env.UMBEL_DEBUG && error instanceof Error) io.stderr.write(`${error.stack}\n`);
      return exit;
    },
    progress: (label) =>
      createProgressBar({
        label,
        terminal: !json && !quiet && io.stderr.isTTY === true ? io.stderr : undefined,
        event: quiet ? undefined : (fields) => emit("progress", fields),
        colors,
      }),
  };
}

/** The text with a caret under the character at `position`, indented. */
export function caret(text: string, position: number): string {
  const before = [...oneLine(text.slice(0, position))].length;
  return `  ${oneLine(text)}\n  ${" ".repeat(before)}^\n`;
}

interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly position: number | undefined;
  readonly exit: ExitCode;
}

function describeFailure(error: unknown): Failure {
  if (isUmbelError(error)) {
    const { code, position } = error;
    return { code, message: oneLine(error.message), position, exit: exitCodeOf(code) };
  }
  const text = error instanceof Error ? error.message : String(error);
  const message = oneLine(`internal error: ${text} (UMBEL_DEBUG=1 shows where)`);
  return { code: "INTERNAL", message, position: undefined, exit: EXIT.failed };
}

/** Colours on a terminal only; NO_COLOR (no-color.org) turns them off, FORCE_COLOR on. */
function usesColor(io: Io, stream: { readonly isTTY?: boolean }): boolean {
  if (io.env.NO_COLOR) return false;
  return Boolean(io.env.FORCE_COLOR) || (stream.isTTY === true && io.env.TERM !== "dumb");
}
