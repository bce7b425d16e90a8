import { open, readdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { UmbelError } from "@umbel/core";

/** The version of the store's layout on disk. */
export const STORE_FORMAT = 2;

const FORMAT_FILE = "format";
const FORMAT_LINE = /^umbel blocks ([1-9][0-9]{0,5})(?: ([0-9a-f]{16}))?\n$/;

/**
 * Checks the `format` file of a store's folder, or writes it into an empty one: one line, `umbel blocks 2 <check of the key>`.
 * Throws BAD_CONFIG when it names another version or key, cannot be understood, or is missing beside other files.
 */
export async function readStoreFormat(folder: string, keyCheck: string): Promise<void> {
  const text = await readFile(join(folder, FORMAT_FILE), "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return undefined;
    throw new UmbelError("READ_FAILED", `${join(folder, FORMAT_FILE)} cannot be read`, { cause });
  });
  if (text === undefined) return startFormat(folder, keyCheck);
  const [, version, check] = FORMAT_LINE.exec(text) ?? [];
  if (version === undefined) throw notAStore(folder);
  if (Number(version) > STORE_FORMAT) {
    throw new UmbelError(
      "BAD_CONFIG",
      `the block store in ${folder} was written by a newer umbel (format ${version}, this one knows ${STORE_FORMAT}): update umbel`,
    );
  }
  if (Number(version) < STORE_FORMAT) {
    throw new UmbelError(
      "BAD_CONFIG",
      `the block store in ${folder} was written by an older umbel, which kept blocks readable: remove that folder, the network has the other copies`,
    );
  }
  if (check === undefined) throw notAStore(folder);
  if (check !== keyCheck) {
    throw new UmbelError(
      "BAD_CONFIG",
      `the block store in ${folder} belongs to another node key: restore that key, or remove the folder`,
    );
  }
}

async function startFormat(folder: string, keyCheck: string): Promise<void> {
  const others = (await readdir(folder)).filter((name) => name !== `${FORMAT_FILE}.new`);
  if (others.length > 0) throw notAStore(folder);
  try {
    const file = await open(join(folder, `${FORMAT_FILE}.new`), "w", 0o600);
    await file.writeFile(`umbel blocks ${STORE_FORMAT} ${keyCheck}\n`);
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
