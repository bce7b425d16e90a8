import { createHash, type Hash } from "node:crypto";
import { join } from "node:path";
import { isUmbelError, UmbelError } from "@umbel/core";
import { type ByteRange, rangeWithin } from "../byte-range.ts";
import type { Fetched, FetchOptions } from "../engine.ts";
import {
  checkOutput,
  createStreamOutput,
  isDevice,
  type OutputFile,
  openDevice,
} from "../files/output-file.ts";
import { openPartialFile, type PartialFile } from "../files/partial-file.ts";
import { type Operation, withClient } from "./client.ts";
import { writeFolder } from "./fetch-folder.ts";
import { openResolved, type ResolvedReference, resolveReference, unwrapReference } from "./open-reference.ts";
import { partialNames } from "./partial-names.ts";
import { type FileTarget, followPath, type ReferenceTarget } from "./reference-target.ts";

/** Counts, hashes and reports what was written. */
export interface Meter {
  /** Over all bytes so far; see `fetchReference` for a folder. */
  readonly hash: Hash;
  readonly bytes: number;
  /** Of them, what an earlier run had left. */
  readonly keptBytes: number;
  files: number;
  add(bytes: Uint8Array): void;
  addKept(bytes: Uint8Array): void;
}

/**
 * Fetches what a reference names to a file, a folder or standard output. The sha256 of a folder is over, for each file in order of
 * paths: the path in UTF-8, a zero byte, the size in decimal, a zero byte, the bytes. What an earlier run left half-done is
 * checked and gone on with, unless `resume` is false. Throws BAD_REFERENCE, NOT_FOUND, BAD_INPUT for an output that cannot be
 * used, WRITE_FAILED, DISK_FULL, IN_USE, NETWORK_UNREACHABLE, NO_PATH, ABORTED.
 */
export async function fetchReference(text: string, options: FetchOptions): Promise<Fetched> {
  const reference = await unwrapReference(text);
  if (options.output !== undefined && options.output !== "-") await checkOutput(options.output, options);
  const started = performance.now();
  return withClient(options, async (operation) => {
    let blocks = 0;
    const { signal, onWarning } = options;
    const opening = {
      ...{ signal, onWarning },
      progress: (arrived: number) => {
        blocks = arrived;
      },
    };
    const resolved = await resolveReference(reference, operation, opening);
    const opened = await openResolved(resolved, operation, opening);
    const target = await followPath(opened, pathOf(resolved), `umbel-${idOf(resolved).slice(0, 8)}`);
    const meter = createMeter(options, operation, sizeOf(target, options.range), () => blocks);
    const output = await write(target, resolved, options, meter);
    return {
      bytes: meter.bytes,
      keptBytes: meter.keptBytes,
      sha256: meter.hash.digest("hex"),
      seconds: (performance.now() - started) / 1000,
      output,
      files: target.kind === "file" ? 1 : meter.files,
    };
  });
}

/** Writes one file, from what an earlier run left if that is right. `content.range` gives what is missing. */
export async function copyFile(
  content: FileTarget["content"],
  to: Pick<PartialFile, "keptBytes" | "read" | "startAt" | "write">,
  meter: Meter,
  checked: (bytes: Uint8Array) => void = () => undefined,
): Promise<void> {
  let at = 0;
  if (to.keptBytes > 0) {
    const size = Math.min(to.keptBytes, content.size);
    for await (const bytes of content.verified({ size, read: (start, end) => to.read(start, end) })) {
      at += bytes.length;
      checked(bytes);
      meter.addKept(bytes);
    }
  }
  await to.startAt(at);
  for await (const bytes of content.range(at, content.size)) {
    await to.write(bytes);
    meter.add(bytes);
  }
}

/**
 * Leaves what is half-done for the next run and says so, when a next run may do better; else removes it. Rethrows `error`.
 */
export async function leave(
  half: { readonly path: string; keep(): Promise<boolean>; discard(): Promise<void> },
  error: unknown,
  options: FetchOptions,
): Promise<never> {
  const isHopeless = isUmbelError(error, "CRYPTO_FAILED", "BAD_ENCODING");
  if (options.resume === false || isHopeless) await half.discard();
  else if (await half.keep()) {
    options.onNote?.(`what has arrived is kept in ${half.path}; the same command goes on from there`);
  }
  throw error;
}

function pathOf(resolved: ResolvedReference): readonly string[] {
  return resolved.kind === "file" ? resolved.path : [];
}

function idOf(resolved: ResolvedReference): string {
  return resolved.kind === "file" ? resolved.rootId : resolved.blockId;
}

/** Bytes that will be written, where that is known. Throws BAD_INPUT for a range that the file does not have. */
function sizeOf(target: ReferenceTarget, range: ByteRange | undefined): number | undefined {
  if (range === undefined) return target.size;
  if (target.kind === "folder")
    throw new UmbelError("BAD_INPUT", "--range is for a file; the reference names a folder");
  const { start, end } = rangeWithin(range, target.size);
  return end - start;
}

function createMeter(
  options: FetchOptions,
  operation: Operation,
  bytesTotal: number | undefined,
  blocks: () => number,
): Meter {
  const state = { hash: createHash("sha256"), bytes: 0, keptBytes: 0, files: 0 };
  const add = (bytes: Uint8Array) => {
    state.hash.update(bytes);
    state.bytes += bytes.length;
    options.onProgress?.({
      bytesDone: state.bytes,
      bytesTotal,
      blocksDone: blocks(),
      blocksTotal: undefined,
      circuits: operation.circuits(),
    });
  };
  return Object.assign(state, {
    add,
    addKept: (bytes: Uint8Array) => {
      state.keptBytes += bytes.length;
      add(bytes);
    },
  });
}

async function write(
  target: ReferenceTarget,
  resolved: ResolvedReference,
  options: FetchOptions,
  meter: Meter,
): Promise<string> {
  const place = options.output ?? join(options.cwd, target.name);
  if (target.kind === "folder") {
    if (place === "-") {
      throw new UmbelError(
        "BAD_INPUT",
        "the reference names a folder: give a path for it with -o, or name one of its files (umbel ls lists them)",
      );
    }
    return writeFolder(target, resolved, place, options, meter);
  }
  if (place === "-") return copyThrough(target, createStreamOutput(options.stdout), options, meter);
  if (await isDevice(place)) return copyThrough(target, await openDevice(place), options, meter);
  return writeFile(target, resolved, place, options, meter);
}

/** To where nothing can be gone on with. */
async function copyThrough(
  target: FileTarget,
  output: OutputFile,
  { range }: FetchOptions,
  meter: Meter,
): Promise<string> {
  const { start, end } = range ? rangeWithin(range, target.size) : { start: 0, end: target.size };
  try {
    for await (const bytes of target.content.range(start, end)) {
      await output.write(bytes);
      meter.add(bytes);
    }
    await output.finish();
  } catch (error) {
    await output.discard();
    throw error;
  }
  return output.target;
}

async function writeFile(
  target: FileTarget,
  resolved: ResolvedReference,
  place: string,
  options: FetchOptions,
  meter: Meter,
): Promise<string> {
  const isWhole = options.range === undefined && options.resume !== false;
  const output = await openPartialFile(place, {
    ...options,
    ...partialNames(isWhole ? resolved : undefined, place),
  });
  if (options.range !== undefined) return copyThrough(target, output, options, meter);
  try {
    await copyFile(target.content, output, meter);
    await output.finish();
  } catch (error) {
    await leave(output, error, options);
  }
  return output.target;
}
