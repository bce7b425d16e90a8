import { type BlockId, isUmbelError, Reader } from "@umbel/core";
import { sealKeyOf } from "../block/block.ts";
import type { BlockLane } from "../block/block-network.ts";
import { type FetchContext, getRootBlock } from "../fetch/block-getter.ts";
import { CodedTree } from "../fetch/coded-tree.ts";
import { TreeReader } from "../fetch/tree-reader.ts";
import { ByteSource } from "../format/byte-source.ts";
import { type Child, decodeChild, type RootChildren } from "../format/children.ts";
import { openRootPublic } from "../format/root.ts";
import { CHILD_BYTES } from "../format/root-geometry.ts";
import type { RootPublic } from "../format/root-public.ts";
import { type Segment, segmentsOf } from "../format/segments.ts";
import { LEAF_KINDS, type RootTree, type TreeName } from "../format/trees.ts";

/** What lets one walk content without reading it: a verify reference, or one child of a folder. */
export type VerifyTarget = Child;

/** A root, with its block where one was found. */
export interface WalkedRoot {
  readonly kind: "root";
  readonly id: BlockId;
  readonly block: Uint8Array | undefined;
  /** Blocks of its trees, those of its children left out; 0 when it was not found. */
  readonly blocksUnder: number;
}

/** One segment of a tree. */
export interface WalkedSegment {
  readonly kind: "segment";
  readonly tree: CodedTree;
  readonly level: number;
  readonly segment: Segment;
  /** Which circuits its blocks travel on. */
  readonly lane: BlockLane;
  readonly source: { readonly name: TreeName; readonly verifyKey: Uint8Array };
}

/** Files of a folder that cannot be found, since the list of them is gone. */
export interface LostChildren {
  readonly kind: "lost children";
  readonly count: number;
}

export type WalkedPart = WalkedRoot | WalkedSegment | LostChildren;

/**
 * Everything that a verify key leads to, in an order in which repair can go: a root, then its trees from the top level down, then
 * each child in the same way. It decides nothing by what it reads but where to go on; a hostile publisher can make it long, up to the
 * caps of the format, and not endless: children have no children. Throws CRYPTO_FAILED and BAD_ENCODING when the publisher broke the
 * format, ABORTED, NO_PATH, NETWORK_UNREACHABLE.
 */
export async function* walkVerify(
  context: FetchContext,
  target: VerifyTarget,
): AsyncGenerator<WalkedPart, void, undefined> {
  const root = yield* walkRoot(context, target);
  if (root === undefined) return;
  let left = countOf(root.children);
  try {
    for await (const child of childrenOf(context, target.verifyKey, root.children)) {
      yield* walkRoot(context, child);
      left--;
    }
  } catch (error) {
    if (!isUmbelError(error, "NOT_FOUND")) throw error;
    yield { kind: "lost children", count: left };
  }
}

async function* walkRoot(
  context: FetchContext,
  target: VerifyTarget,
): AsyncGenerator<WalkedPart, RootPublic | undefined, undefined> {
  const { rootId, verifyKey } = target;
  const block = await findRoot(context, rootId);
  if (block === undefined) {
    yield { kind: "root", id: rootId, block, blocksUnder: 0 };
    return undefined;
  }
  const root = openRootPublic(context.crypto, verifyKey, block);
  const trees = treesOf(root).map(([name, tree]) => ({
    source: { name, verifyKey },
    tree: new CodedTree(context, { tree: name, root: tree, verifyKey }),
  }));
  const blocksUnder = trees.reduce((sum, { tree }) => sum + blocksOf(tree), 0);
  yield { kind: "root", id: rootId, block, blocksUnder };
  for (const { tree, source } of trees) yield* walkTree(tree, source);
  return root;
}

function* walkTree(
  tree: CodedTree,
  source: WalkedSegment["source"],
): Generator<WalkedSegment, void, undefined> {
  for (let level = tree.levels.length - 1; level >= 0; level--) {
    const lane = level === 0 && source.name !== "children" ? "data" : "roots";
    for (const segment of segmentsOf(tree.levels[level] as CodedTree["levels"][number])) {
      yield { kind: "segment", tree, level, segment, lane, source };
    }
  }
}

async function findRoot(context: FetchContext, id: BlockId): Promise<Uint8Array | undefined> {
  try {
    return await getRootBlock(context, id);
  } catch (error) {
    if (isUmbelError(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}

function treesOf({ content, children, shared }: RootPublic): readonly (readonly [TreeName, RootTree])[] {
  const trees: (readonly [TreeName, RootTree])[] = [];
  if (content !== undefined) trees.push(["content", content]);
  if (children.kind === "tree") trees.push(["children", children.tree]);
  if (shared !== undefined) trees.push(["shared", shared]);
  return trees;
}

function blocksOf({ levels }: CodedTree): number {
  return levels.reduce((sum, { ids }) => sum + ids, 0);
}

function countOf(children: RootChildren): number {
  return children.kind === "inline" ? children.list.length : children.count;
}

/** The children of a folder in their order. Throws NOT_FOUND when the list of them is gone. */
async function* childrenOf(
  context: FetchContext,
  verifyKey: Uint8Array,
  children: RootChildren,
): AsyncGenerator<Child, void, undefined> {
  if (children.kind === "inline") {
    yield* children.list;
    return;
  }
  const size = children.count * CHILD_BYTES;
  const reader = new TreeReader(context, {
    leafKind: LEAF_KINDS.children,
    leafKey: sealKeyOf(context.crypto, verifyKey, "children"),
    ...{ verifyKey, size, tree: "children", root: children.tree },
  });
  const list = new ByteSource(reader.range(0, size), "children");
  try {
    for (let index = 0; index < children.count; index++) {
      yield decodeChild(new Reader(await list.take(CHILD_BYTES, "child"), "children"));
    }
  } finally {
    await list.close();
  }
}
