import { createHash, type Hash } from "node:crypto";
import { join } from "node:path";
import { parseReference, UmbelError } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { type FetchedFile, type FetchedFolder, openReference } from "@umbel/storage";
import type { Fetched, FetchOptions } from "../engine.ts";
import {
  checkOutput,
  createOutputFile,
  createOutputFolder,
  createStreamOutput,
  type OutputFile,
} from "../files/output-file.ts";
import { type Operation, withClient } from "./client.ts";

/** What a reference leads to: one stream of verified bytes, or several under paths. */
type Target =
  | {
      readonly kind: "file";
      readonly name: string;
      readonly size: number;
      content(): AsyncIterable<Uint8Array>;
    }
  | {
      readonly kind: "folder";
      readonly name: string;
      readonly size: number;
      readonly entries: readonly Entry[];
    };

interface Entry {
  readonly path: string;
  readonly size: number;
  content(): AsyncIterable<Uint8Array>;
}

/** Counts, hashes and reports what was written. */
interface Meter {
  readonly hash: Hash;
  bytes: number;
  add(bytes: Uint8Array): void;
}

/**
 * Fetches what a reference names to a file, a folder or standard output. The sha256 of a folder is over, for each file in order of
 * paths: the path in UTF-8, a zero byte, the size in decimal, a zero byte, the bytes. Throws BAD_REFERENCE, NOT_FOUND,
 * BAD_INPUT for an output that cannot be used, WRITE_FAILED, DISK_FULL, NETWORK_UNREACHABLE, NO_PATH, ABORTED.
 */
export async function fetchReference(text: string, options: FetchOptions): Promise<Fetched> {
  const reference = parseReference(text);
  if (reference.kind !== "file") {
    throw new UmbelError("BAD_INPUT", `a reference of kind "${reference.kind}" cannot be fetched`);
  }
  if (options.output !== undefined && options.output !== "-") await checkOutput(options.output, options);
  const started = performance.now();
  return withClient(options, async (operation) => {
    let blocks = 0;
    const opened = await openReference({
      crypto: nodeProvider,
      random: nodeRandom,
      network: operation.network,
      reference,
      signal: options.signal,
      progress: (arrived) => {
        blocks = arrived;
      },
    });
    const target = await follow(opened, reference.path, reference.rootId.slice(0, 8));
    const meter = createMeter(options, operation, target.size, () => blocks);
    const output = await write(target, options, meter);
    return {
      bytes: meter.bytes,
      sha256: meter.hash.digest("hex"),
      seconds: (performance.now() - started) / 1000,
      output,
      files: target.kind === "file" ? 1 : target.entries.length,
    };
  });
}

/** Follows the path of a reference into a folder. */
async function follow(
  opened: FetchedFile | FetchedFolder,
  path: readonly string[],
  shortId: string,
): Promise<Target> {
  const name = path.at(-1) ?? opened.name ?? `umbel-${shortId}`;
  if (opened.kind === "file") {
    if (path.length > 0)
      throw new UmbelError("NOT_FOUND", "the reference names a file, so no path can follow it");
    return { kind: "file", name, size: opened.size, content: () => opened.content() };
  }
  const wanted = path.join("/");
  const exact = wanted === "" ? undefined : await opened.entry(wanted);
  if (exact !== undefined) return { kind: "file", name, size: exact.size, content: () => exact.content() };
  const prefix = wanted === "" ? "" : `${wanted}/`;
  const entries: Entry[] = [];
  for await (const entry of opened.entries()) {
    if (!entry.path.startsWith(prefix)) continue;
    entries.push({ path: entry.path.slice(prefix.length), size: entry.size, content: () => entry.content() });
  }
  if (entries.length === 0 && wanted !== "")
    throw new UmbelError("NOT_FOUND", `the folder holds no "${wanted}"`);
  return { kind: "folder", name, size: entries.reduce((sum, { size }) => sum + size, 0), entries };
}

function createMeter(
  options: FetchOptions,
  operation: Operation,
  bytesTotal: number,
  blocks: () => number,
): Meter {
  return {
    hash: createHash("sha256"),
    bytes: 0,
    add(bytes) {
      this.hash.update(bytes);
      this.bytes += bytes.length;
      options.onProgress?.({
        bytesDone: this.bytes,
        bytesTotal,
        blocksDone: blocks(),
        blocksTotal: undefined,
        circuits: operation.circuits(),
      });
    },
  };
}

async function write(target: Target, options: FetchOptions, meter: Meter): Promise<string> {
  const place = options.output ?? join(options.cwd, target.name);
  if (target.kind === "folder") {
    if (place === "-") {
      throw new UmbelError(
        "BAD_INPUT",
        "the reference names a folder: give a path for it with -o, or name one of its files",
      );
    }
    return writeFolder(target.entries, place, options, meter);
  }
  const output = place === "-" ? createStreamOutput(options.stdout) : await createOutputFile(place, options);
  await copy(target, output, meter);
  return output.target;
}

async function writeFolder(
  entries: readonly Entry[],
  place: string,
  options: FetchOptions,
  meter: Meter,
): Promise<string> {
  const folder = await createOutputFolder(place, options);
  try {
    for (const entry of entries) {
      meter.hash.update(`${entry.path}\0${entry.size}\0`);
      await copy(entry, await folder.file(entry.path), meter);
    }
    await folder.finish();
  } catch (error) {
    await folder.discard();
    throw error;
  }
  return folder.target;
}

async function copy(
  from: { content(): AsyncIterable<Uint8Array> },
  to: OutputFile,
  meter: Meter,
): Promise<void> {
  try {
    for await (const bytes of from.content()) {
      await to.write(bytes);
      meter.add(bytes);
    }
    await to.finish();
  } catch (error) {
    await to.discard();
    throw error;
  }
}
