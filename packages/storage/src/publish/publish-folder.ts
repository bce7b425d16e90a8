import { UmbelError } from "@umbel/core";
import { BLOCK_KIND, sealKeyOf, verifyKeyOf } from "../block/block.ts";
import {
  CHILD_BYTES,
  type Child,
  encodeChild,
  INLINE_CHILDREN,
  type RootChildren,
} from "../format/children.ts";
import { canonicalPath, comparePaths, PathSet } from "../format/path.ts";
import { encodeRoot } from "../format/root.ts";
import { TABLE_INLINE_BYTES } from "../format/root-private.ts";
import { ENTRY_INLINE_BYTES, encodeEntry, TABLE_HEADER, type TableEntry } from "../format/table.ts";
import { ROOT_CHILDREN_IDS } from "../format/tree-shape.ts";
import { MAX_FOLDER_ENTRIES } from "../limits.ts";
import { contentWriter, type PublishContext, publishChild } from "./publish-file.ts";
import type { FolderSource, FolderSourceEntry } from "./publish-source.ts";
import { TreeWriter } from "./tree-writer.ts";

/**
 * The files of a folder in the order of its table, with canonical paths. Throws BAD_INPUT when a path cannot be
 * published or two would meet.
 */
export async function sortedEntries(source: FolderSource): Promise<FolderSourceEntry[]> {
  const entries: FolderSourceEntry[] = [];
  const paths = new PathSet();
  for await (const entry of source.entries) {
    if (entries.length === MAX_FOLDER_ENTRIES) {
      throw new UmbelError("BAD_INPUT", `a folder has at most ${MAX_FOLDER_ENTRIES} files`);
    }
    const path = canonicalPath(entry.path);
    const fault = paths.add(path);
    if (fault !== undefined) {
      throw new UmbelError("BAD_INPUT", `${JSON.stringify(entry.path)} cannot be published: ${fault}`);
    }
    entries.push({ path, size: entry.size, read: () => entry.read() });
  }
  return entries.sort((a, b) => comparePaths(a.path, b.path));
}

/** Queues the blocks of every file and of the table; the root block, not yet queued, and the bytes of all files. */
export async function publishFolder(
  context: PublishContext,
  readKey: Uint8Array,
  name: string | undefined,
  entries: readonly FolderSourceEntry[],
): Promise<{ readonly root: Uint8Array; readonly size: number }> {
  const table = contentWriter(context, readKey, TABLE_INLINE_BYTES);
  const children: Child[] = [];
  let size = 0;
  await table.write(TABLE_HEADER);
  for (const source of entries) {
    const entry = await publishEntry(context, source, children);
    size += entry.kind === "inline" ? entry.bytes.length : entry.size;
    await table.write(encodeEntry(entry));
    if (entry.kind === "root") entry.readKey.fill(0);
  }
  const root = encodeRoot(context.crypto, readKey, {
    kind: "folder",
    name,
    files: entries.length,
    bytes: size,
    content: await table.finish(),
    children: await publishChildren(context, readKey, children),
  });
  return { root, size };
}

/** A short file goes into the table whole; a longer one is published under a key of its own. */
async function publishEntry(
  context: PublishContext,
  source: FolderSourceEntry,
  children: Child[],
): Promise<TableEntry> {
  const bytes = source.read()[Symbol.asyncIterator]();
  const start = new Uint8Array(ENTRY_INLINE_BYTES);
  let held = 0;
  let isPassedOn = false;
  try {
    for (;;) {
      context.check();
      const next = await bytes.next();
      if (next.done === true) break;
      if (held + next.value.length > ENTRY_INLINE_BYTES) {
        isPassedOn = true;
        const whole = resumed([start.slice(0, held), next.value], bytes);
        return await publishLong(context, source.path, whole, children);
      }
      start.set(next.value, held);
      held += next.value.length;
    }
  } finally {
    if (!isPassedOn) await bytes.return?.();
  }
  context.onRead(held);
  return { kind: "inline", path: source.path, bytes: start.slice(0, held) };
}

async function publishLong(
  context: PublishContext,
  path: string,
  bytes: AsyncIterable<Uint8Array>,
  children: Child[],
): Promise<TableEntry> {
  const readKey = context.keys.fileKey(path);
  const name = path.slice(path.lastIndexOf("/") + 1);
  const { rootId, size } = await publishChild(context, readKey, name, bytes);
  children.push({ rootId, verifyKey: verifyKeyOf(context.crypto, readKey) });
  return { kind: "root", path, size, readKey };
}

async function publishChildren(
  context: PublishContext,
  readKey: Uint8Array,
  children: readonly Child[],
): Promise<RootChildren> {
  const { crypto, sink } = context;
  if (children.length <= INLINE_CHILDREN) return { kind: "inline", list: children };
  const verifyKey = verifyKeyOf(crypto, readKey);
  const writer = new TreeWriter(crypto, sink, {
    leafKind: BLOCK_KIND.children,
    indexKind: BLOCK_KIND.childrenIndex,
    leafKey: sealKeyOf(crypto, verifyKey, "children"),
    indexKey: sealKeyOf(crypto, verifyKey, "index"),
    inlineBytes: INLINE_CHILDREN * CHILD_BYTES,
    topIds: ROOT_CHILDREN_IDS,
  });
  for (const child of children) await writer.write(encodeChild(child));
  const list = await writer.finish();
  if (list.kind === "inline")
    throw new UmbelError("INTERNAL", "a long list of children was kept in the root");
  return { kind: "tree", count: children.length, topIds: list.topIds };
}

/** The arrays already taken from a stream, then the rest of it. */
async function* resumed(
  taken: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* taken;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}
