import { UmbelError } from "@umbel/core";
import type { Command } from "commander";
import { addClientOptions, addOutputOptions, type Context, examples } from "../context.ts";
import type { ShownEdition } from "../wiring/site.ts";
import { type ClientArguments, clientOptions } from "./fetch.ts";
import { parseSpan } from "./publish-arguments.ts";

interface WatchArguments extends ClientArguments {
  readonly every: string;
}

/** `umbel site history` and `watch`. */
export function addSiteReaderCommands(site: Command, context: Context): void {
  const history = site
    .command("history <site>")
    .summary("list the editions of a site that can be read by number")
    .description(
      "Lists the editions of a site that can be read with umbel fetch --edition, the newest first, each with a reference " +
        "that binds its content. SITE is umbel:site-..., or the name of a site of this data folder.",
    );
  addOutputOptions(addClientOptions(history)).action((text: string, options: ClientArguments) =>
    showHistory(text, options, context),
  );
  const watch = site
    .command("watch <site>")
    .summary("print each new edition of a site")
    .description(
      "Looks at a site now and then, at random times around the wanted one, and prints each new edition. Ends with an " +
        "error when the site is rolled back, forked or revoked.",
    )
    .option("--every <time>", "how often to look: 90s, 30m, 6h, 2d", "1h");
  addOutputOptions(addClientOptions(watch))
    .addHelpText("after", examples(["umbel site watch umbel:site-... --every 6h"]))
    .action((text: string, options: WatchArguments) => watchSite(text, options, context));
}

/** What the system's timers take is 24 days; drawn pauses are up to one and a half of the wanted one. */
const MAX_PAUSE_MS = 14 * 86_400_000;

async function showHistory(text: string, options: ClientArguments, context: Context): Promise<void> {
  const { output, engine } = context;
  if (text.startsWith("umbel:")) context.pointAt(text);
  const { siteHistory } = await engine.sites();
  const editions = await siteHistory(text, await clientOptions(options, context));
  for (const edition of editions) output.line(lineOf(edition));
  output.result({ editions });
}

async function watchSite(text: string, options: WatchArguments, context: Context): Promise<void> {
  const { output, engine } = context;
  if (text.startsWith("umbel:")) context.pointAt(text);
  const pause = parseSpan(options.every, "--every");
  if (pause > MAX_PAUSE_MS) throw new UmbelError("BAD_INPUT", "--every: at most 14d");
  const { watch } = await engine.sites();
  const show = (edition: ShownEdition) => {
    output.event("edition", { ...edition });
    output.line(lineOf(edition));
  };
  await watch(text, pause, show, await clientOptions(options, context));
}

function lineOf({ number, reference, time, title }: ShownEdition): string {
  const date =
    time === undefined ? undefined : new Date(time * 1000).toISOString().slice(0, 16).replace("T", " ");
  return [String(number).padStart(4), reference, date, title].filter((part) => part !== undefined).join("  ");
}
