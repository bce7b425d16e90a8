import { createCipheriv } from "node:crypto";
import { cp, open } from "node:fs/promises";
import { join } from "node:path";
import { fileError } from "../files/system-error.ts";
import { SAMPLE_FOLDER } from "../package-files.ts";

const MIB = 1024 * 1024;

/** The sample site and a large file beside it, as a folder inside `folder`. Throws WRITE_FAILED, DISK_FULL. */
export async function prepareSample(folder: string, largeMib: number): Promise<string> {
  const site = join(folder, "sample-site");
  try {
    await cp(SAMPLE_FOLDER, site, { recursive: true });
    await writeNoise(join(site, "large.bin"), largeMib);
  } catch (cause) {
    throw fileError("WRITE_FAILED", `cannot prepare the sample in ${folder}`, cause);
  }
  return site;
}

/** Bytes that do not compress and are the same in every run: the keystream of ChaCha20 under an all-zero key. */
async function writeNoise(path: string, mib: number): Promise<void> {
  const noise = createCipheriv("chacha20", Buffer.alloc(32), Buffer.alloc(16));
  const file = await open(path, "wx");
  try {
    for (let written = 0; written < mib; written++) await file.write(noise.update(Buffer.alloc(MIB)));
  } finally {
    await file.close();
  }
}
