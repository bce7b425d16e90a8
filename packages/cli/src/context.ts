import type { Command } from "commander";
import { CONSTANT_RATE_HELP } from "./constant-rate.ts";
import type { WholeEngine } from "./engine-parts.ts";
import type { Io } from "./io.ts";
import type { Output } from "./output.ts";

/** What every command is given. */
export interface Context {
  readonly io: Io;
  readonly output: Output;
  readonly engine: WholeEngine;
  /** Aborted by the first Ctrl-C or SIGTERM, and when the reader of standard output went away. */
  readonly signal: AbortSignal;
  /** Names the reference whose character an error's position means. */
  pointAt(text: string): void;
}

/** The options that every command has. */
export function addOutputOptions(command: Command): Command {
  return command
    .option("--json", "one JSON object per line on standard output, the last one the result or the error")
    .option("-q, --quiet", "no progress and no messages, only the result");
}

/** What `--bootstrap` means, for every command that has it. */
export const BOOTSTRAP_HELP =
  "a node to start from, ws://HOST:PORT#NODE-ID; repeat for more (UMBEL_BOOTSTRAP, with commas)";

/** The options that say where the network is. */
export function addClientOptions(command: Command): Command {
  return command
    .option("-b, --bootstrap <url>", BOOTSTRAP_HELP, collect)
    .option("--data <folder>", "where guards, directory and settings are kept (UMBEL_DATA)")
    .option("--network <name>", "main or local; by default what the bootstrap addresses say")
    .option("--constant-rate <bytes>", CONSTANT_RATE_HELP);
}

/** Gathers a repeatable option; several may also stand in one value, separated by commas. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...value.split(",").filter((part) => part !== "")];
}

/** Lines at the end of a command's help. */
export function examples(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}\n`;
}

/** Resolves when `signal` aborts. */
export function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** Resolves when `signal` aborts or standard input ends: the latter is how a child notices that its parent died. */
export function stdinClosed({ io, signal }: Pick<Context, "io" | "signal">): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    const end = () => resolve();
    io.stdin.on("end", end).on("close", end).on("error", end).resume();
  });
  return Promise.race([ended, stopped(signal)]).finally(() => io.stdin.destroy());
}

/** Processor time of this process so far, in seconds. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
