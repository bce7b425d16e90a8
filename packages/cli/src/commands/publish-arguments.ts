import { UmbelError } from "@umbel/core";
import { type Command, Option } from "commander";

/** What the command line of `umbel publish` says, as the parser gives it. */
export interface PublishArguments {
  readonly bootstrap?: readonly string[];
  readonly data?: string;
  readonly network?: string;
  readonly constantRate?: string;
  readonly name?: string;
  readonly hidden?: boolean;
  readonly keepTimes?: boolean;
  readonly keepTypes?: boolean;
  readonly pad: "exact" | "padme" | "power";
  readonly dedupe?: boolean;
  readonly dedupeSecret?: string;
  readonly spool: boolean;
  readonly receipt: boolean;
  readonly receiptOnly?: string;
  readonly resume?: string | true;
  readonly dryRun?: boolean;
  readonly savePlan?: string;
  readonly plan?: string;
  readonly spread?: string;
  readonly revealAt?: string;
  readonly revealNow?: string;
  readonly passphrase?: boolean;
  readonly passphraseFile?: string;
  readonly to?: string;
}

/** The options of `umbel publish` besides those that every client has. */
export function addPublishOptions(command: Command): Command {
  return command
    .option("--name <name>", "the name readers see; by default that of the file or folder")
    .option("--hidden", "take the files of a folder whose names start with a dot, too")
    .option("--keep-times", "let readers see when files were changed last")
    .option("--keep-types", "let readers see media types")
    .addOption(
      new Option("--pad <class>", "hide sizes beyond a block: padme adds up to 12 %, power up to 100 %")
        .choices(["exact", "padme", "power"])
        .default("exact", "exact"),
    )
    .option("--dedupe", "keys from the content and a secret of yours: the same content gives the same blocks")
    .option("--dedupe-secret <file>", "the secret for --dedupe; by default dedupe-secret in the data folder")
    .option("--no-receipt", "print the reference without fetching a sample back first")
    .option("--receipt-only <reference>", "only fetch a sample of what was published before")
    .option("--resume [job]", "go on with a publish that was stopped (umbel jobs lists them)")
    .option("--no-spool", "keep no encrypted copy of standard input; it cannot be resumed then")
    .option("--dry-run", "send nothing: say what would be sent, and who would learn what")
    .option("--save-plan <file>", "with --dry-run: keep its keys, and print the reference there will be")
    .option("--plan <file>", "publish as that plan says, under the same reference")
    .option("--spread <span>", "put the blocks at random times over a span such as 90m, 6h or 2d")
    .option(
      "--reveal-at <time>",
      "send the root at a time, as 2027-01-31T18:00, or after a span; all else now",
    )
    .option("--reveal-now <job>", "send the root of a publish that waits for its time")
    .option("--passphrase", "print the reference locked with a passphrase, which is asked for")
    .option("--passphrase-file <file>", "the same, with the first line of a file (or UMBEL_PASSPHRASE)")
    .option("--to <recipient>", "print the reference sealed to umbel:recipient-..., or a recipient of yours");
}

/** What is to be done; each way has options of its own. */
export type PublishMode = "publish" | "resume" | "dry-run" | "receipt-only";

