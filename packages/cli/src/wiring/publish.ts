import type { Readable } from "node:stream";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { HOLDER_COUNT, type PublishSource, publish } from "@umbel/storage";
import type { Published, PublishOptions } from "../engine.ts";
import { readEntry, walkPath } from "../files/folder-walk.ts";
import { fileError } from "../files/system-error.ts";
import { type Operation, withClient } from "./client.ts";

/**
 * Publishes a file, a folder, or standard input ("-"). Throws READ_FAILED, BAD_INPUT, NOT_STORED, NETWORK_UNREACHABLE, NO_PATH,
 * ABORTED.
 */
export async function publishPath(path: string, options: PublishOptions): Promise<Published> {
  const { source, files, skipped } = path === "-" ? standardInput(options) : await sourceAt(path, options);
  const started = performance.now();
  const publishOver = async ({ client, network, circuits }: Operation): Promise<Published> => {
    let bytesDone = 0;
    const stores = client.directory.all().filter(({ roles }) => roles.store).length;
    const result = await publish({
      crypto: nodeProvider,
      random: nodeRandom,
      network,
      source,
      wanted: Math.max(1, Math.min(HOLDER_COUNT, stores)),
      signal: options.signal,
      progress: ({ bytesRead, bytesTotal, blocksDone, blocksQueued, isComplete }) => {
        // Reading runs far ahead of the network: what counts is the share of what was read that holders confirmed.
        const confirmed = blocksQueued === 0 ? 0 : Math.floor(bytesRead * (blocksDone / blocksQueued));
        bytesDone = Math.max(bytesDone, confirmed);
        options.onProgress?.({
          bytesDone,
          bytesTotal,
          blocksDone,
          blocksTotal: isComplete ? blocksQueued : undefined,
          circuits: circuits(),
        });
      },
    });
    return {
      reference: result.reference,
      bytes: result.bytes,
      blocks: result.blocks,
      copies: result.confirmations,
      seconds: (performance.now() - started) / 1000,
      files,
      skipped,
    };
  };
  return withClient(options, publishOver, { secondGuard: true });
}

interface Input {
  readonly source: PublishSource;
  readonly files: number;
  readonly skipped: number;
}

function standardInput({ stdin, name, signal }: PublishOptions): Input {
  const source = { kind: "file", name, read: () => readStream(stdin, signal) } as const;
  return { source, files: 1, skipped: 0 };
}

/** Whoever interrupts must not have to wait for the next byte of a pipe that is silent. */
async function* readStream(stdin: Readable, signal: AbortSignal): AsyncGenerator<Uint8Array> {
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

async function sourceAt(path: string, options: PublishOptions): Promise<Input> {
  const walked = await walkPath(path, { hidden: options.hidden });
  const name = options.name ?? walked.name;
  const entries = walked.files.map((file) => ({
    path: file.path,
    size: file.bytes,
    read: () => readEntry(file),
  }));
  const [first] = entries;
  const counts = { files: entries.length, skipped: walked.skipped };
  if (walked.kind === "folder" || first === undefined)
    return { source: { kind: "folder", name, entries }, ...counts };
  return { source: { kind: "file", name, size: first.size, read: first.read }, ...counts };
}
