import { randomBytes } from "node:crypto";
import { open } from "node:fs/promises";
import { decodeBase32, encodeBase32, isUmbelError, UmbelError } from "@umbel/core";
import { decodeJson, encodeJson, PUBLISH_SECRET_BYTES, SIZE_CLASSES } from "@umbel/storage";
import { readFileIfPresent } from "../files/atomic-file.ts";
import type { DataFolder } from "../files/data-folder.ts";
import { fileError, systemCode } from "../files/system-error.ts";
import type { SourceOptions } from "./publish-source.ts";

const DEDUPE_FILE = "dedupe-secret";
const MAX_SECRET_FILE_BYTES = 4_096;

/**
 * The user's own secret for `--dedupe`: that of a file, or of the data folder, where it is made when it is first needed.
 * Throws BAD_INPUT, READ_FAILED, WRITE_FAILED.
 */
export async function dedupeSecret(folder: DataFolder, file: string | undefined): Promise<Uint8Array> {
  if (file !== undefined) {
    const bytes = await readFileIfPresent(file, MAX_SECRET_FILE_BYTES);
    if (bytes === undefined) throw new UmbelError("BAD_INPUT", `--dedupe: there is no secret at ${file}`);
    return secretIn(bytes, file);
  }
  await folder.update(DEDUPE_FILE, (content) =>
    content === undefined ? textOf(`${encodeBase32(randomBytes(PUBLISH_SECRET_BYTES))}\n`) : undefined,
  );
  const bytes = await folder.read(DEDUPE_FILE, MAX_SECRET_FILE_BYTES);
  return secretIn(bytes ?? new Uint8Array(0), folder.file(DEDUPE_FILE));
}

/** What a dry run promised: the secret that the keys come from, how the input was read, and what came out. */
export interface PublishPlan extends SourceOptions {
  readonly secret: Uint8Array;
  readonly reference: string;
}

/** Writes a plan to a new file for its owner only. Throws BAD_INPUT when the file is there, WRITE_FAILED, DISK_FULL. */
export async function savePlan(path: string, plan: PublishPlan): Promise<void> {
  try {
    const file = await open(path, "wx", 0o600);
    try {
      await file.writeFile(encodeJson({ version: 1, ...plan, secret: encodeBase32(plan.secret) }));
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (systemCode(cause) === "EEXIST") {
      throw new UmbelError("BAD_INPUT", `--save-plan: ${path} exists already`);
    }
    throw fileError("WRITE_FAILED", `cannot write ${path}`, cause);
  }
}

/** Reads a plan. Throws BAD_INPUT, READ_FAILED. */
export async function loadPlan(path: string): Promise<PublishPlan> {
  const bytes = await readFileIfPresent(path, MAX_SECRET_FILE_BYTES);
  const plan = bytes === undefined ? undefined : (decodeJson(bytes) as PlanFile | undefined);
  if (plan === undefined || plan === null || !isPlan(plan)) {
    throw new UmbelError("BAD_INPUT", `--plan: ${path} is not a plan that --save-plan wrote`);
  }
  const { name, hidden, keepTimes, keepTypes, pad, reference } = plan;
  const secret = secretIn(textOf(plan.secret), path);
  return { name, hidden, keepTimes, keepTypes, pad, reference, secret };
}

type PlanFile = Omit<PublishPlan, "secret"> & { readonly version: number; readonly secret: string };

function isPlan(plan: PlanFile): boolean {
  return (
    plan.version === 1 &&
    typeof plan.secret === "string" &&
    typeof plan.reference === "string" &&
    (plan.name === undefined || typeof plan.name === "string") &&
    SIZE_CLASSES.includes(plan.pad) &&
    [plan.hidden, plan.keepTimes, plan.keepTypes].every((flag) => typeof flag === "boolean")
  );
}

function secretIn(bytes: Uint8Array, path: string): Uint8Array {
  try {
    return decodeBase32(new TextDecoder().decode(bytes).trim(), PUBLISH_SECRET_BYTES);
  } catch (error) {
    if (!isUmbelError(error)) throw error;
    throw new UmbelError("BAD_INPUT", `${path} does not hold a secret of umbel (52 characters of base32)`);
  }
}

function textOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
