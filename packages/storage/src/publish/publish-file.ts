import type { BlockId } from "@umbel/core";
import type { FileAttributes } from "../format/attributes.ts";
import { encodeRoot } from "../format/root.ts";
import { FILE_INLINE_BYTES } from "../format/root-geometry.ts";
import type { SizeClass } from "../format/size-class.ts";
import { contentWriter } from "./content-writer.ts";
import type { PublishKeys } from "./publish-keys.ts";
import type { TreeTools } from "./tree-writer.ts";

/** What the parts of one publish share. */
export interface PublishContext extends TreeTools {
  readonly keys: PublishKeys;
  /** How sizes are hidden beyond a block. */
  readonly sizeClass: SizeClass;
  /** Called as input is consumed. */
  onRead(bytes: number): void;
  /** Throws ABORTED when the operation was stopped. */
  check(): void;
}

/** What a root says of a file beside its bytes. */
export interface FileHead {
  readonly name: string | undefined;
  readonly attributes: FileAttributes;
}

/** Queues the blocks of a file; the root block, not yet queued, and the file's size. */
export async function publishContent(
  context: PublishContext,
  readKey: Uint8Array,
  head: FileHead,
  bytes: AsyncIterable<Uint8Array>,
): Promise<{ readonly root: Uint8Array; readonly size: number }> {
  const writer = contentWriter(context, readKey, FILE_INLINE_BYTES, context.sizeClass);
  for await (const array of bytes) {
    context.check();
    await writer.write(array);
    context.onRead(array.length);
  }
  const content = await writer.finish();
  const { name, attributes } = head;
  return {
    root: encodeRoot(context.crypto, readKey, { kind: "file", name, attributes, content }),
    size: writer.size,
  };
}

/** Queues a whole file with its root. */
export async function publishChild(
  context: PublishContext,
  readKey: Uint8Array,
  head: FileHead,
  bytes: AsyncIterable<Uint8Array>,
): Promise<{ readonly rootId: BlockId; readonly size: number }> {
  const { root, size } = await publishContent(context, readKey, head, bytes);
  return { rootId: await context.sink.addRoot(root), size };
}
