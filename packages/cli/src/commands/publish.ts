import { basename, resolve } from "node:path";
import { UmbelError } from "@umbel/core";
import type { Command } from "commander";
import { chosenConstantRate, constantRateCost } from "../constant-rate.ts";
import { addClientOptions, addOutputOptions, type Context, cpuSeconds, examples } from "../context.ts";
import type { Published } from "../engine.ts";
import { formatBytes, formatCount, formatSeconds, inBrackets } from "../format.ts";
import { networkOf } from "../networks.ts";
import { bootstrapAddresses, dataFolderPath, requireBootstrap } from "../settings.ts";

interface PublishArguments {
  readonly bootstrap?: readonly string[];
  readonly data?: string;
  readonly network?: string;
  readonly constantRate?: string;
  readonly name?: string;
  readonly hidden?: boolean;
}

export function addPublishCommand(program: Command, context: Context): void {
  const command = program
    .command("publish <path>")
    .summary("put a file or folder into the network and print its reference")
    .description(
      "Puts a file, a folder, or standard input (-) into the network and prints its reference, alone, on " +
        "standard output. Whoever has the reference can read it; the machine may then be switched off.",
    )
    .option("--name <name>", "the name readers see; by default that of the file or folder")
    .option("--hidden", "take the files of a folder whose names start with a dot, too");
  addOutputOptions(addClientOptions(command))
    .addHelpText(
      "after",
      examples([
        "umbel publish report.pdf",
        "umbel publish ./site --json",
        "tar c photos | umbel publish - --name photos.tar",
      ]),
    )
    .action((path: string, options: PublishArguments) => publish(path, options, context));
}

async function publish(path: string, options: PublishArguments, context: Context): Promise<void> {
  const { io, output, engine, signal } = context;
  if (path === "") throw new UmbelError("BAD_INPUT", "the path is empty; . stands for this folder");
  const dataDir = dataFolderPath(options.data, io);
  const bootstrap = requireBootstrap(await bootstrapAddresses(options.bootstrap ?? [], dataDir, io));
  const constantRate = chosenConstantRate(options.constantRate, io);
  if (constantRate !== undefined) output.note(constantRateCost(constantRate));
  const bar = output.progress("publish");
  try {
    const published = await engine.publishPath(path === "-" ? path : resolve(io.cwd, path), {
      bootstrap,
      dataDir,
      network: options.network ?? networkOf(bootstrap),
      name: options.name ?? (path === "-" ? undefined : basename(resolve(io.cwd, path))),
      hidden: options.hidden === true,
      stdin: io.stdin,
      signal,
      constantRate,
      onProgress: bar.update,
      onWarning: output.warning,
      onCircuits: (paths) => output.event("circuits", { paths }),
    });
    bar.end();
    report(published, context);
  } finally {
    bar.end();
  }
}

function report(published: Published, { output }: Context): void {
  const { bytes, blocks, copies, seconds, reference, files, skipped } = published;
  const what = files === 1 ? formatBytes(bytes) : `${formatCount(files, "file")}, ${formatBytes(bytes)}`;
  output.note(
    `published ${what} in ${formatSeconds(seconds)}${inBrackets(bytes, seconds)}\n` +
      `${formatCount(blocks, "block")}, ${copies.toLocaleString("en-US")} copies confirmed`,
  );
  if (skipped > 0) {
    output.warning(`left out ${skipped} whose name starts with a dot; --hidden takes them, too`);
  }
  output.result({ ...published, cpuSeconds: cpuSeconds() }, reference);
}
