import { type ContentReference, type FileReference, type PieceReference, UmbelError } from "@umbel/core";
import { nodeProvider } from "@umbel/core/platform/node-crypto";
import { nodeRandom } from "@umbel/core/platform/node-random";
import { systemClock, systemTimers } from "@umbel/router/platform/system-clock";
import { type FetchedFile, type FetchedFolder, openPieceReference, openReference } from "@umbel/storage";
import type { Operation } from "./client.ts";
import { openInner, type ReferenceKeys } from "./references.ts";

/** Content in the network, under a root of its own or in a block shared with others: what every kind that can be read comes down to. */
export type ResolvedReference = FileReference | PieceReference;

export interface OpenOptions {
  readonly signal: AbortSignal;
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
      return reference;
    case "verify":
      throw unreadable("a verify reference can check and repair, not read: umbel repair takes it");
    case "owner":
      throw unreadable("it is the owner's secret of a site, not content; do not pass it on");
    case "recipient":
      throw unreadable("it names somebody to publish for, not content");
    default:
      throw unreadable(`a reference of kind "${reference.kind}" cannot be fetched by this version of umbel`);
  }
}

/** The content that a reference means now. Sites and editions ask the network. Throws as `openReference`. */
export async function resolveReference(
  reference: ContentReference,
  _operation: Operation,
  _options: OpenOptions,
): Promise<ResolvedReference> {
  switch (reference.kind) {
    case "file":
    case "piece":
      return reference;
    default:
      throw unreadable(`a reference of kind "${reference.kind}" cannot be fetched by this version of umbel`);
  }
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
