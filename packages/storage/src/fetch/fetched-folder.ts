import { equalBytes, Reader, UmbelError } from "@umbel/core";
import { BLOCK_KIND, sealKeyOf, verifyKeyOf } from "../block/block.ts";
import { blockIdOf } from "../block/location.ts";
import { ByteSource } from "../format/byte-source.ts";
import { type Child, decodeChild, encodeChild, type RootChildren } from "../format/children.ts";
import { comparePaths } from "../format/path.ts";
import { openPiece } from "../format/piece.ts";
import { openRoot } from "../format/root.ts";
import { CHILD_BYTES } from "../format/root-geometry.ts";
import type { FolderRoot } from "../format/root-private.ts";
import { decodeTable } from "../format/table.ts";
import type { RootEntry, SharedEntry } from "../format/table-entry.ts";
import type { RootTree } from "../format/trees.ts";
import { type FetchContext, getRootBlock } from "./block-getter.ts";
import { CodedTree, type DataBlocks } from "./coded-tree.ts";
import { bytesReader, type ContentReader, contentReader, laterReader } from "./content-reader.ts";
import { FolderEntry, type OwnReference } from "./folder-entry.ts";
import { readAhead } from "./read-ahead.ts";
import { TreeReader } from "./tree-reader.ts";

/** A folder whose root was opened. */
export class FetchedFolder {
  readonly kind = "folder";
  /** The name that it was published under, if any. */
  readonly name: string | undefined;
  /** Bytes of all its files; certain once `entries` came to its end. */
  readonly size: number;
  /** Files; certain once `entries` came to its end. */
  readonly files: number;
  readonly #context: FetchContext;
  readonly #children: RootChildren;
  readonly #shared: RootTree | undefined;
  readonly #table: ContentReader;
  readonly #verifyKey: Uint8Array;
  #sharedBlocks: DataBlocks | undefined;

  constructor(context: FetchContext, readKey: Uint8Array, root: FolderRoot) {
    this.name = root.name;
    this.size = root.bytes;
    this.files = root.files;
    this.#context = context;
    this.#children = root.children;
    this.#shared = root.shared;
    this.#table = contentReader(context, readKey, root.content);
    this.#verifyKey = verifyKeyOf(context.crypto, readKey);
  }

  /**
   * Every file, or those under the folder `under` ("a/b"), ordered by path. The paths are whole, and safe to use below one folder
   * of any file system (path.ts). Nothing but the table is fetched.
   */
  async *entries(under = ""): AsyncGenerator<FolderEntry, void, undefined> {
    let isInside = false;
    for await (const entry of this.#all()) {
      const wasInside = isInside;
      isInside = under === "" || entry.path.startsWith(`${under}/`);
      if (isInside) yield entry;
      else if (wasInside) return;
    }
  }

  /**
   * As `entries`, but for the files for which `wanted` holds, with the next ones being fetched while one is read: for who reads
   * all of them.
   */
  entriesAhead(
    under = "",
    wanted: (entry: FolderEntry) => boolean | Promise<boolean> = () => true,
  ): AsyncIterable<FolderEntry> {
    return readAhead(this.entries(under), wanted);
  }

  /** The file at `path`, "folder" when files stand under it, or undefined for neither. Reads the table up to it. */
  async lookUp(path: string): Promise<FolderEntry | "folder" | undefined> {
    for await (const entry of this.#all()) {
      const order = comparePaths(entry.path, path);
      if (order === 0) return entry;
      if (order > 0) return entry.path.startsWith(`${path}/`) ? "folder" : undefined;
    }
    return undefined;
  }

  /** The file at `path`, or undefined when the folder has none there. Reads the table up to it. */
  async entry(path: string): Promise<FolderEntry | undefined> {
    const found = await this.lookUp(path);
    return found === "folder" ? undefined : found;
  }

