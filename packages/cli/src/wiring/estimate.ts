import { randomBytes } from "node:crypto";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import {
  CLIENT_DATA_CIRCUITS,
  contentKeysOf,
  countBlocks,
  inputOf,
  keysOfSecret,
  PUBLISH_SECRET_BYTES,
  type PublishInput,
  type PublishKeys,
  RECEIPT_SAMPLE_BLOCKS,
  referenceTo,
  wireBytes,
} from "@umbel/storage";
import type { Estimate, EstimateOptions } from "../engine.ts";
import { openDataFolder } from "../files/data-folder.ts";
import { dedupeSecret, savePlan } from "./publish-secrets.ts";
import { describeStdin, type OpenedSource, readStream, sourceAt, stdinSource } from "./publish-source.ts";

/**
 * Makes all blocks of a publish and sends none. Throws READ_FAILED, BAD_INPUT, WRITE_FAILED, DISK_FULL, ABORTED.
 */
export async function estimatePublish(path: string, options: EstimateOptions): Promise<Estimate> {
  const { signal, pad: sizeClass, savePlan: planPath } = options;
  const opened = path === "-" ? standardInput(options) : await sourceAt(path, options);
  const input = await inputOf(opened.source);
  const secret = new Uint8Array(randomBytes(PUBLISH_SECRET_BYTES));
  const keys = await keysFor(options, input, secret);
  const count = await countBlocks({ crypto: nodeProvider, input, keys, sizeClass, signal });
  const { data, parity, index, root } = count.blocks;
  const receiptBlocks = options.receipt
    ? Math.min(RECEIPT_SAMPLE_BLOCKS, data + parity) + index + 3 * root
    : 0;
  const { up, down } = wireBytes(count.puts, receiptBlocks);
  const isKept = options.dedupe !== undefined || planPath !== undefined;
  const reference = isKept ? referenceTo(keys, count.rootId) : undefined;
  if (planPath !== undefined && reference !== undefined) {
    const { hidden, keepTimes, keepTypes, pad, name } = opened.description;
    await savePlan(planPath, { name, hidden, keepTimes, keepTypes, pad, secret, reference });
  }
  return {
    ...{ files: count.files, bytes: count.bytes, skipped: opened.skipped, blocks: count.blocks },
    ...{ puts: count.puts, receiptBlocks, bytesUp: up, bytesDown: down },
    ...{ circuits: CLIENT_DATA_CIRCUITS, reference },
  };
}

async function keysFor(
  { dedupe, dataDir, pad, signal }: EstimateOptions,
  input: PublishInput,
  secret: Uint8Array,
): Promise<PublishKeys> {
  if (dedupe === undefined) return keysOfSecret(nodeProvider, secret);
  const userSecret = await dedupeSecret(await openDataFolder(dataDir), dedupe.file);
  return contentKeysOf(nodeProvider, userSecret, input, { sizeClass: pad, signal });
}

function standardInput(options: EstimateOptions): OpenedSource {
  const description = describeStdin(options);
  const source = stdinSource(description, () => readStream(options.stdin, options.signal));
  return { source, description, skipped: 0 };
}
