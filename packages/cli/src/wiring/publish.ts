import { decodeBase32, type NodeId, parseReference, UmbelError } from "@umbel/core";
import { systemTimers } from "@umbel/router/platform/system-clock";
import {
  type Client,
  countJournal,
  createJob,
  createSpool,
  eraseJob,
  type GrowingSpool,
  HOLDER_COUNT,
  type JobNetworks,
  type JobOutcome,
  type JobPorts,
  type JobRecord,
  jobFile,
  loadJob,
  MemoryStateFolder,
  openSpool,
  PUBLISH_SECRET_BYTES,
  type PublishSource,
  runJob,
  type SpoolOptions,
  saveJob,
} from "@umbel/storage";
import type { Published, PublishOptions, ResumeOptions } from "../engine.ts";
import { openDataFolder } from "../files/data-folder.ts";
import { withClient } from "./client.ts";
import { chosenJob, jobPorts } from "./jobs.ts";
import { dedupeSecret, loadPlan, type PublishPlan } from "./publish-secrets.ts";
import { describeStdin, readStream, sourceAgain, sourceAt, stdinSource } from "./publish-source.ts";

/**
 * Publishes a file, a folder, or standard input ("-") as a job, which is erased when it is done. Throws READ_FAILED, BAD_INPUT,
 * NOT_STORED, NETWORK_UNREACHABLE, NO_PATH, WRITE_FAILED, DISK_FULL, ABORTED; what can be resumed is told by `onJob`.
 */
export async function publishPath(path: string, options: PublishOptions): Promise<Published> {
  const plan = options.plan === undefined ? undefined : await loadPlan(options.plan);
  const opened = path === "-" ? undefined : await sourceAt(path, plan ?? options);
  const ports = opened === undefined && !options.spool ? inMemory(options) : jobPorts(options.dataDir);
  const record = await createJob(ports, {
    network: options.network,
    source: opened?.description ?? describeStdin(plan ?? options),
    options: jobOptionsOf(options, plan),
    secret: plan?.secret,
    userSecret:
      options.dedupe && (await dedupeSecret(await openDataFolder(options.dataDir), options.dedupe.file)),
  });
  plan?.secret.fill(0);
  const input = opened === undefined ? await standardInput(ports, record, options) : undefined;
  const source = opened?.source ?? stdinSource(record.source, () => input?.read() ?? nothing());
  const run = { ports, id: record.id, openSource: async () => source, skipped: opened?.skipped ?? 0 };
  try {
    return await work(run, options);
  } catch (error) {
    await input?.end();
    await keepOrErase(ports, record, input === undefined || input.isWhole(), options);
    throw error;
  } finally {
    await input?.end();
  }
}

/** Goes on with a job from wherever it was left. Throws as `publishPath`, and IN_USE. */
export async function resumePublish(id: string | undefined, options: ResumeOptions): Promise<Published> {
  const ports = jobPorts(options.dataDir);
  const record = await loadJob(ports, await chosenJob(options.dataDir, id));
  if (record.network !== options.network) {
    throw new UmbelError(
      "BAD_INPUT",
      `job ${record.id} is for the network "${record.network}", not "${options.network}"`,
    );
  }
  options.onJob?.(record.id);
  if (options.revealNow) await revealNow(ports, record);
  const spool = record.source.kind === "stdin" ? await openSpool(spoolOptions(ports, record)) : undefined;
  const openSource = async (): Promise<PublishSource> =>
    spool === undefined ? sourceAgain(record.source) : stdinSource(record.source, () => spool.read());
  try {
    return await work({ ports, id: record.id, openSource, skipped: 0 }, options);
  } finally {
    await spool?.close();
  }
}

/** A job that shall be revealed is revealed even if this process dies now. */
async function revealNow(ports: JobPorts, record: JobRecord): Promise<void> {
  const { receipt, spreadUntil, rootId } = record.options;
  if (record.options.revealAt === undefined) return;
  await saveJob(ports, { ...record, options: { receipt, spreadUntil, rootId } });
}

interface Run {
  readonly ports: JobPorts;
  readonly id: string;
  readonly openSource: () => Promise<PublishSource>;
  readonly skipped: number;
}

async function work(run: Run, options: ResumeOptions): Promise<Published> {
  const started = performance.now();
  const { ports, id } = run;
  options.onJob?.(id);
  return withClient(options, async ({ client }) => {
    const waited = performance.now() - started;
    const stores = client.directory.all().filter(({ roles }) => roles.store).length;
    const networks = jobNetworks(client, options);
    let bytesDone = 0;
    const outcome = await runJob({
      ...{ ...ports, id, networks, timers: systemTimers, openSource: run.openSource },
      wanted: Math.max(1, Math.min(HOLDER_COUNT, stores)),
      signal: options.signal,
      onStep: options.onStep,
      progress: ({ bytesRead, bytesTotal, blocksDone, blocksQueued, isComplete }) => {
        // Reading runs far ahead of the network: what counts is the share of what was read that holders confirmed.
        const confirmed = blocksQueued === 0 ? 0 : Math.floor(bytesRead * (blocksDone / blocksQueued));
        bytesDone = Math.max(bytesDone, confirmed);
        const blocksTotal = isComplete ? blocksQueued : undefined;
        options.onProgress?.({ bytesDone, bytesTotal, blocksDone, blocksTotal, circuits: networks.inUse() });
      },
    });
    const published = publishedOf(outcome, run, (waited + outcome.sentAfter) / 1000);
    await options.onDone?.(published);
    await eraseJob(ports, id);
    options.onJob?.(undefined);
    return published;
  });
}

