import type { FolderEntry } from "@umbel/storage";
import { openPartialFolder, type PartialFolder } from "../files/partial-folder.ts";
import type { Meter } from "./fetch-meter.ts";
import type { ResolvedReference } from "./open-reference.ts";
import { partialNames } from "./partial-names.ts";
import { type FolderTarget, pathBelow } from "./reference-target.ts";
import { copyFile, leave, type WriteOptions } from "./write-file.ts";

/** Writes all files of a folder, in order; what an earlier run wrote whole is checked and not fetched again. Throws as `fetchReference`. */
export async function writeFolder(
  target: FolderTarget,
  resolved: ResolvedReference,
  place: string,
  options: WriteOptions,
  meter: Meter,
): Promise<string> {
  const names = partialNames(options.resume === false ? undefined : resolved, place);
  const output = await openPartialFolder(place, { ...options, ...names });
  try {
    const there = new WholeFiles(target, output);
    for await (const entry of target.folder.entriesAhead(target.under, (each) => there.isMissing(each))) {
      await there.addBefore(entry, meter);
      await writeEntry(target, entry, output, meter);
    }
    await there.addBefore(undefined, meter);
    await output.finish();
  } catch (error) {
    await leave(output, error, options);
  }
  return output.target;
}

async function writeEntry(
  target: FolderTarget,
  entry: FolderEntry,
  output: PartialFolder,
  meter: Meter,
): Promise<void> {
  const path = pathBelow(target, entry);
  begin(meter, path, entry.size);
  const file = await output.file(path);
  try {
    await copyFile(entry, file, meter, file.checked);
    await file.finish();
  } finally {
    await file.discard();
  }
}

/** What a folder's sha256 begins a file with. */
function begin(meter: Meter, path: string, size: number): void {
  meter.hash.update(`${path}\0${size}\0`);
  meter.files++;
}

/** Files that an earlier run finished: they are counted and hashed in their turn, between those that are fetched. */
class WholeFiles {
  readonly #target: FolderTarget;
  readonly #output: PartialFolder;
  /** Every file seen so far and not yet passed, in order; bytes for those that are there. */
  readonly #seen: { readonly entry: FolderEntry; readonly bytes: AsyncIterable<Uint8Array> | undefined }[] =
    [];

  constructor(target: FolderTarget, output: PartialFolder) {
    this.#target = target;
    this.#output = output;
  }

  async isMissing(entry: FolderEntry): Promise<boolean> {
    const bytes = await this.#output.whole(pathBelow(this.#target, entry), entry.size);
    this.#seen.push({ entry, bytes });
    return bytes === undefined;
  }

  /** Counts what is there up to `next`; to the end when that is undefined. */
  async addBefore(next: FolderEntry | undefined, meter: Meter): Promise<void> {
    for (let first = this.#seen.shift(); first !== undefined; first = this.#seen.shift()) {
      if (first.entry.path === next?.path) return;
      if (first.bytes === undefined) continue;
      begin(meter, pathBelow(this.#target, first.entry), first.entry.size);
      for await (const bytes of first.bytes) meter.addKept(bytes);
    }
  }
}
