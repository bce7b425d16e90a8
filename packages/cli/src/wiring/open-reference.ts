import { type ContentReference, type FileReference, type PieceReference, UmbelError } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { systemClock, systemTimers } from "@umbel/router/platform/system-clock";
import {
  type FetchedFile,
  type FetchedFolder,
  openPieceReference,
  openReference,
  readEdition,
  readNumber,
  readSite,
} from "@umbel/storage";
import type { Operation } from "./client.ts";
import { openInner, type ReferenceKeys } from "./references.ts";
import { withSiteContext } from "./site-context.ts";

/** Content in the network, under a root of its own or in a block shared with others: what every kind that can be read comes down to. */
export type ResolvedReference = FileReference | PieceReference;

export interface OpenOptions {
  readonly signal: AbortSignal;
  /** Where it is kept which editions of sites were seen. */
  readonly dataDir: string;
  /** The network's name. */
  readonly network: string;
  /** The number of the edition of a site that is wanted; the newest when absent. */
  readonly edition?: number | undefined;
  /** Called with the number of blocks that have arrived, after each. */
  readonly progress?: ((blocks: number) => void) | undefined;
  /** Told what the person must know, as that a site was rolled back. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/**
 * What a person gave, without the network: parsed, and opened where it is locked or sealed. Throws as `openInner`, and BAD_INPUT for
 * a kind that cannot be read.
 */
export async function unwrapReference(text: string, keys: ReferenceKeys): Promise<ContentReference> {
  const reference = await openInner(text, keys);
  switch (reference.kind) {
    case "file":
    case "piece":
    case "site":
    case "edition":
      return reference;
    case "verify":
      throw unreadable("a verify reference can check and repair, not read: umbel repair takes it");
    case "owner":
      throw unreadable("it is the owner's secret of a site, not content; do not pass it on");
    case "recipient":
      throw unreadable("it names somebody to publish for, not content");
  }
}

/**
 * The content that a reference means now. Sites and editions ask the network, over circuits of their own. Throws as `openReference`,
 * and SITE_ROLLBACK, SITE_FORK and SITE_REVOKED.
 */
export async function resolveReference(
  reference: ContentReference,
  { client }: Operation,
  options: OpenOptions,
): Promise<ResolvedReference> {
  if (options.edition !== undefined && reference.kind !== "site")
    throw unreadable(`--edition is for sites, and this is a ${reference.kind} reference`);
  if (reference.kind === "file" || reference.kind === "piece") return reference;
  const { siteKey, path } = reference;
  const edition = await withSiteContext(client, options, (context) => {
    if (reference.kind === "edition") return readEdition(context, reference);
    return options.edition === undefined
      ? readSite(context, siteKey)
      : readNumber(context, siteKey, options.edition);
  });
  return { kind: "file", rootId: edition.rootId, readKey: edition.readKey, path };
}

/** Opens content; its path is the caller's to follow. Throws as `openReference` of the storage package. */
export function openResolved(
  resolved: ResolvedReference,
  operation: Operation,
  { signal, progress }: OpenOptions,
): Promise<FetchedFile | FetchedFolder> {
  const options = {
    crypto: nodeProvider,
    random: nodeRandom,
    timing: { clock: systemClock, timers: systemTimers },
    network: operation.network,
    ...{ signal, progress },
  };
  return resolved.kind === "piece"
    ? openPieceReference({ ...options, reference: resolved })
    : openReference({ ...options, reference: resolved });
}

function unreadable(why: string): UmbelError {
  return new UmbelError("BAD_INPUT", why);
}
