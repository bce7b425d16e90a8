import type { BlockId, CryptoProvider } from "@umbel/core";
import { BLOCK_KIND, sealKeyOf, verifyKeyOf } from "../block/block.ts";
import { encodeRoot } from "../format/root.ts";
import { FILE_INLINE_BYTES } from "../format/root-private.ts";
import { ROOT_CONTENT_IDS } from "../format/tree-shape.ts";
import type { BlockSink } from "./block-sink.ts";
import type { PublishKeys } from "./publish-keys.ts";
import { TreeWriter } from "./tree-writer.ts";

/** What the parts of one publish share. */
export interface PublishContext {
  readonly crypto: CryptoProvider;
  readonly sink: BlockSink;
  readonly keys: PublishKeys;
  /** Called as input is consumed. */
  onRead(bytes: number): void;
  /** Throws ABORTED when the operation was stopped. */
  check(): void;
}

/** A writer for the content under a read key: up to `inlineBytes` stay in the root. */
export function contentWriter(context: PublishContext, readKey: Uint8Array, inlineBytes: number): TreeWriter {
  const { crypto, sink } = context;
  return new TreeWriter(crypto, sink, {
    leafKind: BLOCK_KIND.data,
    indexKind: BLOCK_KIND.index,
    leafKey: sealKeyOf(crypto, readKey, "data"),
    indexKey: sealKeyOf(crypto, verifyKeyOf(crypto, readKey), "index"),
    inlineBytes,
    topIds: ROOT_CONTENT_IDS,
  });
}

/** Queues the blocks of a file; the root block, not yet queued, and the file's size. */
export async function publishContent(
  context: PublishContext,
  readKey: Uint8Array,
  name: string | undefined,
  bytes: AsyncIterable<Uint8Array>,
): Promise<{ readonly root: Uint8Array; readonly size: number }> {
  const writer = contentWriter(context, readKey, FILE_INLINE_BYTES);
  for await (const array of bytes) {
    context.check();
    await writer.write(array);
    context.onRead(array.length);
  }
  const content = await writer.finish();
  return { root: encodeRoot(context.crypto, readKey, { kind: "file", name, content }), size: writer.size };
}

/** Queues a whole file with its root. */
export async function publishChild(
  context: PublishContext,
  readKey: Uint8Array,
  name: string | undefined,
  bytes: AsyncIterable<Uint8Array>,
): Promise<{ readonly rootId: BlockId; readonly size: number }> {
  const { root, size } = await publishContent(context, readKey, name, bytes);
  return { rootId: await context.sink.addRoot(root), size };
}
