import { BLOCK_BYTES, toHex } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { systemClock, systemTimers } from "@umbel/router/platform/system-clock";
import {
  type Client,
  exportBundle,
  type Imported,
  type ImportRecord,
  importBundle,
  type OperationOptions,
} from "@umbel/storage";
import type { ClientOptions } from "../engine.ts";
import { createBundleFile, openBundleFile } from "../files/bundle-file.ts";
import { type DataFolder, openDataFolder } from "../files/data-folder.ts";
import { withClient } from "./client.ts";
import { verifyTargetOf, wantedHolders } from "./verify-target.ts";

export interface ExportBundleOptions extends ClientOptions {
  /** The file to write. */
  readonly output: string;
  readonly force: boolean;
  readonly parity: boolean;
}

export interface ExportedBundle {
  readonly output: string;
  readonly blocks: number;
  readonly bytes: number;
  readonly seconds: number;
}

/**
 * Writes what a reference leads to as one file, which appears when it is whole. Throws BAD_REFERENCE, BAD_INPUT, NOT_FOUND,
 * LIMIT_REACHED, WRITE_FAILED, DISK_FULL, NETWORK_UNREACHABLE, NO_PATH, ABORTED.
 */
export async function exportReference(text: string, options: ExportBundleOptions): Promise<ExportedBundle> {
  const target = await verifyTargetOf(text, options);
  const file = await createBundleFile(options.output, options);
  const started = performance.now();
  try {
    const table = await withNetwork(options, {}, (network) =>
      exportBundle({
        ...{ crypto: nodeProvider, random: nodeRandom, network: network.blocks, target },
        ...{ parity: options.parity, signal: options.signal },
        timing: { clock: systemClock, timers: systemTimers },
        open: async (bytes) => {
          await file.reserve(bytes);
          return file;
        },
        progress: network.progress,
      }),
    );
    await file.finish();
    const seconds = (performance.now() - started) / 1000;
    return { output: options.output, blocks: table.count, bytes: table.fileBytes, seconds };
  } catch (error) {
    await file.discard();
    throw error;
  }
}

export interface ImportedBundle extends Imported {
  readonly seconds: number;
}

/**
 * Puts the blocks of a bundle into the network; what an earlier import had put is not put again. Throws BAD_ENCODING for a damaged
 * file, READ_FAILED, NOT_STORED, NETWORK_UNREACHABLE, NO_PATH, ABORTED.
 */
export async function importFile(path: string, options: ClientOptions): Promise<ImportedBundle> {
  const source = await openBundleFile(path);
  const started = performance.now();
  try {
    const record = recordIn(await openDataFolder(options.dataDir), options.network);
    const imported = await withNetwork(options, { spread: true, secondGuard: true }, (network) =>
      importBundle({
        ...{ crypto: nodeProvider, network: network.blocks, source, record },
        ...{ wanted: wantedHolders(network.client), signal: options.signal, progress: network.progress },
      }),
    );
    return { ...imported, seconds: (performance.now() - started) / 1000 };
  } finally {
    await source.close();
  }
}

interface CountedNetwork {
  readonly client: Client;
  readonly blocks: ReturnType<Client["operation"]>;
  readonly progress: (done: { readonly blocksDone: number; readonly blocksTotal: number }) => void;
}

/** One operation of a client, with its progress in bytes. */
function withNetwork<Result>(
  options: ClientOptions,
  given: OperationOptions,
  work: (network: CountedNetwork) => Promise<Result>,
): Promise<Result> {
  return withClient(options, async ({ client }) => {
    let circuits = 0;
    const blocks = client.operation({
      ...given,
      onCircuits(inUse) {
        circuits = inUse.length;
        options.onCircuits?.(inUse.map(({ path }) => path));
      },
    });
    const progress: CountedNetwork["progress"] = ({ blocksDone, blocksTotal }) =>
      options.onProgress?.({
        ...{ bytesDone: blocksDone * BLOCK_BYTES, bytesTotal: blocksTotal * BLOCK_BYTES },
        ...{ blocksDone, blocksTotal, circuits },
      });
    try {
      return await work({ client, blocks, progress });
    } finally {
      blocks.close();
    }
  });
}

/** Longest record that is read: a bit for each entry that a bundle may have. */
const MAX_RECORD_BYTES = 2 ** 17;

function recordIn(folder: DataFolder, network: string): ImportRecord {
  const name = (digest: Uint8Array) => `import-${network}-${toHex(digest.subarray(0, 16))}`;
  return {
    load: (digest) => folder.read(name(digest), MAX_RECORD_BYTES),
    save: (digest, done) => folder.write(name(digest), done),
    remove: (digest) => folder.erase(name(digest)),
  };
}
