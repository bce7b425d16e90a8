import {
  type AbortLike,
  type CryptoProvider,
  type FileReference,
  type PieceReference,
  type RandomSource,
  UmbelError,
} from "@umbel/core";
import type { BlockNetwork } from "../block/block-network.ts";
import { createPace } from "../client/pace.ts";
import { createErasureCode } from "../erasure/erasure-code.ts";
import { openPiece } from "../format/piece.ts";
import { openRoot } from "../format/root.ts";
import { FETCH_WINDOW_BLOCKS } from "../limits.ts";
import { createCancellation } from "../service/cancellation.ts";
import { type FetchContext, type FetchTiming, getRootBlock, getSharedBlock } from "./block-getter.ts";
import { FetchedFile } from "./fetched-file.ts";
import { FetchedFolder } from "./fetched-folder.ts";

export interface FetchOptions {
  readonly crypto: CryptoProvider;
  /** Chooses which of a root's locations is asked first. */
  readonly random: RandomSource;
  /** Of this operation alone; the caller closes it. */
  readonly network: BlockNetwork;
  /** Called with the number of blocks that have arrived, after each. */
  readonly progress?: ((blocks: number) => void) | undefined;
  readonly signal?: AbortLike | undefined;
  /** Data blocks asked ahead; FETCH_WINDOW_BLOCKS when absent. */
  readonly ahead?: number | undefined;
  /** With it, parity is used where that is quicker than waiting for a slow block. */
  readonly timing?: FetchTiming | undefined;
}

/**
 * Gets the root of a reference and says what it is; the content is fetched as it is read. Every byte that comes out was
 * checked against the reference. Throws NOT_FOUND, CRYPTO_FAILED when key and root do not belong together,
 * BAD_ENCODING when the publisher broke the format, ABORTED, NO_PATH, NETWORK_UNREACHABLE.
 */
export async function openReference(
  options: FetchOptions & {
    /** What `parseReference` gave; its path is the caller's to follow. */
    readonly reference: Pick<FileReference, "rootId" | "readKey">;
  },
): Promise<FetchedFile | FetchedFolder> {
  const { crypto, reference } = options;
  const context = contextOf(options);
  const block = await getRootBlock(context, reference.rootId);
  const root = openRoot(crypto, reference.readKey, block);
  return root.kind === "file"
    ? new FetchedFile(context, reference.readKey, root)
    : new FetchedFolder(context, reference.readKey, root);
}

/** Gets a small file out of the block that it shares with others. Throws as `openReference`. */
export async function openPieceReference(
  options: FetchOptions & { readonly reference: PieceReference },
): Promise<FetchedFile> {
  const { crypto, reference } = options;
  const { blockId, readKey, offset, size } = reference;
  const context = contextOf(options);
  const block = await getSharedBlock(context, blockId);
  const bytes = openPiece(crypto, readKey, block, offset, size);
  return new FetchedFile(context, readKey, {
    name: undefined,
    attributes: {},
    content: { kind: "inline", bytes },
  });
}

function contextOf(options: FetchOptions): FetchContext {
  const { crypto, random, network, progress } = options;
  // One listener on the caller's signal, however many blocks are under way; it goes with the signal, which is of this operation.
  const { signal } = createCancellation(options.signal);
  if (signal.aborted) throw new UmbelError("ABORTED", "the fetch was stopped");
  let blocks = 0;
  return {
    ...{ crypto, random, network, signal },
    ahead: options.ahead ?? FETCH_WINDOW_BLOCKS,
    ...{ timing: options.timing, pace: createPace(), erasure: lazily(createErasureCode) },
    onBlock: () => progress?.(++blocks),
  };
}

function lazily<Made>(make: () => Made): () => Made {
  let made: { readonly it: Made } | undefined;
  return () => {
    made ??= { it: make() };
    return made.it;
  };
}
