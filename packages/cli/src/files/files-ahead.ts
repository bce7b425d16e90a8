import { readFile } from "node:fs/promises";
import { type FileEntry, readEntry, wasChanged } from "./folder-walk.ts";

/** Small files are read whole, so many ahead of the one whose turn it is. */
const AHEAD_FILES = 8;
/** Longer files are read when their turn comes: AHEAD_FILES of these stay in memory at most. */
const AHEAD_BYTES = 256 * 1024;

/** Reads the files of a folder in order, the small ones ahead of their turn: opening each costs more than its bytes. */
export function filesAhead(
  files: readonly FileEntry[],
): readonly (FileEntry & { read(): AsyncIterable<Uint8Array> })[] {
  const started = new Map<number, Promise<Uint8Array | undefined>>();
  const start = (index: number): void => {
    const file = files[index];
    if (file === undefined || started.has(index) || file.bytes > AHEAD_BYTES) return;
    started.set(index, wholeOf(file));
  };
  return files.map((file, index) => ({
    ...file,
    async *read() {
      for (let next = index; next <= index + AHEAD_FILES; next++) start(next);
      const whole = await started.get(index);
      started.delete(index);
      if (whole === undefined) yield* readEntry(file);
      else if (whole.length > 0) yield whole;
    },
  }));
}

/** The bytes of a file as the walk saw it; undefined when it is to be read again, by whoever reports what is wrong. */
async function wholeOf(file: FileEntry): Promise<Uint8Array | undefined> {
  try {
    const bytes = new Uint8Array(await readFile(file.source));
    return bytes.length === file.bytes && !(await wasChanged(file)) ? bytes : undefined;
  } catch {
    return undefined;
  }
}
