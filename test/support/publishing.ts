import type { RandomSource } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import {
  type BlockNetwork,
  type FetchedFile,
  type FetchedFolder,
  type FetchOptions,
  openReference,
  type PublishOptions,
  type PublishResult,
  publish,
} from "@umbel/storage";
import { fileReference } from "./file-reference.ts";
import { createSeededRandom } from "./seeded-random.ts";

/** Bytes that differ everywhere, the same for the same seed. */
export function sampleBytes(length: number, seed: string | number = 0): Uint8Array {
  return createSeededRandom(`sample ${seed}`).bytes(length);
}

/** `bytes` as a stream of arrays of `arrayBytes`. */
export async function* streamOf(bytes: Uint8Array, arrayBytes = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += arrayBytes) yield bytes.subarray(at, at + arrayBytes);
}

/** All bytes of a stream in one array. */
export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}

/** Publishes bytes as one file. */
export function publishBytes(
  network: BlockNetwork,
  bytes: Uint8Array,
  options: Partial<PublishOptions> & { name?: string; random?: RandomSource } = {},
): Promise<PublishResult> {
  return publish({
    crypto: nodeProvider,
    random: createSeededRandom("publish"),
    network,
    wanted: 3,
    source: { kind: "file", name: options.name, size: bytes.length, read: () => streamOf(bytes) },
    ...options,
  });
}

/** Publishes files by path as a folder. */
export function publishFiles(
  network: BlockNetwork,
  files: Readonly<Record<string, Uint8Array>>,
  options: Partial<PublishOptions> & { name?: string } = {},
): Promise<PublishResult> {
  const entries = Object.entries(files).map(([path, bytes]) => ({
    path,
    size: bytes.length,
    read: () => streamOf(bytes),
  }));
  return publish({
    crypto: nodeProvider,
    random: createSeededRandom("publish"),
    network,
    wanted: 3,
    source: { kind: "folder", name: options.name, entries },
    ...options,
  });
}

/** Opens what a reference names. */
export function openText(
  network: BlockNetwork,
  reference: string,
  options: Partial<FetchOptions> = {},
): Promise<FetchedFile | FetchedFolder> {
  return openReference({
    crypto: nodeProvider,
    random: createSeededRandom("fetch"),
    network,
    reference: fileReference(reference),
    ...options,
  });
}

/** Opens a reference that must be a file. */
export async function openFile(
  network: BlockNetwork,
  reference: string,
  options: Partial<FetchOptions> = {},
): Promise<FetchedFile> {
  const opened = await openText(network, reference, options);
  if (opened.kind !== "file") throw new Error("not a file");
  return opened;
}

/** Opens a reference that must be a folder. */
export async function openFolder(
  network: BlockNetwork,
  reference: string,
  options: Partial<FetchOptions> = {},
): Promise<FetchedFolder> {
  const opened = await openText(network, reference, options);
  if (opened.kind !== "folder") throw new Error("not a folder");
  return opened;
}
