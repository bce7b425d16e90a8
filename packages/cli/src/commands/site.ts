import { resolve } from "node:path";
import { UmbelError } from "@umbel/core";
import type { Command } from "commander";
import { addClientOptions, addOutputOptions, type Context, cpuSeconds, examples } from "../context.ts";
import { formatBytes, formatCount, formatSeconds } from "../format.ts";
import type { SitePublished } from "../wiring/site.ts";
import { type ClientArguments, clientOptions } from "./fetch.ts";
import {
  addSiteKeyCommands,
  askPassphrase,
  KEY_PASSPHRASE_HELP,
  type SiteKeyArguments,
} from "./site-keys.ts";
import { addSiteReaderCommands } from "./site-readers.ts";

interface OwnerArguments extends ClientArguments, SiteKeyArguments {
  readonly adopt?: boolean;
  readonly text?: string;
}

interface PublishArguments extends OwnerArguments {
  readonly title?: string;
  readonly time?: boolean;
  readonly forget?: boolean;
  readonly hidden?: boolean;
  readonly receipt: boolean;
}

const ADOPT_HELP =
  "go on from the network's newest edition although it was not published from this data folder";

/** Sites: `umbel site create`, `publish`, `history`, `watch` and the rest. */
export function addSiteCommand(program: Command, context: Context): void {
  const site = program
    .command("site")
    .summary("make, publish and watch sites: content that its owner can change")
    .description(
      "A site is a key: whoever has it publishes editions, and its reference, umbel:site-..., always leads to the newest. " +
        "The key lies in the data folder; back it up.",
    )
    .addHelpText(
      "after",
      examples([
        "umbel site create blog",
        "umbel site publish blog ./public",
        "umbel fetch umbel:site-.../index.html",
        "umbel site watch umbel:site-...",
      ]),
    );
  addSiteKeyCommands(site, context);
  addPublishCommand(site, context);
  addSiteReaderCommands(site, context);
  addLastingCommands(site, context);
}

function addPublishCommand(site: Command, context: Context): void {
  const command = site
    .command("publish <name> <path>")
    .summary("publish a folder or file as the next edition of a site")
    .description(
      "Publishes a folder or file as the next edition of a site and prints the site's reference. Only what changed is " +
        "uploaded. Earlier editions stay readable by number, also by who gets the reference later.",
    )
    .option("--title <text>", "what readers see of this edition")
    .option("--time", "tell readers when it was published")
    .option("--forget", "name no earlier editions to readers")
    .option("--adopt", ADOPT_HELP)
    .option("--hidden", "take the files of a folder whose names start with a dot, too")
    .option("--no-receipt", "do not fetch a sample back before readers are led to the new edition")
    .option("--passphrase-file <file>", KEY_PASSPHRASE_HELP);
  addOutputOptions(addClientOptions(command))
    .addHelpText(
      "after",
      examples(["umbel site publish blog ./public", 'umbel site publish blog . --title "May"']),
    )
    .action((name: string, path: string, options: PublishArguments) => publish(name, path, options, context));
}

async function publish(
  name: string,
  path: string,
  options: PublishArguments,
  context: Context,
): Promise<void> {
  const { io, output, engine } = context;
  const client = await clientOptions(options, context);
  const { publishSite } = await engine.sites();
  const bar = output.progress("publish");
  try {
    const published = await publishSite(name, resolve(io.cwd, path), {
      ...{ ...client, passphrase: askPassphrase(name, options, context), onProgress: bar.update },
      ...{ title: options.title, time: options.time === true, adopt: options.adopt === true },
      ...{ forget: options.forget === true, hidden: options.hidden === true, receipt: options.receipt },
    });
    bar.end();
    report(published, context);
  } finally {
    bar.end();
  }
}

