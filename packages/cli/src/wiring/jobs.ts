import { join } from "node:path";
import { isUmbelError, UmbelError } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { systemClock } from "@umbel/router/platform/system-clock";
import { forgetJob as forget, type JobPorts, type JobSummary, listJobs as list } from "@umbel/storage";
import type { Job } from "../engine.ts";
import { createStateFolder } from "../files/state-folder.ts";

/** What the jobs of a data folder are kept with. */
export function jobPorts(dataDir: string): JobPorts {
  const folder = createStateFolder(join(dataDir, "jobs"));
  return { crypto: nodeProvider, random: nodeRandom, clock: systemClock, folder };
}

/** The jobs of a data folder, oldest first. Throws READ_FAILED. */
export async function listJobs(dataDir: string): Promise<readonly Job[]> {
  const ports = jobPorts(dataDir);
  const jobs: Job[] = [];
  for (const summary of await list(ports)) {
    jobs.push({ ...jobOf(summary), isRunning: await isRunning(ports, summary.id) });
  }
  return jobs;
}

/** Erases a job: its secret, its journal, the copy of its input. Throws BAD_INPUT, IN_USE, WRITE_FAILED. */
export async function forgetJob(dataDir: string, id: string): Promise<void> {
  await forget(jobPorts(dataDir), id);
}

/** The job with this id, or the only one that can be resumed. Throws BAD_INPUT when that is none or several. */
export async function chosenJob(dataDir: string, id: string | undefined): Promise<string> {
  if (id !== undefined) return id;
  const waiting = (await listJobs(dataDir)).filter(
    ({ isRunning, state }) => !isRunning && state !== "damaged",
  );
  const [first] = waiting;
  if (first === undefined) throw new UmbelError("BAD_INPUT", "--resume: there is no job to resume");
  if (waiting.length === 1) return first.id;
  const ids = waiting.map((job) => job.id).join(", ");
  throw new UmbelError(
    "BAD_INPUT",
    `--resume: there are several jobs; name one of ${ids} (umbel jobs lists them)`,
  );
}

function jobOf({
  id,
  created,
  source,
  phase,
  confirmed,
  puts,
  revealAt,
}: JobSummary): Omit<Job, "isRunning"> {
  return {
    ...{ id, state: phase, created, confirmed, puts, revealAt },
    ...{ kind: source.kind, path: source.path, files: source.files, bytes: source.bytes },
  };
}

async function isRunning({ folder }: JobPorts, id: string): Promise<boolean> {
  try {
    await (await folder.lock(id))();
    return false;
  } catch (error) {
    if (isUmbelError(error, "IN_USE")) return true;
    throw error;
  }
}
