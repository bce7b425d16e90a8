import { resolve } from "node:path";
import { UmbelError } from "@umbel/core";
import type { Command } from "commander";
import { parseByteRange } from "../byte-range.ts";
import { chosenConstantRate, constantRateCost } from "../constant-rate.ts";
import { addClientOptions, addOutputOptions, type Context, cpuSeconds, examples } from "../context.ts";
import type { ClientOptions, Fetched } from "../engine.ts";
import { formatBytes, formatCount, formatSeconds, inBrackets } from "../format.ts";
import { networkOf } from "../networks.ts";
import { addPassphraseOption, readPassphrase } from "../passphrase.ts";
import { bootstrapAddresses, dataFolderPath, requireBootstrap } from "../settings.ts";

/** What the options of `addClientOptions` give. */
export interface ClientArguments {
  readonly bootstrap?: readonly string[];
  readonly data?: string;
  readonly network?: string;
  readonly constantRate?: string;
  readonly passphraseFile?: string;
  readonly edition?: string;
}

interface FetchArguments extends ClientArguments {
  readonly output?: string;
  readonly force?: boolean;
  readonly range?: string;
  readonly resume: boolean;
}

export const RANGE_HELP = "only these bytes of a file: START-END, START- or -COUNT, from 0, END included";

export function addFetchCommand(program: Command, context: Context): void {
  const command = program
    .command("fetch <reference>")
    .summary("fetch what a reference names")
    .description(
      "Fetches what a reference names, a path in a folder included, verifies every byte against it, and writes it to a file or " +
        "folder, which appears under its name only when it is complete; -o - writes to standard output as bytes are " +
        "verified. What an interrupted fetch had got is kept beside the target, and checked and used by the next one.",
    )
    .option(
      "-o, --output <path>",
      "where to put it, - for standard output; by default the published name, here",
    )
    .option("-f, --force", "replace what stands there")
    .option("--range <bytes>", RANGE_HELP)
    .option("--no-resume", "neither use nor leave what an interrupted fetch had got");
  addOutputOptions(addPassphraseOption(addEditionOption(addClientOptions(command))))
    .addHelpText(
      "after",
      examples([
        "umbel fetch umbel:file-...",
        "umbel fetch umbel:file-.../chapters/2.html -o chapter.html",
        "umbel fetch umbel:site-... --edition 3 -o old",
        "umbel fetch umbel:file-... -o - | tar x",
        "umbel fetch umbel:file-... --range 0-1048575 -o start.bin",
      ]),
    )
    .action((reference: string, options: FetchArguments) => fetch(reference, options, context));
}

/** `--edition`, for every command that reads. */
export function addEditionOption(command: Command): Command {
  return command.option("--edition <number>", "an edition of a site by its number; by default the newest");
}

/** The number of `--edition`. Throws BAD_INPUT. */
function parseEdition(text: string): number {
  const number = /^[1-9]\d{0,15}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= Number.MAX_SAFE_INTEGER) return number;
  throw new UmbelError("BAD_INPUT", `"${text}" is no number of an edition; they are counted from 1`);
}

/** What every command that reads needs of the network. Throws BAD_INPUT, BAD_CONFIG. */
export async function clientOptions(options: ClientArguments, context: Context): Promise<ClientOptions> {
  const { io, output, signal } = context;
  const dataDir = dataFolderPath(options.data, io);
  const bootstrap = requireBootstrap(await bootstrapAddresses(options.bootstrap ?? [], dataDir, io));
  const constantRate = chosenConstantRate(options.constantRate, io);
  if (constantRate !== undefined) output.note(constantRateCost(constantRate));
  return {
    ...{ bootstrap, dataDir, signal, constantRate },
    network: options.network ?? networkOf(bootstrap),
    onWarning: output.warning,
    onCircuits: (paths) => output.event("circuits", { paths }),
    passphrase: () =>
      readPassphrase(io, { what: "passphrase of the reference", file: options.passphraseFile }),
    edition: options.edition === undefined ? undefined : parseEdition(options.edition),
  };
}

async function fetch(reference: string, options: FetchArguments, context: Context): Promise<void> {
  const { io, output, engine } = context;
  const toStdout = options.output === "-";
  if (toStdout && output.json) {
    throw new UmbelError("BAD_INPUT", "--json and -o - both need standard output; leave one out");
  }
  const range = options.range === undefined ? undefined : parseByteRange(options.range);
  if (range !== undefined && options.output === undefined) {
    throw new UmbelError(
      "BAD_INPUT",
      "--range: say with -o where this part goes, so that it is not taken for the whole",
    );
  }
  context.pointAt(reference);
  const client = await clientOptions(options, context);
  const bar = output.progress("fetch");
  try {
    const fetched = await engine.fetchReference(reference, {
      ...client,
      output: toStdout || options.output === undefined ? options.output : resolve(io.cwd, options.output),
      cwd: io.cwd,
      force: options.force === true,
      stdout: io.stdout,
      ...{ range, resume: options.resume },
      onProgress: bar.update,
      onKept: (path) => {
        bar.end();
        output.event("kept", { path });
        output.note(`what has arrived is kept in ${path}; the same command goes on from there`);
      },
    });
    bar.end();
    report(fetched, context);
  } finally {
    bar.end();
  }
}

function report(fetched: Fetched, { output }: Context): void {
  const { bytes, keptBytes, seconds, files, sha256 } = fetched;
  const what = files === 1 ? formatBytes(bytes) : `${formatCount(files, "file")}, ${formatBytes(bytes)}`;
  const kept = keptBytes > 0 ? `, ${formatBytes(keptBytes)} of it by an earlier run` : "";
  output.note(
    `fetched ${what} in ${formatSeconds(seconds)}${inBrackets(bytes - keptBytes, seconds)}${kept}, every byte verified\nsha256 ${sha256}`,
  );
  const result = { ...fetched, cpuSeconds: cpuSeconds() };
  if (fetched.output === "-") output.result(result);
  else output.result(result, fetched.output);
}
