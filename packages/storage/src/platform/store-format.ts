import { open, readdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { UmbelError } from "@umbel/core";

/** The version of the store's layout on disk. */
export const STORE_FORMAT = 1;

const FORMAT_FILE = "format";
const FORMAT_LINE = /^umbel blocks ([1-9][0-9]{0,5})\n$/;

/**
 * Checks the `format` file of a store's folder, or writes it into an empty one: one line, `umbel blocks 1`.
 * Throws BAD_CONFIG when it names a newer version, cannot be understood, or is missing beside other files.
 */
export async function readStoreFormat(folder: string): Promise<void> {
  const text = await readFile(join(folder, FORMAT_FILE), "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return undefined;
    throw new UmbelError("READ_FAILED", `${join(folder, FORMAT_FILE)} cannot be read`, { cause });
  });
  if (text === undefined) return startFormat(folder);
  const version = FORMAT_LINE.exec(text)?.[1];
  if (version === undefined) throw notAStore(folder);
  if (Number(version) > STORE_FORMAT) {
    throw new UmbelError(
      "BAD_CONFIG",
      `the block store in ${folder} was written by a newer umbel (format ${version}, this one knows ${STORE_FORMAT}): update umbel`,
    );
  }
}

async function startFormat(folder: string): Promise<void> {
  const others = (await readdir(folder)).filter((name) => name !== `${FORMAT_FILE}.new`);
  if (others.length > 0) throw notAStore(folder);
  try {
    const file = await open(join(folder, `${FORMAT_FILE}.new`), "w", 0o600);
    await file.writeFile(`umbel blocks ${STORE_FORMAT}\n`);
    await file.sync();
    await file.close();
    await rename(join(folder, `${FORMAT_FILE}.new`), join(folder, FORMAT_FILE));
  } catch (cause) {
    const full = (cause as NodeJS.ErrnoException).code === "ENOSPC";
    throw new UmbelError(full ? "DISK_FULL" : "WRITE_FAILED", `the folder ${folder} cannot be written`, {
      cause,
    });
  }
}

function notAStore(folder: string): UmbelError {
  return new UmbelError(
    "BAD_CONFIG",
    `${folder} holds no block store of umbel: name an empty folder, or move its files away`,
  );
}
