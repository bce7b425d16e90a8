import { UmbelError } from "@umbel/core";
import { isInPlace, isRestorable } from "@umbel/storage";
import type { Command } from "commander";
import { addClientOptions, addOutputOptions, type Context, cpuSeconds, examples } from "../context.ts";
import { formatCount, formatSeconds } from "../format.ts";
import { addPassphraseOption } from "../passphrase.ts";
import type { Repaired } from "../wiring/repair.ts";
import { type ClientArguments, clientOptions } from "./fetch.ts";

interface RepairArguments extends ClientArguments {
  readonly check?: boolean;
}

export function addRepairCommand(program: Command, context: Context): void {
  const command = program
    .command("repair <reference>")
    .summary("put back what the network has lost of some content")
    .description(
      "Looks for every block of a file, folder or site, makes those anew that are missing from the others, and puts them " +
        "back. A verify reference is enough (umbel ref verify prints it): whoever has it can keep content alive without being able to " +
        "read it. Endpoints learn which blocks are asked for and put, not by whom.",
    )
    .option("--check", "only look, and say what is missing");
  addOutputOptions(addPassphraseOption(addClientOptions(command)))
    .addHelpText("after", examples(["umbel repair umbel:verify-...", "umbel repair umbel:file-... --check"]))
    .action((reference: string, options: RepairArguments) => repair(reference, options, context));
}

async function repair(reference: string, options: RepairArguments, context: Context): Promise<void> {
  const { engine, output } = context;
  const checkOnly = options.check === true;
  context.pointAt(reference);
  const client = await clientOptions(options, context);
  const bar = output.progress(checkOnly ? "check" : "repair");
  try {
    const { repairReference } = await engine.repairs();
    const repaired = await repairReference(reference, { ...client, checkOnly, onProgress: bar.update });
    bar.end();
    report(repaired, checkOnly, context);
  } finally {
    bar.end();
  }
}

/** Throws NOT_STORED when something is beyond repair, or too few holders took what was put back. */
function report(repaired: Repaired, checkOnly: boolean, { output }: Context): void {
  const { total, missing, restored, restorable, seconds } = repaired;
  output.note(`looked for ${blocks(total)} in ${formatSeconds(seconds)}`);
  const isDone = isInPlace(repaired);
  const verdict =
    missing === 0 && isDone
      ? `all ${blocks(total)} are in place`
      : checkOnly
        ? `${missing} of ${blocks(total)} missing, ${restorable} of these can be put back`
        : `${restored} of ${missing} missing blocks put back`;
  output.result({ ...repaired, isInPlace: isDone, cpuSeconds: cpuSeconds() }, verdict);
  if (!isRestorable(repaired)) throw new UmbelError("NOT_STORED", beyondRepair(repaired));
  if (!isDone && !checkOnly) {
    throw new UmbelError(
      "NOT_STORED",
      `too few holders took ${blocks(restorable - restored)}: try again later`,
    );
  }
}

/** Which share is lost, and what helps. */
function beyondRepair({ total, missing, restorable, lostRoots, unknownFiles }: Repaired): string {
  const lost = missing - restorable;
  const parts: string[] = [];
  if (lostRoots > 0) parts.push(`${formatCount(lostRoots, "root")}, with all that stands under each,`);
  if (unknownFiles > 0) parts.push(`the list of ${formatCount(unknownFiles, "file")}`);
  const others = lost - 3 * lostRoots;
  if (others > 0) parts.push(`${others} of ${blocks(total)} (${percent(others / total)})`);
  const verb = parts.length === 1 && others <= 0 ? "is" : "are";
  return `${parts.join(" and ")} ${verb} beyond repair: whoever has the content can publish it again`;
}

function blocks(count: number): string {
  return formatCount(count, "block");
}

function percent(part: number): string {
  return `${(100 * part).toFixed(part < 0.1 ? 1 : 0)} %`;
}
