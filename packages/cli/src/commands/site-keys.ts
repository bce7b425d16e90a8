import type { Readable } from "node:stream";
import { UmbelError } from "@umbel/core";
import type { Command } from "commander";
import { addOutputOptions, type Context } from "../context.ts";
import { readFileIfPresent } from "../files/atomic-file.ts";
import { readPassphrase } from "../passphrase.ts";
import { dataFolderPath } from "../settings.ts";
import type { AskPassphrase } from "../wiring/site-keys.ts";

/** Options of commands that open a site's key. */
export interface SiteKeyArguments {
  readonly data?: string;
  readonly passphraseFile?: string;
}

/** What --passphrase-file means, for every command that opens a site's key. */
export const KEY_PASSPHRASE_HELP =
  "passphrase of the site's key: the first line of a file (or UMBEL_PASSPHRASE)";

interface CreateArguments extends SiteKeyArguments {
  readonly passphrase?: boolean;
}

interface RestoreArguments extends CreateArguments {
  readonly from?: string;
}

/** Asks for the passphrase of a site's key when it turns out to be locked. */
export function askPassphrase(name: string, options: SiteKeyArguments, { io }: Context): AskPassphrase {
  return () => readPassphrase(io, { what: `passphrase of the site ${name}`, file: options.passphraseFile });
}

/** `umbel site create`, `list`, `backup`, `restore`: what is done on this machine alone. */
export function addSiteKeyCommands(site: Command, context: Context): void {
  const add = (name: string, summary: string, description: string): Command =>
    addOutputOptions(
      site
        .command(name)
        .summary(summary)
        .description(description)
        .option("--data <folder>", "where keys are kept (UMBEL_DATA)"),
    );
  const locked = (command: Command): Command =>
    command
      .option("--passphrase", "seal the key under a passphrase, which is asked for")
      .option("--passphrase-file <file>", KEY_PASSPHRASE_HELP);
  locked(add("create <name>", "make a site and print its reference", CREATE)).action(
    (name: string, options: CreateArguments) => create(name, options, context),
  );
  add(
    "list",
    "print the sites of this data folder",
    "Prints the sites whose keys lie in this data folder.",
  ).action((options: SiteKeyArguments) => list(options, context));
  add("backup <name>", "print the key of a site as 24 words", BACKUP)
    .option("--passphrase-file <file>", KEY_PASSPHRASE_HELP)
    .action((name: string, options: SiteKeyArguments) => backup(name, options, context));
  locked(add("restore <name>", "put a site's key back from its 24 words", RESTORE))
    .option("--from <file>", "read the words from a file; by default from standard input")
    .action((name: string, options: RestoreArguments) => restore(name, options, context));
}

const CREATE =
  "Makes the key of a site in the data folder, readable by its owner only, and prints the site's reference. With " +
  "--passphrase the key is sealed, too.";
const BACKUP =
  "Prints the 24 words that a site's key is. Whoever sees them can publish under the site for ever: write them down, and " +
  "keep them where this machine's thief does not come.";
const RESTORE =
  "Puts a site's key back from its 24 words or from umbel:owner-..., on standard input or in a file. The next publish says " +
  "what the network has and goes on from there with --adopt.";
/** Longest backup that is read, in bytes. */
const MAX_BACKUP_BYTES = 4_096;

async function create(name: string, options: CreateArguments, context: Context): Promise<void> {
  const { createSite } = await context.engine.sites();
  const dataDir = dataFolderPath(options.data, context.io);
  const made = await createSite(dataDir, name, await newPassphrase(name, options, context));
  context.output.note(`back the key up now: umbel site backup ${name}`);
  context.output.result({ ...made }, made.reference);
}

async function list(options: SiteKeyArguments, context: Context): Promise<void> {
  const { listSites } = await context.engine.sites();
  const sites = await listSites(dataFolderPath(options.data, context.io));
  if (sites.length === 0) context.output.note("there is none yet: umbel site create NAME makes one");
  for (const { name, reference, isLocked } of sites)
    context.output.line(`${name}  ${reference}${isLocked ? "  (passphrase)" : ""}`);
  context.output.result({ sites });
}

async function backup(name: string, options: SiteKeyArguments, context: Context): Promise<void> {
  const { backupSite } = await context.engine.sites();
  const dataDir = dataFolderPath(options.data, context.io);
  const words = await backupSite(dataDir, name, askPassphrase(name, options, context));
  context.output.note("whoever sees these words can publish under the site, for ever");
  context.output.result({ name, words }, words);
}

async function restore(name: string, options: RestoreArguments, context: Context): Promise<void> {
  const { restoreSite } = await context.engine.sites();
  const dataDir = dataFolderPath(options.data, context.io);
  const words = await wordsOf(options, context);
  const made = await restoreSite(dataDir, name, words, await newPassphrase(name, options, context));
  context.output.note("its next publish needs --adopt, which goes on from the network's newest edition");
  context.output.result({ ...made }, made.reference);
}

async function newPassphrase(
  name: string,
  options: CreateArguments,
  { io }: Context,
): Promise<string | undefined> {
  if (options.passphrase !== true && options.passphraseFile === undefined) return undefined;
  const what = `new passphrase of the site ${name}`;
  return readPassphrase(io, { what, file: options.passphraseFile, confirm: true });
}

async function wordsOf({ from }: RestoreArguments, { io, output }: Context): Promise<string> {
  if (from === undefined) {
    output.note("type or paste the 24 words, then Ctrl-D");
    return readText(io.stdin);
  }
  const content = await readFileIfPresent(from, MAX_BACKUP_BYTES);
  if (content === undefined)
    throw new UmbelError("READ_FAILED", `cannot read ${from}: there is no such file, or it is no backup`);
  return new TextDecoder().decode(content);
}

async function readText(stdin: Readable): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stdin) {
    const part = typeof chunk === "string" ? new TextEncoder().encode(chunk) : (chunk as Uint8Array);
    bytes += part.length;
    if (bytes > MAX_BACKUP_BYTES) throw new UmbelError("BAD_INPUT", "that is longer than 24 words");
    chunks.push(part);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}
