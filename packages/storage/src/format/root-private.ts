import { type BlockId, Reader, Writer } from "@umbel/core";
import { MAX_FOLDER_ENTRIES } from "../limits.ts";
import { CHILD_BYTES, INLINE_CHILDREN, type RootChildren } from "./children.ts";
import { nameFault } from "./path.ts";
import type { RootPublic } from "./root-public.ts";
import { leavesOf } from "./tree-shape.ts";
import { readUtf8, utf8 } from "./utf8.ts";

/** The bytes of a file, or of a folder's table: in the root itself, or in blocks under it. */
export type RootContent =
  | { readonly kind: "inline"; readonly bytes: Uint8Array }
  /** `topIds`: ids of the top level of the tree over `size` bytes. */
  | { readonly kind: "tree"; readonly size: number; readonly topIds: readonly BlockId[] };

/** What a root says of a file to who has the read key. */
export interface FileRoot {
  readonly kind: "file";
  readonly name: string | undefined;
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
}

export type Root = FileRoot | FolderRoot;

/** A file of up to this many bytes is its own root. */
export const FILE_INLINE_BYTES = 30 * 1024;
/** A folder's table of up to this many bytes stands in its root, beside up to INLINE_CHILDREN children. */
export const TABLE_INLINE_BYTES = FILE_INLINE_BYTES - INLINE_CHILDREN * CHILD_BYTES;

/**
 * version u8 | kind u8 | name length u8 | name | folder: files u32, bytes u64 | content size u64
 * | content, if it is in the root itself
 */
export function encodePrivate(root: Root): Uint8Array {
  const { content } = root;
  const name = utf8(root.name ?? "");
  const inline = content.kind === "inline" ? content.bytes : NOTHING;
  const folderBytes = root.kind === "folder" ? 4 + 8 : 0;
  const writer = new Writer(3 + name.length + folderBytes + 8 + inline.length);
  writer.u8(PRIVATE_VERSION).u8(ROOT_KIND[root.kind]).u8(name.length).bytes(name);
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
  if (kind === ROOT_KIND.file) {
    const content = decodeContent(reader, publicPart, FILE_INLINE_BYTES);
    if (publicPart.children.kind !== "inline" || publicPart.children.list.length > 0) {
      throw reader.fault("children", "a file has none");
    }
    return { kind: "file", name, content };
  }
  if (kind !== ROOT_KIND.folder) throw reader.fault("kind", `${kind} is not known to this umbel`);
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

function decodeFolder(reader: Reader, name: string | undefined, publicPart: RootPublic): Root {
  const files = reader.u32("files");
  const bytes = reader.u64("bytes");
  const { children } = publicPart;
  const own = children.kind === "inline" ? children.list.length : children.count;
  if (files > MAX_FOLDER_ENTRIES) throw reader.fault("files", `${files}, more than ${MAX_FOLDER_ENTRIES}`);
  if (own > files) throw reader.fault("children", "more than files");
  const content = decodeContent(reader, publicPart, TABLE_INLINE_BYTES);
  return { kind: "folder", name, files, bytes, content, children };
}

/** Content stands in the root exactly when it is short enough, and in exactly the blocks that its size needs. */
function decodeContent(reader: Reader, publicPart: RootPublic, inlineBytes: number): RootContent {
  const size = reader.u64("content size");
  const leaves = size > inlineBytes ? leavesOf(size) : 0;
  if (leaves !== publicPart.contentLeaves)
    throw reader.fault("content size", `${size} bytes are not ${publicPart.contentLeaves} blocks`);
  const bytes = size > inlineBytes ? NOTHING : reader.bytes(size, "content").slice();
  reader.zeros("padding");
  return leaves > 0 ? { kind: "tree", size, topIds: publicPart.contentIds } : { kind: "inline", bytes };
}
