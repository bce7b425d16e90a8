import type { Readable } from "node:stream";
import { UmbelError } from "@umbel/core";
import type { FileAttributes, PublishSource, SizeClass, SourceDescription } from "@umbel/storage";
import { filesAhead } from "../files/files-ahead.ts";
import { type FileEntry, fingerprintOf, walkPath } from "../files/folder-walk.ts";
import { mediaTypeOf } from "../files/media-type.ts";
import { fileError } from "../files/system-error.ts";

/** How a path is read for a publish. */
export interface SourceOptions {
  /** What readers see; the name of the file or folder when absent. */
  readonly name?: string | undefined;
  readonly hidden: boolean;
  readonly keepTimes: boolean;
  readonly keepTypes: boolean;
  readonly pad: SizeClass;
}

/** What stands at a path, opened for a publish. */
export interface OpenedSource {
  readonly source: PublishSource;
  readonly description: SourceDescription;
  /** Files and folders left out since their names start with a dot. */
  readonly skipped: number;
}

/** Opens a file or a folder. Throws READ_FAILED, BAD_INPUT. */
export async function sourceAt(path: string, options: SourceOptions): Promise<OpenedSource> {
  const walked = await walkPath(path, { hidden: options.hidden });
  const name = options.name ?? walked.name;
  const entries = filesAhead(walked.files).map((file) => ({
    path: file.path,
    size: file.bytes,
    attributes: attributesOf(file, options),
    read: () => file.read(),
  }));
  const { hidden, keepTimes, keepTypes, pad } = options;
  const description: SourceDescription = {
    ...{ kind: walked.kind, path, name, files: entries.length },
    bytes: entries.reduce((sum, { size }) => sum + size, 0),
    fingerprint: fingerprintOf(walked.files),
    ...{ hidden, keepTimes, keepTypes, pad },
  };
  const [first] = entries;
  if (walked.kind === "folder" || first === undefined)
    return { source: { kind: "folder", name, entries }, description, skipped: walked.skipped };
  const { size, attributes, read } = first;
  return { source: { kind: "file", name, size, attributes, read }, description, skipped: 0 };
}

/** Opens what a job published, if it is still the same. Throws BAD_INPUT when it changed, READ_FAILED. */
export async function sourceAgain(description: SourceDescription): Promise<PublishSource> {
  const { path, files, bytes, fingerprint } = description;
  const again = await sourceAt(path, description);
  const isSame =
    again.description.files === files &&
    again.description.bytes === bytes &&
    again.description.fingerprint === fingerprint;
  if (isSame) return again.source;
  throw new UmbelError(
    "BAD_INPUT",
    `${path} changed since this publish began, so it cannot be resumed: publish it anew, and forget the job (umbel jobs forget)`,
  );
}

/** What is known of standard input before it is read. */
export function describeStdin(options: SourceOptions): SourceDescription {
  const { name, hidden, keepTypes, pad } = options;
  return {
    ...{ kind: "stdin", path: "-", name, files: 1, fingerprint: "" },
    ...{ hidden, keepTimes: false, keepTypes, pad },
  };
}

/** Standard input as a source; `read` gives its bytes. */
export function stdinSource(
  { name, keepTypes }: SourceDescription,
  read: () => AsyncIterable<Uint8Array>,
): PublishSource {
  const mediaType = keepTypes ? mediaTypeOf(name ?? "") : undefined;
  return { kind: "file", name, attributes: mediaType === undefined ? {} : { mediaType }, read };
}

/** Whoever interrupts must not have to wait for the next byte of a pipe that is silent. Throws READ_FAILED. */
export async function* readStream(stdin: Readable, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const stop = () => void stdin.destroy();
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    for await (const chunk of stdin) yield chunk as Uint8Array;
  } catch (cause) {
    throw fileError("READ_FAILED", "cannot read standard input", cause);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function attributesOf(file: FileEntry, options: SourceOptions): FileAttributes {
  const modified = options.keepTimes ? Math.max(0, Math.floor(file.modified / 1000)) : undefined;
  const mediaType = options.keepTypes ? mediaTypeOf(file.path) : undefined;
  return { ...(modified !== undefined && { modified }), ...(mediaType !== undefined && { mediaType }) };
}
