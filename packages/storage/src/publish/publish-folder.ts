import { hkdfExpand, LABELS, READ_KEY_BYTES, UmbelError } from "@umbel/core";
import { verifyKeyOf } from "../block/block.ts";
import { type Child, encodeChild, type RootChildren } from "../format/children.ts";
import { canonicalPath, comparePaths, PathSet } from "../format/path.ts";
import { encodeRoot } from "../format/root.ts";
import { INLINE_CHILDREN, TABLE_INLINE_BYTES } from "../format/root-geometry.ts";
import { encodeEntry, TABLE_HEADER } from "../format/table.ts";
import { ENTRY_INLINE_BYTES, ENTRY_SHARED_BYTES, type TableEntry } from "../format/table-entry.ts";
import { utf8 } from "../format/utf8.ts";
import { MAX_FOLDER_ENTRIES } from "../limits.ts";
import { childrenWriter, contentWriter } from "./content-writer.ts";
import { type PublishContext, publishChild } from "./publish-file.ts";
import type { FolderSource, FolderSourceEntry } from "./publish-source.ts";
import { SharedPacker } from "./shared-packer.ts";

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
    const { size, attributes } = entry;
    entries.push({ path, size, attributes, read: () => entry.read() });
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
  const { crypto, sizeClass } = context;
  const verifyKey = verifyKeyOf(crypto, readKey);
  const table = contentWriter(context, readKey, TABLE_INLINE_BYTES, sizeClass);
  const packer = new SharedPacker(context, verifyKey, sizeClass, context.keys.fillerKey?.());
  const parts: FolderParts = { children: [], packer };
  let size = 0;
  await table.write(TABLE_HEADER);
  for (const source of entries) {
    const entry = await publishEntry(context, source, parts);
    size += entry.kind === "inline" ? entry.bytes.length : entry.size;
    await table.write(encodeEntry(entry));
    if (entry.kind !== "inline") entry.readKey.fill(0);
  }
  const shared = await parts.packer.finish();
  const children = await publishChildren(context, verifyKey, parts.children);
  const content = await table.finish();
  const root = encodeRoot(crypto, readKey, {
    ...{ kind: "folder", name, files: entries.length, bytes: size },
    ...{ content, children, shared },
  });
  return { root, size };
}

/** What the files of a folder leave beside its table. */
interface FolderParts {
  readonly children: Child[];
  readonly packer: SharedPacker;
}

/** A very short file goes into the table, a short one shares a block, a longer one is published with a root of its own. */
async function publishEntry(
  context: PublishContext,
  source: FolderSourceEntry,
  parts: FolderParts,
): Promise<TableEntry> {
  const bytes = source.read()[Symbol.asyncIterator]();
  const start = new Uint8Array(ENTRY_SHARED_BYTES);
  let held = 0;
  let isPassedOn = false;
  try {
    for (;;) {
      context.check();
      const next = await bytes.next();
      if (next.done === true) break;
      if (held + next.value.length > ENTRY_SHARED_BYTES) {
        isPassedOn = true;
        return await publishLong(context, source, resumed([start.slice(0, held), next.value], bytes), parts);
      }
      start.set(next.value, held);
      held += next.value.length;
    }
  } finally {
    if (!isPassedOn) await bytes.return?.();
  }
  context.onRead(held);
  return await publishShort(context, source, start.subarray(0, held), parts);
}

async function publishShort(
  context: PublishContext,
  { path, attributes = {} }: FolderSourceEntry,
  bytes: Uint8Array,
  { packer }: FolderParts,
): Promise<TableEntry> {
  if (bytes.length <= ENTRY_INLINE_BYTES) return { kind: "inline", path, attributes, bytes };
  const readKey = pieceKeyOf(context, path);
  const { block, offset } = await packer.add(readKey, bytes);
  return { kind: "shared", path, attributes, size: bytes.length, block, offset, readKey };
}

/**
 * The read key of a piece: from the file's key and its path. Keys that come from content alone would make equal files equal
 * pieces, which whoever holds their block would see.
 */
function pieceKeyOf({ crypto, keys }: PublishContext, path: string): Uint8Array {
  const fileKey = keys.fileKey(path);
  const pieceKey = hkdfExpand(crypto, fileKey, [LABELS.pieceKey, utf8(path)], READ_KEY_BYTES);
  fileKey.fill(0);
  return pieceKey;
}

async function publishLong(
  context: PublishContext,
  { path, attributes = {} }: FolderSourceEntry,
  bytes: AsyncIterable<Uint8Array>,
  { children }: FolderParts,
): Promise<TableEntry> {
  const readKey = context.keys.fileKey(path);
  const name = path.slice(path.lastIndexOf("/") + 1);
  const { rootId, size } = await publishChild(context, readKey, { name, attributes }, bytes);
  children.push({ rootId, verifyKey: verifyKeyOf(context.crypto, readKey) });
  return { kind: "root", path, attributes, size, readKey };
}

async function publishChildren(
  context: PublishContext,
  verifyKey: Uint8Array,
  children: readonly Child[],
): Promise<RootChildren> {
  if (children.length <= INLINE_CHILDREN) return { kind: "inline", list: children };
  const writer = childrenWriter(context, verifyKey);
  for (const child of children) await writer.write(encodeChild(child));
  const list = await writer.finish();
  if (list.kind === "inline")
    throw new UmbelError("INTERNAL", "a long list of children was kept in the root");
  return { kind: "tree", count: children.length, tree: list.tree };
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
