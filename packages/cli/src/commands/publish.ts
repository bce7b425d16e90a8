import { basename, resolve } from "node:path";
import { isUmbelError, UmbelError } from "@umbel/core";
import type { Command } from "commander";
import { chosenConstantRate, constantRateCost } from "../constant-rate.ts";
import { addClientOptions, addOutputOptions, type Context, cpuSeconds, examples } from "../context.ts";
import type { ClientOptions, Published, ResumeOptions, SourceOptions } from "../engine.ts";
import { formatBytes, formatCount, formatSeconds, inBrackets } from "../format.ts";
import { networkOf } from "../networks.ts";
import type { ProgressBar } from "../progress.ts";
import { bootstrapAddresses, dataFolderPath, requireBootstrap } from "../settings.ts";
import type { Wrapping } from "../wiring/references.ts";
import { reportEstimate } from "./estimate-report.ts";
import {
  addPublishOptions,
  dedupeOf,
  PUBLISH_EXAMPLES,
  type PublishArguments,
  parseSpan,
  parseTime,
  publishMode,
} from "./publish-arguments.ts";
import { chosenWrapping, referenceKeys } from "./ref.ts";

export function addPublishCommand(program: Command, context: Context): void {
  const command = program
    .command("publish [path]")
    .summary("put a file or folder into the network and print its reference")
    .description(
      "Puts a file, a folder, or standard input (-) into the network, fetches a sample back over other circuits, and " +
        "prints its reference, alone, on standard output. Whoever has the reference can read it; the machine may then be " +
        "switched off. What is stopped, by Ctrl-C or a crash, is kept as a job: --resume goes on with it.",
    );
  addOutputOptions(addClientOptions(addPublishOptions(command)))
    .addHelpText("after", examples(PUBLISH_EXAMPLES))
    .action((path: string | undefined, options: PublishArguments) => run(path, options, context));
}

async function run(path: string | undefined, options: PublishArguments, context: Context): Promise<void> {
  const mode = publishMode(path, options);
  if (mode === "dry-run") await dryRun(path as string, options, context);
  else if (mode === "receipt-only") await receiptOnly(options.receiptOnly as string, options, context);
  else await publish(mode === "resume" ? undefined : path, options, context);
}

/** Publishes a path, or goes on with a job where there is none. */
async function publish(path: string | undefined, options: PublishArguments, context: Context): Promise<void> {
  const { io, engine, output } = context;
  const given = {
    spreadMs: options.spread === undefined ? undefined : parseSpan(options.spread, "--spread"),
    revealAt:
      options.revealAt === undefined ? undefined : parseTime(options.revealAt, "--reveal-at", Date.now()),
  };
  const wrapping = await chosenWrapping(options, context);
  const client = await clientOptions(options, context);
  const bar = output.progress("publish");
  const job: { id: string | undefined } = { id: undefined };
  const running = jobOptions(client, bar, job, wrapping, context);
  try {
    if (path === undefined) {
      const id = options.revealNow ?? (options.resume === true ? undefined : options.resume);
      await engine.resumePublish(id, { ...running, revealNow: options.revealNow !== undefined });
    } else {
      await engine.publishPath(path === "-" ? path : resolve(io.cwd, path), {
        ...{ ...running, ...sourceOptions(path, options, context), ...given },
        ...{ spool: options.spool, receipt: options.receipt, stdin: io.stdin },
        plan: options.plan === undefined ? undefined : resolve(io.cwd, options.plan),
      });
    }
  } catch (error) {
    bar.end();
    tellWhatIsKept(error, job.id, path, context);
    throw error;
  } finally {
    bar.end();
  }
}

/** What every run of a job is told and tells. */
function jobOptions(
  client: ClientOptions,
  bar: ProgressBar,
  job: { id: string | undefined },
  wrapping: Wrapping | undefined,
  context: Context,
): ResumeOptions {
  const { output } = context;
  return {
    ...client,
    onProgress: bar.update,
    onJob(id) {
      job.id = id;
      if (id !== undefined) output.event("job", { job: id });
    },
    onStep(step) {
      output.event("step", { ...step });
      if (step.step === "holding") {
        bar.end();
        output.note(
          `all but the root is out; the root follows at ${new Date(step.until).toLocaleString()}: keep this running, or ` +
            `stop it and go on later (umbel publish --resume ${job.id}, or --reveal-now ${job.id})`,
        );
      }
    },
    async onDone(published) {
      bar.end();
      report(wrapping === undefined ? published : await wrapped(published, wrapping, context), context);
    },
  };
}

