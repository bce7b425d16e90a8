import type { Readable } from "node:stream";
import { UmbelError } from "@umbel/core";
import type { Command } from "commander";
import { readFileIfPresent } from "./files/atomic-file.ts";
import type { Io } from "./io.ts";

/** How a command gets at a passphrase. It is never an argument: other users of the machine see those. */
export interface PassphraseRequest {
  /** What is asked on a terminal: "passphrase of the reference". */
  readonly what: string;
  /** The file of --passphrase-file. */
  readonly file?: string | undefined;
  /** Ask twice, where a new passphrase is made. */
  readonly confirm?: boolean;
}

/** What --passphrase-file means, for every command that has it. */
export const PASSPHRASE_FILE_HELP = "take the passphrase from the first line of a file (or UMBEL_PASSPHRASE)";

/** The option of every command that may meet a locked reference. */
export function addPassphraseOption(command: Command): Command {
  return command.option("--passphrase-file <file>", PASSPHRASE_FILE_HELP);
}

/** Longest passphrase file that is read, in bytes. */
const MAX_FILE_BYTES = 4096;

/**
 * The passphrase: from --passphrase-file, else UMBEL_PASSPHRASE, else asked on the terminal without showing it. Throws BAD_INPUT
 * where none can be had, READ_FAILED, ABORTED at Ctrl-C.
 */
export async function readPassphrase(io: Io, request: PassphraseRequest): Promise<string> {
  const given =
    request.file === undefined ? io.env.UMBEL_PASSPHRASE || undefined : await firstLine(request.file);
  const passphrase = given ?? (await askTerminal(io, request));
  if (passphrase === "") throw new UmbelError("BAD_INPUT", "the passphrase is empty");
  return passphrase;
}

async function firstLine(path: string): Promise<string> {
  const content = await readFileIfPresent(path, MAX_FILE_BYTES);
  if (content === undefined) {
    throw new UmbelError(
      "READ_FAILED",
      `cannot read ${path}: there is no such file, or it is no passphrase file`,
    );
  }
  return new TextDecoder().decode(content).split(/\r?\n/, 1)[0] as string;
}

async function askTerminal(io: Io, { what, confirm }: PassphraseRequest): Promise<string> {
  const terminal = terminalOf(io);
  if (terminal === undefined) {
    throw new UmbelError(
      "BAD_INPUT",
      `the ${what} is needed, and there is no terminal to ask on: set UMBEL_PASSPHRASE or give --passphrase-file`,
    );
  }
  const first = await askHidden(io, terminal, `${what}: `);
  if (confirm === true && (await askHidden(io, terminal, `${what}, again: `)) !== first) {
    throw new UmbelError("BAD_INPUT", "the two passphrases differ");
  }
  return first;
}

type Terminal = Readable & { setRawMode(raw: boolean): unknown };

function terminalOf({ stdin, stderr }: Io): Terminal | undefined {
  const terminal = stdin as Terminal & { readonly isTTY?: boolean };
  return terminal.isTTY === true && stderr.isTTY === true ? terminal : undefined;
}

/** One line, typed without an echo. */
async function askHidden(io: Io, terminal: Terminal, prompt: string): Promise<string> {
  io.stderr.write(prompt);
  terminal.setRawMode(true);
  try {
    return await typedLine(terminal);
  } finally {
    terminal.setRawMode(false);
    terminal.pause();
    io.stderr.write("\n");
  }
}

function typedLine(terminal: Terminal): Promise<string> {
  const decoder = new TextDecoder();
  let typed: string[] = [];
  return new Promise((resolve, reject) => {
    const end = (finish: () => void) => {
      terminal.off("data", onData).off("end", onEnd);
      finish();
    };
    const onEnd = () => end(() => reject(new UmbelError("ABORTED", "interrupted")));
    const onData = (chunk: Uint8Array) => {
      for (const character of decoder.decode(chunk, { stream: true })) {
        if (character === KEY.enter || character === KEY.lineFeed) return end(() => resolve(typed.join("")));
        if (character === KEY.interrupt || (character === KEY.endOfText && typed.length === 0))
          return onEnd();
        if (character === KEY.erase || character === KEY.backspace) typed.pop();
        else if (character === KEY.eraseAll) typed = [];
        else if (character >= " ") typed.push(character);
      }
    };
    terminal.on("data", onData).on("end", onEnd).resume();
  });
}

/** In raw mode, keys arrive as what they send. */
const KEY = {
  enter: "\r",
  lineFeed: "\n",
  interrupt: "\u0003",
  endOfText: "\u0004",
  backspace: "\b",
  erase: "\u007f",
  eraseAll: "\u0015",
} as const;
