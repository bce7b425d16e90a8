import { Reader, Writer } from "@umbel/core";
import { MAX_FOLDER_ENTRIES } from "../limits.ts";
import { decodeAttributes, encodeAttributes, type FileAttributes } from "./attributes.ts";
import type { RootChildren } from "./children.ts";
import { nameFault } from "./path.ts";
import { FILE_INLINE_BYTES, TABLE_INLINE_BYTES } from "./root-geometry.ts";
import type { RootPublic } from "./root-public.ts";
import { isPaddedLeaves } from "./size-class.ts";
import { leavesOf } from "./tree-shape.ts";
import type { RootTree } from "./trees.ts";
import { readUtf8, utf8 } from "./utf8.ts";

/** The bytes of a file, or of a folder's table: in the root itself, or in blocks under it. */
export type RootContent =
  | { readonly kind: "inline"; readonly bytes: Uint8Array }
  /** The first `size` bytes of the tree's leaves; what follows is zeros. */
  | { readonly kind: "tree"; readonly size: number; readonly tree: RootTree };

/** What a root says of a file to who has the read key. */
export interface FileRoot {
  readonly kind: "file";
  readonly name: string | undefined;
  readonly attributes: FileAttributes;
  readonly content: RootContent;
}

/** What a root says of a folder to who has the read key. */
export interface FolderRoot {
  readonly kind: "folder";
  readonly name: string | undefined;
  /** Files in the folder. */
  readonly files: number;
  /** Bytes of all its files. */
  readonly bytes: number;
  /** The table. */
  readonly content: RootContent;
  readonly children: RootChildren;
  /** The blocks that small files share; absent when there are none. */
  readonly shared: RootTree | undefined;
}

export type Root = FileRoot | FolderRoot;

/**
 * version u8 | kind u8 | name length u8 | name | attributes length u8 | attributes | folder: files u32, bytes u64
 * | content size u64 | content, if it is in the root itself
 */
export function encodePrivate(root: Root): Uint8Array {
  const { content } = root;
  const name = utf8(root.name ?? "");
  const attributes = root.kind === "file" ? encodeAttributes(root.attributes) : NOTHING;
  const inline = content.kind === "inline" ? content.bytes : NOTHING;
  const folderBytes = root.kind === "folder" ? 4 + 8 : 0;
  const writer = new Writer(4 + name.length + attributes.length + folderBytes + 8 + inline.length);
  writer.u8(PRIVATE_VERSION).u8(ROOT_KIND[root.kind]).u8(name.length).bytes(name);
  writer.u8(attributes.length).bytes(attributes);
  if (root.kind === "folder") writer.u32(root.files).u64(root.bytes);
  writer.u64(content.kind === "inline" ? inline.length : content.size);
  return writer.bytes(inline).finish();
}

/** Undoes `encodePrivate` of padded bytes, and checks that both parts say the same. Throws BAD_ENCODING. */
export function decodePrivate(bytes: Uint8Array, publicPart: RootPublic): Root {
  const reader = new Reader(bytes, "root");
  const version = reader.u8("version");
  if (version !== PRIVATE_VERSION) throw reader.fault("version", `${version} is not known to this umbel`);
  const kind = reader.u8("kind");
  const name = decodeName(reader);
  const attributes = decodeAttributes(reader, reader.u8("attributes length"));
  if (kind === ROOT_KIND.file) {
    const content = decodeContent(reader, publicPart, FILE_INLINE_BYTES);
    checkFileAlone(reader, publicPart);
    return { kind: "file", name, attributes, content };
  }
  if (kind !== ROOT_KIND.folder) throw reader.fault("kind", `${kind} is not known to this umbel`);
  if (Object.keys(attributes).length > 0) throw reader.fault("attributes", "a folder has none");
  return decodeFolder(reader, name, publicPart);
}

const PRIVATE_VERSION = 1;
const ROOT_KIND = { file: 1, folder: 2 } as const;
const NOTHING = new Uint8Array(0);

function decodeName(reader: Reader): string | undefined {
  const length = reader.u8("name length");
  if (length === 0) return undefined;
  const name = readUtf8(reader, length, "name");
  const fault = nameFault(name);
  if (fault !== undefined) throw reader.fault("name", fault);
  return name;
}

function checkFileAlone(reader: Reader, { children, shared }: RootPublic): void {
  if (children.kind !== "inline" || children.list.length > 0)
    throw reader.fault("children", "a file has none");
  if (shared !== undefined) throw reader.fault("shared blocks", "a file has none");
}

function decodeFolder(reader: Reader, name: string | undefined, publicPart: RootPublic): Root {
  const files = reader.u32("files");
  const bytes = reader.u64("bytes");
  const { children, shared } = publicPart;
  const own = children.kind === "inline" ? children.list.length : children.count;
  if (files > MAX_FOLDER_ENTRIES) throw reader.fault("files", `${files}, more than ${MAX_FOLDER_ENTRIES}`);
  if (own > files) throw reader.fault("children", "more than files");
  if ((shared?.leaves ?? 0) > 2 * (files - own))
    throw reader.fault("shared blocks", "more than files can fill");
  const content = decodeContent(reader, publicPart, TABLE_INLINE_BYTES);
  return { kind: "folder", name, files, bytes, content, children, shared };
}

/** Content stands in the root exactly when it is short enough, and in as many blocks as its size or a size class makes. */
function decodeContent(reader: Reader, { content: tree }: RootPublic, inlineBytes: number): RootContent {
  const size = reader.u64("content size");
  const isInline = size <= inlineBytes;
  const leaves = tree?.leaves ?? 0;
  if (isInline ? leaves > 0 : !isPaddedLeaves(leaves, leavesOf(size))) {
    throw reader.fault("content size", `${size} bytes are not ${leaves} blocks`);
  }
  const bytes = isInline ? reader.bytes(size, "content").slice() : NOTHING;
  reader.zeros("padding");
  return tree === undefined ? { kind: "inline", bytes } : { kind: "tree", size, tree };
}
