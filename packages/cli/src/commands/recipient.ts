import { UmbelError } from "@umbel/core";
import type { Command } from "commander";
import { addOutputOptions, type Context, examples } from "../context.ts";
import { dataFolderPath } from "../settings.ts";

interface RecipientArguments {
  readonly data?: string;
}

/** Whom references can be sealed to: `umbel recipient create`, `show`, `list`. */
export function addRecipientCommand(program: Command, context: Context): void {
  const recipient = program
    .command("recipient")
    .helpCommand(false)
    .summary("make and show keys that references can be sealed to")
    .description(
      "A recipient is a key pair: its secret stays in the data folder, readable by its owner only; what is printed is " +
        "public, for others to seal references to (umbel publish --to, umbel ref seal).",
    )
    .addHelpText(
      "after",
      examples(["umbel recipient create alice", "umbel publish report.pdf --to umbel:recipient-..."]),
    );
  const add = (name: string, summary: string): Command =>
    addOutputOptions(
      recipient
        .command(name)
        .summary(summary)
        .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`)
        .option("--data <folder>", "where secrets are kept (UMBEL_DATA)"),
    );
  add("create <name>", "make a recipient and print it").action((name: string, options: RecipientArguments) =>
    create(name, options, context),
  );
  add("show <name>", "print a recipient of this data folder").action(
    (name: string, options: RecipientArguments) => show(name, options, context),
  );
  add("list", "print all recipients of this data folder").action((options: RecipientArguments) =>
    list(options, context),
  );
}

async function create(name: string, options: RecipientArguments, context: Context): Promise<void> {
  const { createRecipient } = await context.engine.recipients();
  const reference = await createRecipient(dataFolderPath(options.data, context.io), name);
  context.output.note("its secret has no copy: whoever loses the data folder loses what is sealed to it");
  context.output.result({ name, reference }, reference);
}

async function show(name: string, options: RecipientArguments, context: Context): Promise<void> {
  const own = (await listed(options, context)).find((each) => each.name === name);
  if (own === undefined) {
    throw new UmbelError(
      "BAD_INPUT",
      `there is no recipient "${name}" here; umbel recipient list names them`,
    );
  }
  context.output.result(own, own.reference);
}

async function list(options: RecipientArguments, context: Context): Promise<void> {
  const recipients = await listed(options, context);
  if (recipients.length === 0)
    context.output.note("there is none yet: umbel recipient create NAME makes one");
  for (const { name, reference } of recipients) context.output.line(`${name}  ${reference}`);
  context.output.result({ recipients });
}

async function listed(options: RecipientArguments, { engine, io }: Context) {
  return (await engine.recipients()).listRecipients(dataFolderPath(options.data, io));
}