/** Which way is meant. Throws BAD_INPUT for options that do not go together, or when there is nothing to publish. */
export function publishMode(path: string | undefined, options: PublishArguments): PublishMode {
  const refuse = (text: string): never => {
    throw new UmbelError("BAD_INPUT", text);
  };
  const alone = [
    options.resume !== undefined && "--resume",
    options.revealNow !== undefined && "--reveal-now",
    options.receiptOnly !== undefined && "--receipt-only",
  ].filter((name) => name !== false);
  const [name] = alone;
  if (alone.length > 1) refuse(`${alone.join(" and ")} do not go together`);
  if (name !== undefined && path !== undefined) refuse(`${name} takes no path besides`);
  const wrapped = [options.passphrase && "--passphrase", options.to !== undefined && "--to"].find(
    (option) => typeof option === "string",
  );
  if (wrapped !== undefined && (options.dryRun === true || options.receiptOnly !== undefined)) {
    refuse(`${wrapped} is for the publish itself: it says in what form the reference is printed`);
  }
  if (name !== undefined) return name === "--receipt-only" ? "receipt-only" : "resume";
  if (path === undefined)
    return refuse("what to publish is missing: a file, a folder, or - for standard input");
  if (path === "") refuse("the path is empty; . stands for this folder");
  if (options.savePlan !== undefined && options.dryRun !== true) refuse("--save-plan goes with --dry-run");
  const usesSecret = options.dedupe === true || options.dedupeSecret !== undefined;
  if (usesSecret && options.savePlan !== undefined) {
    refuse("--save-plan is of no use with --dedupe: the same content has the same reference anyway");
  }
  if (options.plan !== undefined) checkPlan(options, usesSecret, refuse);
  if (usesSecret && path === "-" && (options.dryRun === true || !options.spool)) {
    refuse("--dedupe reads the input twice, so standard input needs its copy: no --no-spool, no --dry-run");
  }
  return options.dryRun === true ? "dry-run" : "publish";
}

function checkPlan(options: PublishArguments, usesSecret: boolean, refuse: (text: string) => never): void {
  if (options.dryRun === true) refuse("--plan is for the publish itself, not for --dry-run");
  const fixed = [
    usesSecret && "--dedupe",
    options.name !== undefined && "--name",
    options.hidden && "--hidden",
    options.keepTimes && "--keep-times",
    options.keepTypes && "--keep-types",
    options.pad !== "exact" && "--pad",
  ].filter((name) => typeof name === "string");
  if (fixed.length > 0) refuse(`${fixed.join(", ")}: the plan says that already`);
}

/** The milliseconds of a span such as 90s, 30m, 6h or 2d. Throws BAD_INPUT. */
export function parseSpan(text: string, source: string): number {
  const match = SPAN.exec(text);
  const unit = UNITS.get(match?.[2] ?? "");
  if (match !== null && unit !== undefined) return Number(match[1]) * unit;
  throw new UmbelError("BAD_INPUT", `${source}: "${text}" is not a span such as 90s, 30m, 6h or 2d`);
}

/** A time to come, in milliseconds since 1970: local, with an offset, or a span from now. Throws BAD_INPUT. */
export function parseTime(text: string, source: string, now: number): number {
  if (SPAN.test(text)) return Math.floor(now + parseSpan(text, source));
  const time = TIME.test(text) ? Date.parse(text.replace(" ", "T")) : Number.NaN;
  if (Number.isNaN(time)) {
    throw new UmbelError(
      "BAD_INPUT",
      `${source}: "${text}" is not a time such as 2027-01-31T18:00 or 2027-01-31T18:00Z, or a span such as 6h`,
    );
  }
  if (time <= now) throw new UmbelError("BAD_INPUT", `${source}: ${text} is in the past`);
  return time;
}

/** The secret for keys from content, if they are asked for. */
export function dedupeOf(
  { dedupe, dedupeSecret }: PublishArguments,
  resolvePath: (path: string) => string,
): { readonly file: string | undefined } | undefined {
  if (dedupe !== true && dedupeSecret === undefined) return undefined;
  return { file: dedupeSecret === undefined ? undefined : resolvePath(dedupeSecret) };
}

const SPAN = /^([1-9]\d{0,5})([smhd])$/;
const TIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})?$/;

const UNITS: ReadonlyMap<string, number> = new Map([
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/** Lines at the end of the help. */
export const PUBLISH_EXAMPLES: readonly string[] = [
  "umbel publish report.pdf",
  "umbel publish ./site --json",
  "tar c photos | umbel publish - --name photos.tar",
  "umbel publish ./site --dry-run --save-plan site.plan",
  "umbel publish ./site --plan site.plan --reveal-at 2027-01-31T18:00",
  "umbel publish leak.zip --spread 6h",
  "umbel publish letter.txt --to umbel:recipient-...",
  "umbel publish --resume",
];
