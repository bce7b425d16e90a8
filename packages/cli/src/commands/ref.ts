import { parseReference, UmbelError } from "@umbel/core";
import type { Command } from "commander";
import { addClientOptions, addOutputOptions, type Context, examples } from "../context.ts";
import { addPassphraseOption, readPassphrase } from "../passphrase.ts";
import { explain, explanationLines } from "../reference-words.ts";
import { dataFolderPath } from "../settings.ts";
import type { OpenedReference, ReferenceKeys, Wrapping } from "../wiring/references.ts";
import { type ClientArguments, clientOptions } from "./fetch.ts";

interface RefArguments {
  readonly data?: string;
  readonly passphraseFile?: string;
  readonly open?: boolean;
  readonly weaker?: boolean;
  readonly to?: string;
}

type Action = (reference: string, options: RefArguments, context: Context) => Promise<void>;

/** What can be done with a reference on this machine alone. */
export function addRefCommand(program: Command, context: Context): void {
  const ref = program
    .command("ref")
    .helpCommand(false)
    .summary("explain, weaken, lock or seal a reference, without the network")
    .description("Works on references. All but `ref file` is done on this machine alone.")
    .addHelpText(
      "after",
      examples([
        "umbel ref show umbel:file-...",
        "umbel ref verify umbel:site-...",
        "umbel ref file umbel:site-.../report.pdf",
        "umbel ref lock umbel:file-...",
        "umbel ref seal umbel:file-... --to umbel:recipient-...",
      ]),
    );
  const add = (name: string, summary: string, description: string, action: Action): Command =>
    addKeyOptions(ref.command(`${name} <reference>`).summary(summary).description(description)).action(
      (reference: string, options: RefArguments) => {
        context.pointAt(reference);
        return action(reference, options, context);
      },
    );
  add("show", "say what a reference is, lets one do, and does not do", SHOW, show)
    .option("--open", "open it first, if it is locked or sealed")
    .option("--weaker", "print the references that follow from it, too");
  add("verify", "print the reference that lets others repair without reading", VERIFY, verify);
  add("site", "print the site of an owner's secret or of an edition", SITE, site);
  addOutputOptions(addPassphraseOption(addClientOptions(ref.command("file <reference>"))))
    .summary("print a reference of its own for one file, over the network")
    .description(FILE)
    .action((reference: string, options: ClientArguments) => file(reference, options, context));
  add("open", "print what is inside a locked or sealed reference", OPEN, open);
  add("lock", "lock a reference with a passphrase", LOCK, lock);
  add("seal", "seal a reference to a recipient", SEAL, seal).requiredOption(
    "--to <recipient>",
    "umbel:recipient-..., or the name of a recipient of this data folder",
  );
}

const SHOW =
  "Explains a reference: what it is, what it lets one do, who learns what, and what it does not do. " +
  "A locked or sealed one is opened only with --open.";
const VERIFY =
  "Prints the verify reference that follows from a file or site: whoever has it can check the content and put missing " +
  "blocks back, learns ids and sizes to a block, and cannot read. Nothing that reads follows from it.";
const SITE = "Prints the site reference that follows from an owner's secret or from an edition.";
const FILE =
  "Prints a reference of its own for a file in a folder, to be given away without the folder, or for what a site or edition " +
  "holds now. Asks the network for the folder's table. A path after a reference gives away the whole, not the part.";
const OPEN = "Prints the reference that is inside a locked or sealed one.";
const LOCK = "Prints a reference that is of use only with a passphrase, which is asked for.";
const SEAL = "Prints a reference that only the recipient can open.";

function addKeyOptions(command: Command): Command {
  const withData = command.option("--data <folder>", "where recipients' secrets are kept (UMBEL_DATA)");
  return addOutputOptions(addPassphraseOption(withData));
}

