import type { BlockId } from "@umbel/core";
import { BLOCK_KIND, type BlockKind } from "../block/block.ts";
import type { Coding } from "./coding.ts";
import { ROOT_CHILDREN_IDS, ROOT_CONTENT_IDS, ROOT_SHARED_IDS } from "./root-geometry.ts";
import type { Level } from "./segments.ts";
import { isCodingFor, treeShape } from "./tree-shape.ts";

/** Which tree of a root: its content, a folder's long list of children, or the blocks that a folder's small files share. */
export type TreeName = "content" | "children" | "shared";

/** What sets one tree of a root apart from the others. */
export interface TreeKind {
  /** In the keys of parity masks. Never used again for another tree. */
  readonly number: number;
  /** What its index blocks are sealed as, under the verify key. */
  readonly indexKind: BlockKind;
  /** Ids that the root takes at most. */
  readonly topIds: number;
}

export const TREES: Readonly<Record<TreeName, TreeKind>> = {
  content: { number: 1, indexKind: BLOCK_KIND.index, topIds: ROOT_CONTENT_IDS },
  children: { number: 2, indexKind: BLOCK_KIND.childrenIndex, topIds: ROOT_CHILDREN_IDS },
  shared: { number: 3, indexKind: BLOCK_KIND.sharedIndex, topIds: ROOT_SHARED_IDS },
};

/** What the leaves of a tree are sealed as. Shared blocks are not sealed as a whole. */
export const LEAF_KINDS = { content: BLOCK_KIND.data, children: BLOCK_KIND.children } as const;

/** A tree as its root describes it to who has the verify key. */
export interface RootTree {
  /** Blocks of level 0, at least 1. */
  readonly leaves: number;
  readonly coding: Coding;
  /** Ids of the last level: as many as its layout says. */
  readonly topIds: readonly BlockId[];
}

/** The levels of a tree, leaves first; the ids of the last one stand in the root. */
export function treeLevels(
  tree: TreeName,
  { leaves, coding }: Pick<RootTree, "leaves" | "coding">,
): readonly Level[] {
  return treeShape(leaves, TREES[tree].topIds, coding);
}

/** True when a root may say that this tree is coded so. */
export function mayCode(tree: TreeName, coding: Coding): boolean {
  return isCodingFor(TREES[tree].topIds, coding);
}
