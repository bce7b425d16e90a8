import { resolve } from "node:path";
import { UmbelError } from "@umbel/core";
import type { Command } from "commander";
import { chosenConstantRate, constantRateCost } from "../constant-rate.ts";
import { addClientOptions, addOutputOptions, type Context, cpuSeconds, examples } from "../context.ts";
import type { Fetched } from "../engine.ts";
import { formatBytes, formatCount, formatSeconds, inBrackets } from "../format.ts";
import { networkOf } from "../networks.ts";
import { bootstrapAddresses, dataFolderPath, requireBootstrap } from "../settings.ts";

interface FetchArguments {
  readonly bootstrap?: readonly string[];
  readonly data?: string;
  readonly network?: string;
  readonly constantRate?: string;
  readonly output?: string;
  readonly force?: boolean;
}

export function addFetchCommand(program: Command, context: Context): void {
  const command = program
    .command("fetch <reference>")
    .summary("fetch what a reference names")
    .description(
      "Fetches what a reference names, verifies every byte against it, and writes it to a file or folder, which " +
        "appears under its name only when it is complete; -o - writes to standard output as bytes are verified.",
    )
    .option(
      "-o, --output <path>",
      "where to put it, - for standard output; by default the published name, here",
    )
    .option("-f, --force", "replace what stands there");
  addOutputOptions(addClientOptions(command))
    .addHelpText(
      "after",
      examples([
        "umbel fetch umbel:file-...",
        "umbel fetch umbel:file-... -o report.pdf",
        "umbel fetch umbel:file-... -o - | tar x",
      ]),
    )
    .action((reference: string, options: FetchArguments) => fetch(reference, options, context));
}

async function fetch(reference: string, options: FetchArguments, context: Context): Promise<void> {
  const { io, output, engine, signal } = context;
  const toStdout = options.output === "-";
  if (toStdout && output.json) {
    throw new UmbelError("BAD_INPUT", "--json and -o - both need standard output; leave one out");
  }
  context.pointAt(reference);
  const dataDir = dataFolderPath(options.data, io);
  const bootstrap = requireBootstrap(await bootstrapAddresses(options.bootstrap ?? [], dataDir, io));
  const constantRate = chosenConstantRate(options.constantRate, io);
  if (constantRate !== undefined) output.note(constantRateCost(constantRate));
  const bar = output.progress("fetch");
  try {
    const fetched = await engine.fetchReference(reference, {
      bootstrap,
      dataDir,
      network: options.network ?? networkOf(bootstrap),
      output: toStdout || options.output === undefined ? options.output : resolve(io.cwd, options.output),
      cwd: io.cwd,
      force: options.force === true,
      stdout: io.stdout,
      signal,
      constantRate,
      onProgress: bar.update,
      onWarning: output.warning,
      onCircuits: (paths) => output.event("circuits", { paths }),
    });
    bar.end();
    report(fetched, context);
  } finally {
    bar.end();
  }
}

function report(fetched: Fetched, { output }: Context): void {
  const { bytes, seconds, files, sha256 } = fetched;
  const what = files === 1 ? formatBytes(bytes) : `${formatCount(files, "file")}, ${formatBytes(bytes)}`;
  output.note(
    `fetched ${what} in ${formatSeconds(seconds)}${inBrackets(bytes, seconds)}, every byte verified\nsha256 ${sha256}`,
  );
  const result = { ...fetched, cpuSeconds: cpuSeconds() };
  if (fetched.output === "-") output.result(result);
  else output.result(result, fetched.output);
}