/** Whoever asked for a locked or sealed reference is shown no other. */
async function wrapped(published: Published, wrapping: Wrapping, { engine }: Context): Promise<Published> {
  const { wrapReference } = await engine.references();
  return { ...published, reference: await wrapReference(published.reference, wrapping) };
}

function tellWhatIsKept(
  error: unknown,
  id: string | undefined,
  path: string | undefined,
  context: Context,
): void {
  const { output, signal } = context;
  if (id === undefined) {
    if (signal.aborted && path === "-")
      output.warning("standard input had not ended, so nothing can be resumed");
    return;
  }
  output.event("paused", { job: id });
  if (!signal.aborted && isUmbelError(error, "BAD_INPUT", "BAD_CONFIG", "IN_USE")) return;
  const what = signal.aborted ? "paused" : "what is stored so far is kept as a job";
  output.warning(`${what}: umbel publish --resume ${id} goes on, umbel jobs forget ${id} drops it`);
}

async function dryRun(path: string, options: PublishArguments, context: Context): Promise<void> {
  const { io, engine, output, signal } = context;
  const estimate = await engine.estimatePublish(path === "-" ? path : resolve(io.cwd, path), {
    ...sourceOptions(path, options, context),
    ...{ dataDir: dataFolderPath(options.data, io), signal, stdin: io.stdin, receipt: options.receipt },
    savePlan: options.savePlan === undefined ? undefined : resolve(io.cwd, options.savePlan),
  });
  reportEstimate(estimate, options, output);
}

async function receiptOnly(reference: string, options: PublishArguments, context: Context): Promise<void> {
  const { engine, output } = context;
  context.pointAt(reference);
  const bar = output.progress("receipt");
  const client = await clientOptions(options, context);
  try {
    const receipt = await engine.takeReceipt(reference, { ...client, onProgress: bar.update });
    bar.end();
    const { confirmed, asked } = receipt;
    const text = `${confirmed} of ${asked} confirmed`;
    output.result({ ...receipt, isWhole: confirmed === asked }, text);
    if (confirmed < asked) throw new UmbelError("NOT_STORED", SHORT_RECEIPT);
  } finally {
    bar.end();
  }
}

const SHORT_RECEIPT =
  "some blocks did not come back: umbel repair puts back what can be, from the others; or publish it again";

function sourceOptions(path: string, options: PublishArguments, { io }: Context): SourceOptions {
  const { name, hidden, keepTimes, keepTypes, pad } = options;
  return {
    name: name ?? (path === "-" ? undefined : basename(resolve(io.cwd, path))),
    ...{ hidden: hidden === true, keepTimes: keepTimes === true, keepTypes: keepTypes === true, pad },
    dedupe: dedupeOf(options, (file) => resolve(io.cwd, file)),
  };
}

async function clientOptions(options: PublishArguments, context: Context): Promise<ClientOptions> {
  const { io, output, signal } = context;
  const dataDir = dataFolderPath(options.data, io);
  const bootstrap = requireBootstrap(await bootstrapAddresses(options.bootstrap ?? [], dataDir, io));
  const constantRate = chosenConstantRate(options.constantRate, io);
  if (constantRate !== undefined) output.note(constantRateCost(constantRate));
  return {
    ...{ bootstrap, dataDir, signal, constantRate, network: options.network ?? networkOf(bootstrap) },
    onWarning: output.warning,
    onCircuits: (paths) => output.event("circuits", { paths }),
    passphrase: referenceKeys(options, context).passphrase,
  };
}

function report(published: Published, { output }: Context): void {
  const { bytes, blocks, copies, seconds, reference, files, skipped, receipt } = published;
  const what = files === 1 ? formatBytes(bytes) : `${formatCount(files, "file")}, ${formatBytes(bytes)}`;
  output.note(
    `published ${what} in ${formatSeconds(seconds)}${inBrackets(bytes, seconds)}\n` +
      `${formatCount(blocks, "block")}, ${copies.toLocaleString("en-US")} copies confirmed`,
  );
  if (receipt !== undefined) {
    output.note(`receipt: ${receipt.confirmed} of ${receipt.asked} confirmed over other circuits`);
  }
  if (skipped > 0) {
    output.warning(`left out ${skipped} whose name starts with a dot; --hidden takes them, too`);
  }
  output.result({ ...published, cpuSeconds: cpuSeconds() }, reference);
}