/** Throws NOT_STORED when the receipt fell short: then there is no reference yet. */
function publishedOf(outcome: JobOutcome, { id, skipped }: Run, seconds: number): Published {
  const { reference, receipt, bytes, blocks, confirmations, files } = outcome;
  if (reference === undefined) {
    throw new UmbelError(
      "NOT_STORED",
      `${receipt?.confirmed ?? 0} of ${receipt?.asked ?? 0} blocks came back, so the content is not safe yet: ` +
        `umbel publish --resume ${id} puts again what was missing, and prints the reference when all comes back`,
    );
  }
  const found = receipt && { confirmed: receipt.confirmed, asked: receipt.asked };
  return { reference, bytes, blocks, copies: confirmations, seconds, files, skipped, receipt: found };
}

/** Networks of one client for the parts of a job, and what circuits they use. */
function jobNetworks(client: Client, options: ResumeOptions): JobNetworks & { inUse(): number } {
  const used = new Set<NodeId>();
  let inUse = 0;
  const operation = (isPut: boolean, given: Parameters<Client["operation"]>[0]) =>
    client.operation({
      ...given,
      secondGuard: true,
      onCircuits(circuits) {
        inUse = circuits.length;
        if (isPut) for (const { path } of circuits) for (const node of path.slice(-1)) used.add(node);
        options.onCircuits?.(circuits.map(({ path }) => path));
      },
    });
  return {
    puts: () => operation(true, { spread: true }),
    receipt: (avoid) =>
      operation(false, { bypassCaches: true, avoidEndpoints: avoid as ReadonlySet<NodeId> }),
    endpoints: () => [...used],
    inUse: () => inUse,
  };
}

function jobOptionsOf(options: PublishOptions, plan: PublishPlan | undefined): JobRecord["options"] {
  const { receipt, spreadMs, revealAt } = options;
  const reference = plan && parseReference(plan.reference);
  return {
    receipt,
    ...(spreadMs !== undefined && { spreadUntil: Math.floor(Date.now() + spreadMs) }),
    ...(revealAt !== undefined && { revealAt }),
    ...(reference?.kind === "file" && { rootId: reference.rootId }),
  };
}

/** For standard input without a copy: nothing stays on disk, and nothing can be resumed or read twice. Throws BAD_INPUT. */
function inMemory({ dedupe, spreadMs, plan }: PublishOptions): JobPorts {
  const readTwice = { "--dedupe": dedupe, "--spread": spreadMs, "--plan": plan };
  const [option] = Object.entries(readTwice).find(([, value]) => value !== undefined) ?? [];
  if (option !== undefined) {
    throw new UmbelError("BAD_INPUT", `${option} reads the input twice: leave out --no-spool`);
  }
  return { ...jobPorts(""), folder: new MemoryStateFolder() };
}

interface Input {
  read(): AsyncIterable<Uint8Array>;
  /** True when its copy is whole, so that the job can be resumed. */
  isWhole(): boolean;
  end(): Promise<void>;
}

/** Standard input, through its copy on disk unless that is not wanted. */
async function standardInput(ports: JobPorts, record: JobRecord, options: PublishOptions): Promise<Input> {
  const { stdin, signal } = options;
  if (!options.spool) {
    return { read: () => readStream(stdin, signal), isWhole: () => false, end: async () => {} };
  }
  const spool: GrowingSpool = await createSpool(spoolOptions(ports, record));
  let isWhole = false;
  const filled = spool.fill(readStream(stdin, signal)).then(
    () => {
      isWhole = true;
    },
    // Whoever reads the spool is told.
    () => {},
  );
  let ended: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    stdin.destroy();
    await filled;
    await spool.close();
  };
  return { read: () => spool.read(), isWhole: () => isWhole, end: () => (ended ??= end()) };
}

function spoolOptions(ports: JobPorts, { id, secret }: JobRecord): SpoolOptions {
  return { ...ports, name: jobFile(id, "spool"), secret: decodeBase32(secret, PUBLISH_SECRET_BYTES) };
}

/** Keeps a job that got something stored, or has its input, and can go on; erases one of which nothing is worth keeping. */
async function keepOrErase(
  ports: JobPorts,
  { id, source, secret }: JobRecord,
  canResume: boolean,
  { onJob }: PublishOptions,
): Promise<void> {
  const journal = {
    ...ports,
    name: jobFile(id, "journal"),
    secret: decodeBase32(secret, PUBLISH_SECRET_BYTES),
  };
  const isWorth = async () =>
    source.kind === "stdin" ||
    (await loadJob(ports, id)).phase !== "sending" ||
    (await countJournal(journal)) > 0;
  if (canResume && (await isWorth())) return;
  await eraseJob(ports, id);
  onJob?.(undefined);
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
