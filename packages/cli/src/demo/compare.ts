import { createReadStream } from "node:fs";
import { UmbelError } from "@umbel/core";
import { type FileEntry, walkPath } from "../files/folder-walk.ts";
import { formatCount } from "../format.ts";

/** What two paths have in common when nothing differs. */
export interface Sameness {
  readonly files: number;
  readonly bytes: number;
}

/** Compares two files or folders: names, sizes and every byte. Throws INTERNAL naming the first difference. */
export async function compareBytes(published: string, fetched: string): Promise<Sameness> {
  const [before, after] = await Promise.all([
    walkPath(published, { hidden: false }),
    walkPath(fetched, { hidden: true }),
  ]);
  if (before.kind !== after.kind) throw differs(`a ${before.kind} came back as a ${after.kind}`);
  if (before.files.length !== after.files.length) {
    throw differs(`${formatCount(before.files.length, "file")} went in, ${after.files.length} came out`);
  }
  const copies = new Map(after.files.map((file) => [file.path.normalize("NFC"), file]));
  for (const file of before.files) {
    const copy = before.kind === "file" ? after.files[0] : copies.get(file.path.normalize("NFC"));
    if (copy === undefined) throw differs(`${file.path} is missing`);
    await compareFiles(file, copy);
  }
  return { files: before.files.length, bytes: before.files.reduce((sum, { bytes }) => sum + bytes, 0) };
}

async function compareFiles(file: FileEntry, copy: FileEntry): Promise<void> {
  if (file.bytes !== copy.bytes)
    throw differs(`${file.path} has ${copy.bytes} bytes instead of ${file.bytes}`);
  const chunks = { highWaterMark: 1024 * 1024 };
  const other = createReadStream(copy.source, chunks)[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  let offset = 0;
  for await (const chunk of createReadStream(file.source, chunks)) {
    while (held.length < (chunk as Buffer).length) {
      const next = await other.next();
      if (next.done) throw differs(`${file.path} ends early`);
      held = Buffer.concat([held, next.value as Buffer]);
    }
    const length = (chunk as Buffer).length;
    if (!held.subarray(0, length).equals(chunk as Buffer))
      throw differs(`${file.path} differs after byte ${offset}`);
    held = held.subarray(length);
    offset += length;
  }
}

function differs(how: string): UmbelError {
  return new UmbelError("INTERNAL", `what was fetched is not what was published: ${how}`);
}