function report(published: SitePublished, { output }: Context): void {
  const { number, isNew, files, bytes, puts, placements, seconds, skipped, reference, receipt } = published;
  const what = `${formatCount(files, "file")}, ${formatBytes(bytes)}`;
  output.note(
    isNew
      ? `edition ${number}: ${what} in ${formatSeconds(seconds)}; ${puts} of ${placements} blocks were put`
      : `nothing changed: edition ${number} stays the newest`,
  );
  if (receipt !== undefined) output.note(`${receipt.confirmed} of ${receipt.asked} blocks came back`);
  if (skipped > 0)
    output.warning(`left out ${skipped} whose name starts with a dot; --hidden takes them, too`);
  output.result({ ...published, cpuSeconds: cpuSeconds() }, reference);
}

/** What cannot be taken back. */
function addLastingCommands(site: Command, context: Context): void {
  const add = (name: string, summary: string, description: string): Command =>
    addOutputOptions(
      addClientOptions(
        site
          .command(name)
          .summary(summary)
          .description(description)
          .option("--passphrase-file <file>", KEY_PASSPHRASE_HELP),
      ),
    );
  add("successor <name>", "name, for ever, the site that may take this one over", SUCCESSOR)
    .requiredOption("--key <site>", "umbel:site-..., or the name of a site of this data folder")
    .option("--adopt", ADOPT_HELP)
    .action((name: string, options: OwnerArguments & { readonly key: string }) =>
      successor(name, options, context),
    );
  add("handover <name>", "take over a site that named this one as its successor", HANDOVER)
    .requiredOption("--of <site>", "the site to take over: umbel:site-..., or a name")
    .option("--text <text>", "what readers are told")
    .action((name: string, options: OwnerArguments & { readonly of: string }) =>
      handover(name, options, context),
    );
  add("revoke <name>", "tell all readers, for ever, not to trust a site's key", REVOKE)
    .option("--text <text>", "what readers are told")
    .option("--yes", "say that it is meant")
    .action((name: string, options: OwnerArguments & { readonly yes?: boolean }) =>
      revoke(name, options, context),
    );
}

const SUCCESSOR =
  "Publishes an edition that names another site as the only one that may take this one over, should its key be lost or " +
  "stolen. It stays in every later edition and can never be changed: keep the successor's key apart from this machine.";
const HANDOVER =
  "Leads the readers of another site to this one, for ever. The other site must have named this one with umbel site successor.";
const REVOKE =
  "Marks a site's key as not to be trusted any more, above every edition, for ever. Earlier editions stay readable by number.";

async function successor(
  name: string,
  options: OwnerArguments & { readonly key: string },
  context: Context,
): Promise<void> {
  const { nameSuccessor } = await context.engine.sites();
  const edition = await nameSuccessor(name, options.key, {
    ...(await clientOptions(options, context)),
    ...{ passphrase: askPassphrase(name, options, context), adopt: options.adopt === true },
  });
  context.output.note(`edition ${edition.number} names the successor; every later one will`);
  context.output.result({ ...edition }, edition.reference);
}

async function handover(
  name: string,
  options: OwnerArguments & { readonly of: string },
  context: Context,
): Promise<void> {
  const { handOver } = await context.engine.sites();
  const { reference, holders } = await handOver(name, options.of, options.text, {
    ...(await clientOptions(options, context)),
    passphrase: askPassphrase(name, options, context),
  });
  context.output.note(`${holders} nodes keep the handover; readers are led to this site from now on`);
  context.output.result({ reference, holders }, reference);
}

async function revoke(
  name: string,
  options: OwnerArguments & { readonly yes?: boolean },
  context: Context,
): Promise<void> {
  if (options.yes !== true)
    throw new UmbelError("BAD_INPUT", "a revocation cannot be taken back: add --yes if it is meant");
  const sites = await context.engine.sites();
  const holders = await sites.revoke(name, options.text, {
    ...(await clientOptions(options, context)),
    passphrase: askPassphrase(name, options, context),
  });
  context.output.note(`${holders} nodes keep the revocation; readers are told from now on`);
  context.output.result({ name, holders });
}
