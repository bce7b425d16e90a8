import { UmbelError } from "@umbel/core";
import type { Command } from "commander";
import { parseByteRange } from "../byte-range.ts";
import { addClientOptions, addOutputOptions, type Context, examples } from "../context.ts";
import { addPassphraseOption } from "../passphrase.ts";
import { addEditionOption, type ClientArguments, clientOptions, RANGE_HELP } from "./fetch.ts";

interface CatArguments extends ClientArguments {
  readonly range?: string;
}

export function addCatCommand(program: Command, context: Context): void {
  const command = program
    .command("cat <reference>")
    .summary("write a file to standard output")
    .description(
      "Writes a file, or a file in a folder, to standard output as its bytes arrive, each verified against the reference before.",
    )
    .option("--range <bytes>", RANGE_HELP);
  addOutputOptions(addPassphraseOption(addEditionOption(addClientOptions(command))))
    .addHelpText(
      "after",
      examples(["umbel cat umbel:file-.../notes.txt", "umbel cat umbel:file-... --range -1000"]),
    )
    .action((reference: string, options: CatArguments) => cat(reference, options, context));
}

async function cat(reference: string, options: CatArguments, context: Context): Promise<void> {
  const { io, output, engine } = context;
  if (output.json) throw new UmbelError("BAD_INPUT", "--json needs standard output, where the file goes");
  const range = options.range === undefined ? undefined : parseByteRange(options.range);
  context.pointAt(reference);
  await engine.fetchReference(reference, {
    ...(await clientOptions(options, context)),
    ...{ output: "-", cwd: io.cwd, force: false, stdout: io.stdout, range },
  });
}