  async *#all(): AsyncGenerator<FolderEntry, void, undefined> {
    const totals = {
      ...{ files: this.files, bytes: this.size },
      ...{ children: this.#childCount(), shared: this.#shared?.leaves ?? 0 },
    };
    const list = new ByteSource(this.#childBytes(), CHILDREN);
    try {
      for await (const entry of decodeTable(this.#table.range(0, this.#table.size), totals)) {
        const { path, attributes } = entry;
        if (entry.kind === "inline")
          yield new FolderEntry(path, attributes, bytesReader(entry.bytes), NO_REFERENCE);
        else if (entry.kind === "shared") yield this.#piece(entry);
        else yield this.#ownRoot(entry, await takeChild(list));
      }
    } finally {
      await list.close();
    }
  }

  #ownRoot(entry: RootEntry, child: Child): FolderEntry {
    const expected = verifyKeyOf(this.#context.crypto, entry.readKey);
    if (!equalBytes(expected, child.verifyKey)) {
      throw new UmbelError("BAD_ENCODING", "a folder cannot be read: a child has another key than its file");
    }
    return new FolderEntry(
      entry.path,
      entry.attributes,
      laterReader(entry.size, () => this.#openChild(entry, child)),
      async () => ({ kind: "file", rootId: child.rootId, readKey: entry.readKey, path: [] }),
    );
  }

  #piece(entry: SharedEntry): FolderEntry {
    if (entry.block >= (this.#shared?.leaves ?? 0)) {
      throw new UmbelError(
        "BAD_ENCODING",
        "a folder cannot be read: a file lies in a block that there is not",
      );
    }
    const open = async () => {
      const block = await this.#sharedBlock(entry.block);
      return bytesReader(openPiece(this.#context.crypto, entry.readKey, block, entry.offset, entry.size));
    };
    const own = async (): Promise<OwnReference> => {
      const { readKey, offset, size } = entry;
      const blockId = blockIdOf(this.#context.crypto, await this.#sharedBlock(entry.block));
      return { kind: "piece", blockId, readKey, offset, size };
    };
    return new FolderEntry(entry.path, entry.attributes, laterReader(entry.size, open), own);
  }

  /** Neighbours share blocks: the reader of the tree holds the blocks of a few segments. */
  #sharedBlock(block: number): Promise<Uint8Array> {
    if (this.#sharedBlocks === undefined) {
      const root = this.#shared;
      if (root === undefined) throw new UmbelError("INTERNAL", "a folder without shared blocks has a piece");
      const tree = new CodedTree(this.#context, { tree: "shared", root, verifyKey: this.#verifyKey });
      this.#sharedBlocks = tree.dataBlocks(0, 0, this.#context.signal);
    }
    return this.#sharedBlocks(block);
  }

  async #openChild(entry: RootEntry, child: Child): Promise<ContentReader> {
    const context = this.#context;
    const block = await getRootBlock(context, child.rootId);
    const root = openRoot(context.crypto, entry.readKey, block);
    const content = root.kind === "file" ? contentReader(context, entry.readKey, root.content) : undefined;
    if (content?.size !== entry.size) {
      throw new UmbelError("BAD_ENCODING", "a folder cannot be read: a file is not what its table says");
    }
    return content;
  }

  #childCount(): number {
    return this.#children.kind === "inline" ? this.#children.list.length : this.#children.count;
  }

  #childBytes(): AsyncIterable<Uint8Array> {
    const children = this.#children;
    if (children.kind === "inline") return encodedChildren(children.list);
    const { crypto } = this.#context;
    const size = children.count * CHILD_BYTES;
    const reader = new TreeReader(this.#context, {
      leafKind: BLOCK_KIND.children,
      leafKey: sealKeyOf(crypto, this.#verifyKey, "children"),
      verifyKey: this.#verifyKey,
      size,
      tree: "children",
      root: children.tree,
    });
    return reader.range(0, size);
  }
}

const NO_REFERENCE = async (): Promise<OwnReference> => undefined;
const CHILDREN = "children";

async function* encodedChildren(list: readonly Child[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const child of list) yield encodeChild(child);
}

async function takeChild(list: ByteSource): Promise<Child> {
  return decodeChild(new Reader(await list.take(CHILD_BYTES, "child"), CHILDREN));
}
