import type { Command } from "commander";
import { addOutputOptions, type Context, examples } from "../context.ts";
import type { Job } from "../engine.ts";
import { formatBytes, formatCount, oneLine } from "../format.ts";
import { dataFolderPath } from "../settings.ts";

interface JobsArguments {
  readonly data?: string;
}

const DATA_HELP = "the data folder that the publish used (UMBEL_DATA)";

export function addJobsCommand(program: Command, context: Context): void {
  const command = program
    .command("jobs")
    .summary("list publishes that are not done, or forget one")
    .description(
      "Lists the publishes that were stopped, that wait for the time to reveal them, or that run now. A finished publish " +
        "leaves no job behind. Who can read the data folder can read what its jobs publish.",
    )
    .option("--data <folder>", DATA_HELP);
  addOutputOptions(command)
    .addHelpText(
      "after",
      examples(["umbel jobs", "umbel publish --resume k3jd92ab", "umbel jobs forget k3jd92ab"]),
    )
    .action((options: JobsArguments) => list(options, context));
  const forget = command
    .command("forget <job>")
    .summary("erase a job: its keys, its journal, its copy of the input")
    .description(
      "Erases a job: its keys, its journal, its copy of the input. Blocks that were put stay where they are until holders " +
        "need the room; without the keys nobody can read them.",
    )
    .option("--data <folder>", DATA_HELP);
  addOutputOptions(forget)
    .addHelpText("after", examples(["umbel jobs forget k3jd92ab"]))
    .action((id: string, _options: JobsArguments, own: Command) =>
      forgetOne(id, own.optsWithGlobals<JobsArguments>(), context),
    );
}

async function list({ data }: JobsArguments, { io, output, engine }: Context): Promise<void> {
  const jobs = await engine.listJobs(dataFolderPath(data, io));
  if (output.json) {
    output.result({ jobs });
    return;
  }
  if (jobs.length === 0) output.note("no jobs: every publish is done");
  for (const job of jobs) output.line(lineOf(job));
}

async function forgetOne(
  id: string,
  { data }: JobsArguments,
  { io, output, engine }: Context,
): Promise<void> {
  await engine.forgetJob(dataFolderPath(data, io), id);
  output.note(`forgot ${id}`);
  output.result({ job: id });
}

/** `k3jd92ab  paused     1,204 of 2,600 blocks  3 files, 12.0 MiB  /home/me/site  since 2027-01-31 18:00`. */
function lineOf(job: Job): string {
  const { id, confirmed, puts, created, path, kind, files, bytes } = job;
  if (job.state === "damaged") return `${id}  damaged    its file cannot be read: umbel jobs forget ${id}`;
  const total = puts === undefined ? "" : ` of ${puts.toLocaleString("en-US")}`;
  const size = bytes === undefined ? "" : `, ${formatBytes(bytes)}`;
  const what = kind === "stdin" ? "standard input" : oneLine(path);
  return [
    id,
    stateOf(job).padEnd(9),
    `${confirmed.toLocaleString("en-US")}${total} blocks stored`,
    `${formatCount(files, "file")}${size}`,
    what,
    `since ${timeOf(created)}`,
  ].join("  ");
}

function stateOf({ state, isRunning, revealAt }: Job): string {
  if (isRunning) return state === "holding" ? "waiting" : "running";
  if (state === "holding" && revealAt !== undefined) return `reveals ${timeOf(revealAt)}`;
  return state === "checking" ? "unchecked" : "paused";
}

/** A time in the person's own zone, to the minute. */
function timeOf(time: number): string {
  const date = new Date(time - new Date(time).getTimezoneOffset() * 60_000);
  return date.toISOString().slice(0, 16).replace("T", " ");
}
