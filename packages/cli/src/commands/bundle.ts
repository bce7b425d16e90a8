import { resolve } from "node:path";
import type { Command } from "commander";
import { addClientOptions, addOutputOptions, type Context, cpuSeconds, examples } from "../context.ts";
import { formatBytes, formatCount, formatSeconds, inBrackets } from "../format.ts";
import { addPassphraseOption } from "../passphrase.ts";
import { type ClientArguments, clientOptions } from "./fetch.ts";

interface ExportArguments extends ClientArguments {
  readonly output: string;
  readonly force?: boolean;
  readonly parity: boolean;
}

/** `umbel bundle`: content as one file, for carrying by hand. */
export function addBundleCommand(program: Command, context: Context): void {
  const bundle = program
    .command("bundle")
    .summary("carry the encrypted blocks of some content as a file")
    .description(
      "Writes the encrypted blocks of a file, folder or site into one file, or puts such a file into a network. Whoever carries or " +
        "imports it cannot read it: it holds no key, and does not say what it is. It does say how many blocks there are.",
    )
    .helpCommand(false);
  addExport(bundle, context);
  addImport(bundle, context);
}

function addExport(bundle: Command, context: Context): void {
  const command = bundle
    .command("export <reference>")
    .summary("write the blocks of a reference to a file")
    .description(
      "Fetches every block that a reference leads to and writes them to a file, in the order of their ids; what the network has " +
        "lost is decoded first. A verify reference is enough.",
    )
    .requiredOption("-o, --output <file>", "the file to write")
    .option("-f, --force", "replace what stands there")
    .option("--no-parity", "a fifth smaller, but whoever imports it cannot make parity: it is lost sooner");
  addOutputOptions(addPassphraseOption(addClientOptions(command)))
    .addHelpText("after", examples(["umbel bundle export umbel:file-... -o archive.umbel"]))
    .action((reference: string, options: ExportArguments) => exportTo(reference, options, context));
}

function addImport(bundle: Command, context: Context): void {
  const command = bundle
    .command("import <file>")
    .summary("put the blocks of a bundle into the network")
    .description(
      "Checks every block of a bundle, then puts all of them into the network, roots last. What an earlier import of the same bundle " +
        "had put is not put again. Nothing of it can be read without its reference.",
    );
  addOutputOptions(addClientOptions(command))
    .addHelpText("after", examples(["umbel bundle import archive.umbel"]))
    .action((path: string, options: ClientArguments) => importFrom(path, options, context));
}

async function exportTo(reference: string, options: ExportArguments, context: Context): Promise<void> {
  const { io, engine, output } = context;
  context.pointAt(reference);
  const client = await clientOptions(options, context);
  const bar = output.progress("bundle");
  try {
    const { exportReference } = await engine.bundles();
    const exported = await exportReference(reference, {
      ...{ ...client, onProgress: bar.update, parity: options.parity },
      ...{ output: resolve(io.cwd, options.output), force: options.force === true },
    });
    bar.end();
    const { blocks, bytes, seconds } = exported;
    output.note(
      `bundled ${formatCount(blocks, "block")}, ${formatBytes(bytes)}, in ${formatSeconds(seconds)}${inBrackets(bytes, seconds)}`,
    );
    output.result({ ...exported, cpuSeconds: cpuSeconds() }, exported.output);
  } finally {
    bar.end();
  }
}

async function importFrom(path: string, options: ClientArguments, context: Context): Promise<void> {
  const { io, engine, output } = context;
  const client = await clientOptions(options, context);
  const bar = output.progress("import");
  try {
    const { importFile } = await engine.bundles();
    const imported = await importFile(resolve(io.cwd, path), { ...client, onProgress: bar.update });
    bar.end();
    const { blocks, known, confirmations, seconds } = imported;
    if (known > 0) output.note(`${formatCount(known, "block")} had been put before`);
    output.note(`${confirmations.toLocaleString("en-US")} copies confirmed in ${formatSeconds(seconds)}`);
    output.result(
      { ...imported, cpuSeconds: cpuSeconds() },
      `${formatCount(blocks, "block")} are in the network`,
    );
  } finally {
    bar.end();
  }
}
