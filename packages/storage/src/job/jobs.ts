import {
  type Clock,
  type CryptoProvider,
  decodeBase32,
  encodeBase32,
  isUmbelError,
  type Millis,
  type RandomSource,
  UmbelError,
} from "@umbel/core";
import { MAX_JOB_RECORD_BYTES } from "../limits.ts";
import { PUBLISH_SECRET_BYTES } from "../publish/publish-keys.ts";
import {
  decodeJobRecord,
  encodeJobRecord,
  isJobId,
  type JobOptions,
  type JobPhase,
  type JobRecord,
  type SourceDescription,
} from "./job-record.ts";
import { countJournal } from "./journal.ts";
import type { StateFolder } from "./state-folder.ts";

/** What jobs are kept with. */
export interface JobPorts {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  readonly clock: Clock;
  readonly folder: StateFolder;
}

export interface NewJob {
  readonly network: string;
  readonly source: SourceDescription;
  readonly options: JobOptions;
  /** 32 bytes of a plan; fresh random ones when absent. */
  readonly secret?: Uint8Array | undefined;
  /** The user's own 32 bytes, for keys from content. */
  readonly userSecret?: Uint8Array | undefined;
}

/** A job as a person sees it. */
export interface JobSummary {
  readonly id: string;
  readonly created: Millis;
  readonly network: string;
  readonly source: SourceDescription;
  /** `damaged` when its file cannot be read: it can only be forgotten. */
  readonly phase: JobPhase | "damaged";
  /** Puts that are confirmed. */
  readonly confirmed: number;
  /** Puts in all, where that is known. */
  readonly puts: number | undefined;
  readonly revealAt: Millis | undefined;
}

/** The files of one job in the state folder. */
export const JOB_FILES = ["job", "journal", "spool", "root"] as const;
export type JobFile = (typeof JOB_FILES)[number];

/** The name of a job's file. */
export function jobFile(id: string, file: JobFile): string {
  return `${id}.${file}`;
}

/** Writes a new job down. Throws WRITE_FAILED, DISK_FULL. */
export async function createJob(ports: JobPorts, job: NewJob): Promise<JobRecord> {
  const { random, clock } = ports;
  const record: JobRecord = {
    id: encodeBase32(random.bytes(5)),
    created: Math.max(0, Math.floor(clock.unixNow())),
    network: job.network,
    secret: encodeBase32(job.secret ?? random.bytes(PUBLISH_SECRET_BYTES)),
    ...(job.userSecret !== undefined && { userSecret: encodeBase32(job.userSecret) }),
    source: job.source,
    options: job.options,
    phase: "sending",
    endpoints: [],
  };
  await saveJob(ports, record);
  return record;
}

/** Writes a job down as it is now. Throws WRITE_FAILED, DISK_FULL. */
export async function saveJob({ folder }: Pick<JobPorts, "folder">, record: JobRecord): Promise<void> {
  await folder.write(jobFile(record.id, "job"), encodeJobRecord(record));
}

/** A job by its id. Throws BAD_INPUT when there is none, BAD_CONFIG when its file cannot be used, READ_FAILED. */
export async function loadJob({ folder }: Pick<JobPorts, "folder">, id: string): Promise<JobRecord> {
  const bytes = isJobId(id) ? await folder.read(jobFile(id, "job")) : undefined;
  if (bytes === undefined) {
    throw new UmbelError("BAD_INPUT", `there is no job "${id}"; umbel jobs lists them`);
  }
  if (bytes.length > MAX_JOB_RECORD_BYTES) throw new UmbelError("BAD_CONFIG", "a job file is too long");
  const record = decodeJobRecord(bytes);
  if (record.id !== id) throw new UmbelError("BAD_CONFIG", "a job file has the name of another");
  return record;
}

/** All jobs, oldest first. What a forgotten job left behind is erased. Throws READ_FAILED. */
export async function listJobs(ports: JobPorts): Promise<readonly JobSummary[]> {
  const names = await ports.folder.names();
  const ids = names.filter((name) => name.endsWith(".job")).map((name) => name.slice(0, -".job".length));
  await eraseOrphans(ports, names, new Set(ids));
  const jobs: JobSummary[] = [];
  for (const id of ids.filter(isJobId)) jobs.push(await summaryOf(ports, id));
  return jobs.sort((a, b) => a.created - b.created);
}

/** Erases all that a job keeps. Throws BAD_INPUT when there is none, IN_USE when it is being worked on, WRITE_FAILED. */
export async function forgetJob(ports: JobPorts, id: string): Promise<void> {
  const { folder } = ports;
  const names = isJobId(id) ? await folder.names() : [];
  if (!names.includes(jobFile(id, "job"))) {
    throw new UmbelError("BAD_INPUT", `there is no job "${id}"; umbel jobs lists them`);
  }
  const release = await folder.lock(id);
  try {
    await eraseJob(ports, id);
  } finally {
    await release();
  }
}

/** Erases the files of a job: its secret first, without which the others say nothing. */
export async function eraseJob({ folder }: Pick<JobPorts, "folder">, id: string): Promise<void> {
  for (const file of JOB_FILES) await eraseFileOf(folder, jobFile(id, file));
}

/** A spool is ciphertext under the job's secret, and may be long: it is not overwritten. */
function eraseFileOf(folder: StateFolder, name: string): Promise<void> {
  return name.endsWith(".spool") ? folder.remove(name) : folder.erase(name);
}

async function summaryOf(ports: JobPorts, id: string): Promise<JobSummary> {
  try {
    const { created, network, source, phase, puts, options, secret } = await loadJob(ports, id);
    const confirmed = await countJournal({
      ...ports,
      name: jobFile(id, "journal"),
      secret: decodeBase32(secret, PUBLISH_SECRET_BYTES),
    });
    return { id, created, network, source, phase, confirmed, puts, revealAt: options.revealAt };
  } catch (error) {
    if (!isUmbelError(error, "BAD_CONFIG")) throw error;
    return { ...DAMAGED, id };
  }
}

const DAMAGED: Omit<JobSummary, "id"> = {
  created: 0,
  network: "",
  source: {
    ...{ kind: "file", path: "", files: 0, fingerprint: "", pad: "exact" },
    ...{ hidden: false, keepTimes: false, keepTypes: false },
  },
  phase: "damaged",
  confirmed: 0,
  puts: undefined,
  revealAt: undefined,
};

async function eraseOrphans(
  { folder }: JobPorts,
  names: readonly string[],
  ids: ReadonlySet<string>,
): Promise<void> {
  for (const name of names) {
    const [id, file] = name.split(".");
    if (isJobId(id) && JOB_FILES.some((known) => known === file) && !ids.has(id))
      await eraseFileOf(folder, name);
  }
}
