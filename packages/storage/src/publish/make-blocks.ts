import {
  type AbortLike,
  type BlockId,
  type CryptoProvider,
  formatReference,
  LABELS,
  UmbelError,
} from "@umbel/core";
import { createErasureCode } from "../erasure/erasure-code.ts";
import { encodeAttributes, type FileAttributes } from "../format/attributes.ts";
import { DEFAULT_CODING } from "../format/coding.ts";
import { canonicalPath, nameFault } from "../format/path.ts";
import type { SizeClass } from "../format/size-class.ts";
import { utf8 } from "../format/utf8.ts";
import type { BlockSink } from "./block-sink.ts";
import { ContentHash, folderHash } from "./content-hash.ts";
import { type PublishContext, publishContent } from "./publish-file.ts";
import { publishFolder, sortedEntries } from "./publish-folder.ts";
import { keysOfContent, type PublishKeys } from "./publish-keys.ts";
import type { FolderSourceEntry, PublishSource } from "./publish-source.ts";

export interface MakeOptions {
  readonly crypto: CryptoProvider;
  readonly input: PublishInput;
  readonly keys: PublishKeys;
  readonly sink: BlockSink;
  /** How sizes are hidden beyond a block; "exact" when absent. */
  readonly sizeClass?: SizeClass | undefined;
  readonly signal?: AbortLike | undefined;
  /** Called as input is consumed. */
  readonly onRead?: ((bytes: number) => void) | undefined;
}

/** What a publish reads, checked: canonical name, canonical paths in the order of the table. */
export type PublishInput = (
  | { readonly kind: "file"; readonly attributes: FileAttributes; read(): AsyncIterable<Uint8Array> }
  | { readonly kind: "folder"; readonly entries: readonly FolderSourceEntry[] }
) & { readonly name: string | undefined; readonly files: number; readonly bytes: number | undefined };

/** What all blocks but the last were made of, and the last. */
export interface MadeContent {
  readonly kind: "file" | "folder";
  /** The root block, which no sink has seen yet. */
  readonly root: Uint8Array;
  /** Bytes of the file, or of all files. */
  readonly bytes: number;
  readonly files: number;
}

/** Checks what a source says of itself. Throws BAD_INPUT for a name or path that cannot be published, what the source throws. */
export async function inputOf(source: PublishSource): Promise<PublishInput> {
  const name = canonicalName(source.name);
  if (source.kind === "file") {
    const { size: bytes, attributes = {} } = source;
    return { kind: "file", name, attributes, files: 1, bytes, read: () => source.read() };
  }
  const entries = await sortedEntries(source);
  const bytes = entries.reduce<number | undefined>(
    (sum, { size }) => (sum === undefined || size === undefined ? undefined : sum + size),
    0,
  );
  return { kind: "folder", name, files: entries.length, bytes, entries };
}

/** Makes every block of an input and gives all but the root to the sink. Throws what input and sink throw, ABORTED. */
export async function makeBlocks(options: MakeOptions): Promise<MadeContent> {
  const { crypto, input, keys, sink, signal, onRead } = options;
  const context: PublishContext = {
    ...{ crypto, sink, keys, check: () => throwIfAborted(signal) },
    ...{ code: createErasureCode(), coding: DEFAULT_CODING, sizeClass: options.sizeClass ?? "exact" },
    onRead: (bytes) => onRead?.(bytes),
  };
  throwIfAborted(signal);
  const readKey = keys.rootKey();
  try {
    const { root, size } =
      input.kind === "file"
        ? await publishContent(context, readKey, input, input.read())
        : await publishFolder(context, readKey, input.name, input.entries);
    return { kind: input.kind, root, bytes: size, files: input.files };
  } finally {
    readKey.fill(0);
  }
}

/** The reference of what was made: a secret of whoever may read the content. */
export function referenceTo(keys: PublishKeys, rootId: BlockId): string {
  const readKey = keys.rootKey();
  const reference = formatReference({ kind: "file", rootId, readKey, path: [] });
  readKey.fill(0);
  return reference;
}

/**
 * Reads an input once, for keys from its content and the user's secret. One key must never serve two contents: where blocks differ,
 * equal masks would show what two parities have in common. So all that decides what blocks are made goes into the hash: size class, coding,
 * and of a folder the attributes, which stand in its table. Throws what the input throws, ABORTED.
 */
export async function contentKeysOf(
  crypto: CryptoProvider,
  userSecret: Uint8Array,
  input: PublishInput,
  { sizeClass = "exact", signal }: Pick<MakeOptions, "sizeClass" | "signal"> = {},
): Promise<PublishKeys> {
  const hashOf = async (bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array> => {
    const hash = new ContentHash(crypto);
    hash.update(utf8(`${sizeClass}\0`));
    hash.update(
      Uint8Array.of(DEFAULT_CODING.segmentData, DEFAULT_CODING.segmentParity, DEFAULT_CODING.crossSegments),
    );
    for await (const array of bytes) {
      throwIfAborted(signal);
      hash.update(array);
    }
    return hash.finish();
  };
  if (input.kind === "file") {
    return keysOfContent(crypto, userSecret, { kind: "file", content: await hashOf(input.read()) });
  }
  const files = new Map<string, Uint8Array>();
  const entries = new Map<string, Uint8Array>();
  for (const { path, attributes = {}, read } of input.entries) {
    const content = await hashOf(read());
    files.set(path, content);
    entries.set(path, crypto.sha256(LABELS.contentHash, content, encodeAttributes(attributes)));
  }
  return keysOfContent(crypto, userSecret, { kind: "folder", content: folderHash(crypto, entries), files });
}

function canonicalName(name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const canonical = canonicalPath(name);
  const fault = nameFault(canonical);
  if (fault !== undefined)
    throw new UmbelError("BAD_INPUT", `${JSON.stringify(name)} cannot be published: ${fault}`);
  return canonical;
}

function throwIfAborted(signal: AbortLike | undefined): void {
  if (signal?.aborted) throw new UmbelError("ABORTED", "the publish was stopped");
}
