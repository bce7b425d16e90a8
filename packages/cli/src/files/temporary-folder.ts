import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileError } from "./system-error.ts";

/** Runs `use` with a fresh folder that is removed afterwards, whatever happens. Throws WRITE_FAILED, DISK_FULL. */
export async function withTemporaryFolder<Result>(
  name: string,
  use: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), `${name}-`)).catch((cause) => {
    throw fileError("WRITE_FAILED", `cannot create a folder in ${tmpdir()}`, cause);
  });
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