async function show(text: string, options: RefArguments, context: Context): Promise<void> {
  const { output } = context;
  const reference = options.open === true ? await opened(text, options, context) : parseReference(text);
  const explanation = explain(reference);
  const weaker =
    options.weaker === true ? (await context.engine.references()).weakerTexts(reference) : undefined;
  if ("seed" in reference) reference.seed.wipe();
  for (const line of explanationLines(explanation)) output.line(line);
  if (weaker?.length === 0) output.line("Nothing weaker follows from it without the network.");
  else if (weaker !== undefined) output.line("Weaker references that follow from it:");
  output.result(
    { kind: reference.kind, ...explanation, ...(weaker === undefined ? {} : { weaker }) },
    weaker?.map((each) => `  ${each}`).join("\n") || undefined,
  );
}

async function verify(text: string, options: RefArguments, context: Context): Promise<void> {
  const reference = await opened(text, options, context);
  print(context, (await context.engine.references()).verifyText(reference));
}

async function site(text: string, options: RefArguments, context: Context): Promise<void> {
  const reference = await opened(text, options, context);
  print(context, (await context.engine.references()).siteText(reference));
}

async function file(text: string, options: ClientArguments, context: Context): Promise<void> {
  context.pointAt(text);
  print(context, await context.engine.ownReference(text, await clientOptions(options, context)));
}

async function open(text: string, options: RefArguments, context: Context): Promise<void> {
  const { kind } = parseReference(text);
  if (kind !== "locked" && kind !== "sealed") {
    throw new UmbelError("BAD_INPUT", `a ${kind} reference is neither locked nor sealed`);
  }
  const reference = await opened(text, options, context);
  print(context, (await context.engine.references()).openedText(reference));
}

async function lock(text: string, options: RefArguments, context: Context): Promise<void> {
  const references = await context.engine.references();
  references.checkWrappable(text);
  const passphrase = await newPassphrase(options.passphraseFile, context);
  print(context, await references.wrapReference(text, { kind: "passphrase", passphrase }));
}

async function seal(text: string, options: RefArguments, context: Context): Promise<void> {
  const references = await context.engine.references();
  references.checkWrappable(text);
  const wrapping = await references.wrappingFor(dataFolderPath(options.data, context.io), options.to ?? "");
  print(context, await references.wrapReference(text, wrapping));
}

async function opened(text: string, options: RefArguments, context: Context): Promise<OpenedReference> {
  const references = await context.engine.references();
  return references.openInner(text, referenceKeys(options, context));
}

function print({ output }: Context, reference: string): void {
  output.result({ reference }, reference);
}

/** How a command with --data and --passphrase-file opens locked and sealed references. */
export function referenceKeys(
  options: { readonly data?: string; readonly passphraseFile?: string },
  { io }: Pick<Context, "io">,
): ReferenceKeys {
  return {
    dataDir: dataFolderPath(options.data, io),
    passphrase: () =>
      readPassphrase(io, { what: "passphrase of the reference", file: options.passphraseFile }),
  };
}

/** What a publish with --passphrase or --to does to the reference before it is printed; undefined for nothing. */
export async function chosenWrapping(
  options: {
    readonly data?: string;
    readonly passphrase?: boolean;
    readonly passphraseFile?: string;
    readonly to?: string;
  },
  context: Context,
): Promise<Wrapping | undefined> {
  const locks = options.passphrase === true || options.passphraseFile !== undefined;
  if (locks && options.to !== undefined) {
    throw new UmbelError("BAD_INPUT", "--passphrase and --to both say who may read; choose one");
  }
  if (locks) return { kind: "passphrase", passphrase: await newPassphrase(options.passphraseFile, context) };
  if (options.to === undefined) return undefined;
  const references = await context.engine.references();
  return references.wrappingFor(dataFolderPath(options.data, context.io), options.to);
}

/** Characters below which a passphrase is called short: six random words have more. */
const SHORT_PASSPHRASE = 16;

async function newPassphrase(file: string | undefined, { io, output }: Context): Promise<string> {
  const passphrase = await readPassphrase(io, { what: "new passphrase", file, confirm: true });
  if ([...passphrase].length < SHORT_PASSPHRASE) {
    output.warning("a short passphrase can be guessed by whoever has the reference; six random words cannot");
  }
  return passphrase;
}
